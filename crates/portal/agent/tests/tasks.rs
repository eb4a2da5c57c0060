//! Each kind of task from the portal's form to the portal's acceptance, checked by OpenSSL.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "../../renewal/tests/support/alter.rs"]
mod alter;
mod support;

use kortlab_apdu::Protocol;
use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};
use kortlab_issuer::random::IssuerRng;
use kortlab_portal_api::Serial;
use kortlab_portal_api::task::{Done, Language, Outcome, SignPurpose, Work};
use kortlab_portal_core::{Approval, IssuedPair, Order, Portal as _, Session, TRIAL_TEXT};
use kortlab_renewal::states::CardState;
use support::{AUTHENTICATION_PIN, Lab, SIGNATURE_PIN, binary, openssl, openssl_in};

fn serials(certificates: &[Vec<u8>]) -> Vec<Serial> {
    let serial = |der: &Vec<u8>| {
        let summary = CertificateSummary::from_der(der).unwrap();
        Serial::new(&summary.serial).unwrap()
    };
    certificates.iter().map(serial).collect()
}

/// Removes what has expired: the list that the portal shows.
fn remove(lab: &mut Lab, session: &Session) {
    let listed = lab.world.portal.certificates(&session.token).unwrap();
    let old: Vec<_> = listed
        .iter()
        .filter(|entry| entry.state == CertificateState::Expired)
        .map(|entry| Serial::new(&entry.summary.serial).unwrap())
        .collect();
    assert_eq!(old.len(), 2);
    let carrier = [Purpose::Authentication, Purpose::Signature]
        .map(|purpose| lab.certificate(Colour::Blue, purpose));
    let task = lab.task(Work::Remove {
        serials: old.clone(),
    });
    let page = lab.begin(&task);
    for serial in &old {
        page.assert_says(&serial.to_string());
    }
    let Done::Removed { serials } = lab.carry_out(&task) else {
        panic!("not removed");
    };
    assert_eq!(serials, old);
    assert_eq!(lab.certificates(), carrier, "the carrier's stay");
    for serial in &serials {
        let token = &session.token;
        lab.world.portal.removed(token, serial.as_bytes()).unwrap();
    }
}

fn request(lab: &mut Lab, session: &Session) -> (IssuedPair, Order) {
    let order = lab.world.portal.order(&session.token).unwrap();
    let task = lab.task(Work::Request {
        order: Box::new(order.clone()),
    });
    let page = lab.begin(&task);
    for line in order.data_to_check() {
        page.assert_says(&line.value);
    }
    let Done::Requested { approval } = lab.carry_out(&task) else {
        panic!("not requested");
    };
    let approval = Approval::from(*approval);
    let files = [
        ("auth.csr", approval.authentication_request.as_slice()),
        ("sign.csr", &approval.signature_request),
        ("approval.cms", &approval.signed_approval),
    ];
    let verify = ["req", "-verify", "-noout", "-inform", "DER", "-in"];
    let (directory, _) = openssl(&files, &[&verify[..], &["auth.csr"]].concat());
    openssl_in(directory.path(), &[&verify[..], &["sign.csr"]].concat());
    // What was shown is what was signed: the text begins with what the page had.
    let text = signed_text(&files[2], lab);
    let whole = order.approval_text(
        &approval.authentication_request,
        &approval.signature_request,
    );
    assert_eq!(text, whole);
    let shown: Vec<_> = whole.lines().take(whole.lines().count() - 2).collect();
    page.assert_says(&shown.join("\n"));
    let token = &session.token;
    let pair = lab
        .world
        .portal
        .approve(token, order.id, &approval)
        .unwrap();
    (pair, order)
}

/// The text in a CMS message that OpenSSL has verified up to the authorities.
fn signed_text(message: &(&str, &[u8]), lab: &mut Lab) -> String {
    let authorities = lab.world.authority_files().unwrap();
    let roots = authorities.map(|files| files.certificate_pem).concat();
    let time = lab.world.portal_time();
    let arguments = [
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-in",
        message.0,
        "-CAfile",
        "roots.pem",
        "-purpose",
        "any",
        "-attime",
        &time,
        "-out",
        "text",
    ];
    let (directory, _) = openssl(&[*message, ("roots.pem", roots.as_bytes())], &arguments);
    std::fs::read_to_string(directory.path().join("text")).unwrap()
}

trait PortalTime {
    fn portal_time(&self) -> String;
}

impl PortalTime for kortlab_renewal::world::TestWorld {
    fn portal_time(&self) -> String {
        use kortlab_issuer::clock::Clock as _;
        (self.clock.now().unix_seconds() + 1).to_string()
    }
}

fn pair_task(pair: &IssuedPair) -> Work {
    Work::Write {
        authentication: binary(&pair.authentication),
        signature: binary(&pair.signature),
    }
}

fn write(lab: &Lab, pair: &IssuedPair) {
    let task = lab.task(pair_task(pair));
    let Done::Written { serials: written } = lab.carry_out(&task) else {
        panic!("not written");
    };
    let both = [pair.authentication.clone(), pair.signature.clone()];
    assert_eq!(written, serials(&both));
    assert_eq!(lab.certificates()[2..], both);
    assert!(!lab.begin(&task).body.contains("in the certificates is"));
    // Again: nothing is left to be written, and no PIN is asked for.
    let task = lab.task(pair_task(pair));
    let page = lab.begin(&task);
    page.assert_says("On the card already");
    assert!(!page.body.contains("type=\"password\""));
    lab.carry_out(&task);
    assert_eq!(lab.certificates().len(), 4);
}

fn receipt(lab: &mut Lab, session: &Session) {
    let receipt = lab.world.portal.receipt(&session.token).unwrap().unwrap();
    let task = lab.task(Work::Sign {
        text: receipt.text.clone(),
        purpose: SignPurpose::Receipt,
    });
    lab.begin(&task).assert_says(&receipt.text);
    let Done::Signed { signed } = lab.carry_out(&task) else {
        panic!("not signed");
    };
    let text = signed_text(&("receipt.cms", signed.as_bytes()), lab);
    assert_eq!(text, receipt.text);
    let token = &session.token;
    lab.world
        .portal
        .sign_receipt(token, receipt.order, signed.as_bytes())
        .unwrap();
}

fn trial(lab: &mut Lab) {
    let task = lab.task(Work::Sign {
        text: TRIAL_TEXT.to_owned(),
        purpose: SignPurpose::Trial,
    });
    let Done::Signed { signed } = lab.carry_out(&task) else {
        panic!("not signed");
    };
    let row = lab.world.portal.try_signature(signed.as_bytes()).unwrap();
    assert_eq!(row.summary.colour, Colour::Pink);
}

fn whole_renewal(protocol: Protocol) {
    let mut lab = Lab::new(CardState::Expired, protocol);
    let Done::Shown { certificates } = lab.carry_out(&lab.task(Work::Show)) else {
        panic!("not shown");
    };
    let shown: Vec<_> = certificates
        .into_iter()
        .map(|der| der.into_bytes())
        .collect();
    assert_eq!(shown, lab.certificates());
    assert_eq!(shown.len(), 4);
    let session = lab.log_in();
    remove(&mut lab, &session);
    let (pair, _) = request(&mut lab, &session);
    write(&lab, &pair);
    receipt(&mut lab, &session);
    trial(&mut lab);
    let rows = lab.world.portal.test_page(&lab.certificates()).unwrap();
    let valid = |row: &kortlab_portal_core::TestPageRow| row.state == CertificateState::Valid;
    assert_eq!(rows.iter().filter(|row| valid(row)).count(), 4);
    assert_eq!(lab.tries(), [3, 3]);
    // Nothing is left under way, and the card has forgotten the PINs.
    assert!(journal_files(&lab).is_empty());
    let mut card = kortlab_card::Card::open(support::shared(&lab.reader)).unwrap();
    for role in kortlab_card::PinRole::ALL {
        let state = card.pin_status(role).unwrap();
        assert_eq!(state, kortlab_card::PinState::TriesLeft(3));
    }
}

fn journal_files(lab: &Lab) -> Vec<std::path::PathBuf> {
    let journal = lab.directory.path().join("journal");
    std::fs::read_dir(journal)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default()
}

#[test]
fn a_whole_renewal_through_the_agent_in_t0() {
    whole_renewal(Protocol::T0);
}

#[test]
fn a_whole_renewal_through_the_agent_in_t1() {
    whole_renewal(Protocol::T1);
}

#[test]
fn what_is_done_is_not_done_again_and_its_result_is_shown_again() {
    let lab = Lab::new(CardState::Valid, Protocol::T1);
    let task = lab.task(Work::Sign {
        text: TRIAL_TEXT.to_owned(),
        purpose: SignPurpose::Trial,
    });
    let page = lab.begin(&task);
    let fields = [("action", "do"), ("pin-sign", SIGNATURE_PIN)];
    let first = lab.go_on(&page, &fields);
    let image = lab.image();
    // The same form once more, the page loaded anew, and a wrong PIN: all too late.
    let wrong = [("action", "do"), ("pin-sign", "000000")];
    for again in [
        lab.go_on(&page, &fields),
        lab.go_on(&page, &wrong),
        lab.go_on(&page, &[("action", "cancel")]),
        lab.begin(&task),
    ] {
        assert_eq!(again.hidden("result"), first.hidden("result"));
    }
    assert_eq!(lab.image(), image);
    assert_eq!(lab.tries(), [3, 3]);
}

#[test]
fn a_visitor_can_cancel_in_either_language_and_the_portal_is_told() {
    let lab = Lab::new(CardState::Valid, Protocol::T1);
    let mut task = lab.task(Work::Show);
    for (language, words) in [
        (Language::Swedish, "Inget har ändrats på kortet"),
        (Language::English, "Nothing was changed on the card"),
    ] {
        task = lab.task(task.work.clone());
        task.language = language;
        let page = lab.begin(&task);
        assert!(
            page.body
                .contains(&format!("<html lang=\"{}\">", language.tag()))
        );
        let result = lab.go_on(&page, &[("action", "cancel")]).result();
        assert!(result.answers(&task));
        assert_eq!(result.outcome, Outcome::Cancelled);
        assert!(result.message.contains(words), "{}", result.message);
    }
}

/// The card is pulled out in the middle of the write; the next visit recovers it and goes on.
#[test]
fn an_interrupted_write_is_recovered_before_the_task_goes_on() {
    let mut lab = Lab::new(CardState::Delivered, Protocol::T0);
    let session = lab.log_in();
    let (pair, _) = request(&mut lab, &session);
    let before = {
        let mut image = lab.card().as_ref().unwrap().card().image();
        image.settings.memory = MemoryTechnology::Paged;
        image
    };
    let mut recovered = 0;
    for bytes in (200..).step_by(700) {
        let card = VirtualCard::new(before.clone(), CardRng::from_seed(1)).unwrap();
        let mut card = InProcess::ephemeral(card);
        card.card_mut()
            .schedule_power_cut(PowerCut::AfterBytes(bytes));
        *lab.card() = Some(card);
        let task = lab.task(pair_task(&pair));
        let page = lab.begin(&task);
        let fields = [("action", "do"), ("pin-auth", AUTHENTICATION_PIN)];
        let stopped = lab.go_on(&page, &fields);
        if !stopped.body.contains("It did not work") {
            assert!(matches!(stopped.result().outcome, Outcome::Done(_)));
            break;
        }
        assert_eq!(stopped.result().outcome, Outcome::Failed);
        lab.card().as_mut().unwrap().reinsert();
        let mut page = lab.go_on(&page, &[("action", "show")]);
        // A cut that left no trace on the card leaves nothing to recover either: its note is
        // kept, and the task goes on.
        if page.body.contains("First: a change that was interrupted") {
            let notes = journal_files(&lab).len();
            // Wrong PINs count here as well.
            let wrong = lab.go_on(&page, &[("action", "do"), ("pin-auth", "000000")]);
            wrong.assert_says("Tries left on the card: 2");
            page = lab.go_on(&wrong, &fields);
            page.assert_says("Now the task goes on");
            assert_eq!(journal_files(&lab).len(), notes - 1);
            recovered += 1;
            // One wrong PIN of two a portal may cause in a while.
            lab = Lab {
                agent: lab.fresh_agent(),
                ..lab
            };
            let task = lab.task(pair_task(&pair));
            lab.carry_out(&task);
        } else {
            assert!(matches!(
                lab.go_on(&page, &fields).result().outcome,
                Outcome::Done(_)
            ));
        }
        let both = [pair.authentication.clone(), pair.signature.clone()];
        assert_eq!(lab.certificates()[2..], both);
    }
    assert!(recovered > 2, "{recovered}");
}

/// The agent is told to stop in the middle of a write: it does, after the write.
#[test]
fn a_change_that_is_under_way_is_finished_before_the_agent_stops() {
    let mut lab = Lab::new(CardState::Delivered, Protocol::T1);
    let session = lab.log_in();
    let (pair, _) = request(&mut lab, &session);
    let page = lab.begin(&lab.task(pair_task(&pair)));
    let token = page.hidden("token");
    let body = support::form(&[
        ("token", &token),
        ("action", "do"),
        ("pin-auth", AUTHENTICATION_PIN),
    ]);
    let mut headers = lab.own_headers();
    headers.push(("Host".to_owned(), lab.host()));
    let (address, path) = (lab.agent.address(), page.action());
    lab.pause.at_the_next_change();
    let writing = std::thread::spawn(move || {
        support::send(address, "POST", &path, &headers, body.as_bytes())
    });
    while !lab.pause.has_begun() {
        assert!(!writing.is_finished());
        std::thread::yield_now();
    }
    let next = lab.fresh_agent();
    let agent = std::mem::replace(&mut lab.agent, next);
    let stopping = std::thread::spawn(move || agent.stop());
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!stopping.is_finished());
    lab.pause.end();
    stopping.join().unwrap().unwrap();
    assert!(journal_files(&lab).is_empty());
    let both = [pair.authentication.clone(), pair.signature.clone()];
    assert_eq!(lab.certificates()[2..], both);
    // Even the answer has arrived.
    assert!(matches!(
        writing.join().unwrap().result().outcome,
        Outcome::Done(_)
    ));
}

/// The visitor of a hostile portal's tasks sees what is asked, and no field for a PIN.
#[test]
fn of_150_altered_texts_and_orders_none_is_signed_unseen() {
    let mut lab = Lab::new(CardState::Delivered, Protocol::T1);
    let session = lab.log_in();
    let (pair, _) = request(&mut lab, &session);
    write(&lab, &pair);
    let token = &session.token;
    let receipt = lab.world.portal.receipt(token).unwrap().unwrap().text;
    let mut rng = IssuerRng::from_seed(2026, "altered tasks");
    for round in 0..100 {
        let (text, purpose) = match round % 2 {
            0 => (&receipt, SignPurpose::Receipt),
            _ => (&TRIAL_TEXT.to_owned(), SignPurpose::Trial),
        };
        let altered = alter::altered(text, &mut rng);
        // The order's name and the random value may be any: the agent knows neither.
        let is_opaque = |(line, (one, other)): (usize, (&str, &str))| {
            one == other || (matches!(line, 1 | 2) && one.len() == other.len())
        };
        let lines = altered.split('\n').zip(text.split('\n'));
        if altered.len() == text.len() && lines.enumerate().all(is_opaque) {
            continue;
        }
        let page = lab.begin(&lab.task(Work::Sign {
            text: altered.clone(),
            purpose,
        }));
        assert!(!page.body.contains("type=\"password\""), "{altered:?}");
        if page.status == 200 {
            assert_eq!(page.result().outcome, Outcome::Failed);
            page.assert_says("The text that was not signed");
        }
    }
    // A receipt in the name of a trial, and the other way round.
    for (text, purpose) in [
        (receipt.as_str(), SignPurpose::Trial),
        (TRIAL_TEXT, SignPurpose::Receipt),
    ] {
        let page = lab.begin(&lab.task(Work::Sign {
            text: text.to_owned(),
            purpose,
        }));
        page.assert_says("It is not signed");
        assert!(!page.body.contains("type=\"password\""), "{text:?}");
    }
    let order = lab.world.portal.order(token).unwrap();
    for round in 0..50 {
        let mut altered = order.clone();
        let holder = &mut altered.holder;
        let field = match round % 4 {
            0 => &mut holder.given_name,
            1 => &mut holder.surname,
            2 => &mut holder.organisation,
            _ => &mut holder.county,
        };
        *field = alter::altered(field, &mut rng);
        let page = lab.begin(&lab.task(Work::Request {
            order: Box::new(altered.clone()),
        }));
        if page.body.contains("type=\"password\"") {
            // It has the form of a name: the visitor is told that it is another one.
            page.assert_says("in the order is not as on the card");
        }
    }
    assert_eq!(lab.tries(), [3, 3]);
}

/// The guide has the old HCCs removed before new ones are ordered. What they said is not lost.
#[test]
fn an_altered_order_is_told_from_the_card_also_when_its_hccs_are_removed() {
    let mut lab = Lab::new(CardState::Expired, Protocol::T1);
    let session = lab.log_in();
    let order = lab.world.portal.order(&session.token).unwrap();
    let mut altered = order.clone();
    altered.holder.organisation = "Annan Övningskommun".to_owned();
    let [honest, altered] = [order, altered].map(|order| Work::Request {
        order: Box::new(order),
    });
    let differs = "in the order is not as on the card";
    remove(&mut lab, &session);
    lab.begin(&lab.task(altered.clone())).assert_says(differs);
    // Another agent, later.
    lab.agent = lab.fresh_agent();
    lab.begin(&lab.task(altered)).assert_says(differs);
    assert!(!lab.begin(&lab.task(honest)).body.contains(differs));
    let (pair, _) = request(&mut lab, &session);
    let notes = lab.directory.path().join("notes");
    assert_eq!(std::fs::read_dir(&notes).unwrap().count(), 1);
    write(&lab, &pair);
    assert_eq!(std::fs::read_dir(&notes).unwrap().count(), 0);
}

/// Two HCCs for the card, by an authority of another version, valid for three years.
fn pair_of_another_authority(lab: &Lab) -> [Vec<u8>; 2] {
    use kortlab_issuer::authority::{Authority, AuthorityKind, CertificateData};
    use kortlab_issuer::clock::DAY;
    use kortlab_issuer::profile::{AuthorityUrls, CarrierSubject, CertificateKind};
    use kortlab_issuer::public_key::PublicKey;
    use kortlab_issuer::random::IssuerRng;

    let mut rng = IssuerRng::from_seed(1, "another version");
    let since = support::date().before(DAY);
    let name = "TEST SITHS Type 1 CA v2";
    let urls = AuthorityUrls::example("v2");
    let mut authority =
        Authority::create_named(AuthorityKind::Hcc, name, urls, since, &mut rng).unwrap();
    let world = &lab.world;
    [
        (
            CertificateKind::HccAuthentication,
            &world.authentication_key,
        ),
        (CertificateKind::HccSignature, &world.signature_key),
    ]
    .map(|(kind, key)| {
        let data = CertificateData {
            kind,
            holder: &world.holder,
            card_number: &world.card_number,
            carrier_subject: CarrierSubject::default(),
            not_before: since,
            not_after: since.after(3 * 365 * DAY),
        };
        let key = PublicKey::from_spki_der(&key.public_key_der()).unwrap();
        authority.issue(&data, &key, &mut rng).unwrap()
    })
}

#[test]
fn what_a_pair_says_otherwise_than_the_card_is_shown_before_it_is_written() {
    let mut lab = Lab::new(CardState::Expired, Protocol::T1);
    let [authentication, signature] = pair_of_another_authority(&lab);
    let task = Work::Write {
        authentication: binary(&authentication),
        signature: binary(&signature),
    };
    let session = lab.log_in();
    // With the old HCCs on the card, and when they are removed.
    for removed in [false, true] {
        if removed {
            remove(&mut lab, &session);
            lab.agent = lab.fresh_agent();
        }
        let page = lab.begin(&lab.task(task.clone()));
        page.assert_says("Issuer in the certificates is");
        page.assert_says("TEST SITHS Type 1 CA v2");
        page.assert_says("Validity in the certificates is");
        page.assert_says("1095 dagar / days, and not as on the card, which says 730 dagar / days");
        assert!(!page.body.contains("Name in the certificates is"));
    }
}
