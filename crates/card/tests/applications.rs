//! Cards whose PKCS#15 files are not where a reset leaves the reader: behind an AID, behind a
//! warning, behind `61xx`; and cards that have none.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use kortlab_apdu::{Channel, ChannelError, FilePath, Protocol, ResetKind};
use kortlab_card::problem::Problem;
use kortlab_card::{
    Against, Card, CardError, Change, ErrorKind, Hash, MemoryJournal, PinRole, PinState, Scheme,
};
use kortlab_emulator::image::Fid;
use kortlab_emulator::{Image, InProcess};
use support::{PROTOCOLS, insert, model, old_and_stays, pin, unlocked};

const PKCS15: &str = "A000000063504B43532D3135";
const ISO_APPLET: &str = "F276A288BCFBA69D34F31001";

/// What a card does differently.
#[derive(Clone, Debug)]
enum Way {
    /// Its files are there only while the application with one of these AIDs is selected.
    Behind(Vec<Vec<u8>>),
    /// It answers to these AIDs, and has no files at all.
    Only(Vec<Vec<u8>>),
    /// It answers to every AID, and has no files at all.
    Everything,
    /// It selects with this warning.
    Warns(u16),
    /// It offers data that nobody asked for, and counts how often.
    Offers,
}

#[derive(Debug)]
struct Other {
    card: InProcess,
    way: Way,
    inside: bool,
    commands: usize,
}

impl Other {
    fn new(image: Image, way: Way) -> Self {
        Self {
            card: insert(image),
            way,
            inside: false,
            commands: 0,
        }
    }

    fn by_name(command: &[u8]) -> Option<&[u8]> {
        match command {
            [0x00, 0xA4, 0x04, _, length, rest @ ..] => rest.get(..usize::from(*length)),
            _ => None,
        }
    }
}

impl Channel for Other {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        self.commands += 1;
        let name = Self::by_name(command);
        match (&self.way, name) {
            (Way::Behind(aids), Some(name)) => {
                self.inside = aids.iter().any(|aid| aid == name);
                if self.inside {
                    // Its own MF is the current DF.
                    self.card
                        .transmit(&[0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00]);
                }
                Ok(if self.inside {
                    vec![0x90, 0x00]
                } else {
                    vec![0x6A, 0x82]
                })
            }
            (Way::Behind(_), None) if !self.inside => Ok(vec![0x69, 0x86]),
            (Way::Only(aids), Some(name)) if aids.iter().any(|aid| aid.starts_with(name)) => {
                Ok(vec![0x90, 0x00])
            }
            (Way::Everything, Some(_)) => Ok(vec![0x90, 0x00]),
            (Way::Only(_), Some(_)) => Ok(vec![0x6A, 0x82]),
            (Way::Only(_) | Way::Everything, None) => Ok(vec![0x6D, 0x00]),
            _ => {
                let mut answer = self.card.transmit(command);
                let selects = command.get(1) == Some(&0xA4);
                match self.way {
                    Way::Warns(warning) if selects => {
                        if let Some(start) = answer.len().checked_sub(2)
                            && answer[start..] == [0x90, 0x00]
                        {
                            answer.truncate(start);
                            answer.extend(warning.to_be_bytes());
                        }
                    }
                    Way::Offers
                        if answer == [0x90, 0x00]
                            && matches!(command.get(1), Some(0xA4 | 0x20 | 0x22 | 0xD6)) =>
                    {
                        answer = vec![0x61, 0x00];
                    }
                    _ => {}
                }
                Ok(answer)
            }
        }
    }
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.inside = false;
        Channel::reset(&mut self.card, kind)
    }
    fn atr(&self) -> &[u8] {
        Channel::atr(&self.card)
    }
    fn protocol(&self) -> Protocol {
        Channel::protocol(&self.card)
    }
}

fn aid(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn image(protocol: Protocol) -> Image {
    model(protocol).build().expect("an image")
}

/// States of PINs, a signature, a reset, and another signature.
fn use_card(card: &mut Card<Other>) -> Result<(), CardError> {
    for role in PinRole::ALL {
        assert_eq!(card.pin_status(role), Ok(PinState::TriesLeft(3)));
    }
    for _ in 0..2 {
        card.unlocked(PinRole::Authentication, &pin("123456"), |key| {
            key.sign(Scheme::Pkcs1(Hash::Sha256), b"x")
        })?;
        card.reset()?;
        card.refresh()?;
    }
    Ok(())
}

#[test]
fn an_application_that_is_not_the_default_one_is_selected_by_its_aid() {
    for protocol in PROTOCOLS {
        for known in [PKCS15, ISO_APPLET, "A000000177504B43532D3135"] {
            let way = Way::Behind(vec![aid(known)]);
            let mut card = Card::open(Other::new(image(protocol), way)).expect("a session");
            assert_eq!(card.contents().problems, []);
            assert_eq!(card.contents().selected, Some(aid(known)));
            assert_eq!(card.keys().len(), 2);
            // Another program looks at another application in between.
            card.channel_mut().inside = false;
            let odf = [0x3F, 0x00, 0x50, 0x15, 0x50, 0x31].into();
            card.exclusively(|card| card.files().read(&odf))
                .expect("its files");
            card.reset().expect("reset");
            card.refresh().expect("read anew");
            assert_eq!(card.contents().selected, Some(aid(known)));
        }
    }
}

#[test]
fn an_application_in_a_directory_that_nothing_names_is_found_and_used() {
    // DF(PKCS15) has another identifier, and there is no EF.DIR: its name is the only way to it.
    for protocol in PROTOCOLS {
        let mut image = image(protocol);
        let files = image.master_file.files_mut().expect("files");
        files.retain(|file| file.fid != Fid(0x2F00));
        let application = files.iter_mut().find(|file| file.fid == Fid(0x5015));
        application.expect("DF(PKCS15)").fid = Fid(0x7F10);
        let channel = Other::new(image, Way::Warns(0x9000));
        let mut card = Card::open(channel).expect("a session");
        assert_eq!(card.contents().problems, []);
        assert_eq!(card.contents().application, FilePath::CURRENT_DF);
        assert_eq!(card.contents().selected, Some(aid(PKCS15)));
        use_card(&mut card).expect("it works");
    }
}

#[test]
fn what_is_listed_from_the_master_file_is_known_in_an_application_reached_by_its_aid() {
    let json = old_and_stays(model(Protocol::T1)).to_json();
    // The directories list the certificates below 3F00/7F10, which is not known as the application.
    let moved = json.replace("3F005015", "3F007F10");
    assert_ne!(moved, json);
    let mut image = Image::from_json(moved.as_bytes()).expect("an image");
    let files = image.master_file.files_mut().expect("files");
    files.retain(|file| file.fid != Fid(0x2F00));
    let application = files.iter_mut().find(|file| file.fid == Fid(0x5015));
    application.expect("DF(PKCS15)").fid = Fid(0x7F10);
    let mut card = Card::open(Other::new(image, Way::Warns(0x9000))).expect("a session");
    assert_eq!(card.contents().application, FilePath::CURRENT_DF);
    assert_eq!(card.slots().expect("slots").len(), 2);
    let checked = card.check(std::time::SystemTime::now(), &Against::default());
    let codes = |problems: &[Problem]| problems.iter().map(Problem::code).collect::<Vec<_>>();
    let found = codes(&checked.expect("checked").problems);
    assert!(!found.contains(&"certificate-not-listed"), "{found:?}");
    assert!(!found.contains(&"directory-not-listed"), "{found:?}");
}

#[test]
fn a_warning_of_select_is_told_and_the_file_is_read() {
    for protocol in PROTOCOLS {
        for warning in [0x6283, 0x6284, 0x6285, 0x6286, 0x6200] {
            let channel = Other::new(image(protocol), Way::Warns(warning));
            let mut card = Card::open(channel).expect("a session");
            let text = format!("{warning:04X}");
            let problems = &card.contents().problems;
            let told = |file: &str| {
                problems.iter().any(|problem| {
                    problem.code() == "selected-with-warning"
                        && problem.to_string().contains(file)
                        && problem.to_string().contains(&text)
                })
            };
            // Under T=0 the status word of GET RESPONSE is the last one, which has no warning.
            if protocol == Protocol::T1 {
                assert!(told("EF(ODF)") && told("EF(AODF)"), "{problems:?}");
            }
            assert_eq!(card.keys().len(), 2);
            use_card(&mut card).expect("it works");
        }
    }
}

#[test]
fn data_that_is_offered_and_was_not_asked_for_is_no_refusal() {
    for protocol in PROTOCOLS {
        let channel = Other::new(image(protocol), Way::Offers);
        let mut card = Card::open(channel).expect("a session");
        assert_eq!(card.contents().problems, []);
        for _ in 0..2 {
            card.unlocked(PinRole::Authentication, &pin("123456"), |key| {
                key.sign(Scheme::Pkcs1(Hash::Sha256), b"x")
            })
            .expect("signed");
        }
    }
}

#[test]
fn a_card_without_pkcs15_is_named_for_what_it_answers_to() {
    for (aids, names) in [
        (&["A000000308000010000100"][..], &["PIV"][..]),
        (&["D27600012401030400060000000100000000"][..], &["OpenPGP"]),
        (&["315041592E5359532E4444463031"], &["EMV"]),
        (
            &["A000000308000010000100", "A0000006472F0001"],
            &["PIV", "FIDO"],
        ),
        (&["A000000151000000"], &["GlobalPlatform"]),
    ] {
        let way = Way::Only(aids.iter().map(|text| aid(text)).collect());
        let error = Card::open(Other::new(image(Protocol::T1), way)).expect_err("no PKCS#15");
        assert_eq!(error.kind(), ErrorKind::NotPkcs15);
        for name in names {
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
        assert!(error.next_step().is_some());
    }
}

#[test]
fn a_card_that_answers_to_everything_or_to_nothing_is_not_named() {
    for way in [Way::Everything, Way::Only(Vec::new())] {
        let error = Card::open(Other::new(image(Protocol::T0), way)).expect_err("no PKCS#15");
        assert_eq!(error.kind(), ErrorKind::NotPkcs15);
        let text = error.to_string();
        assert!(!text.contains("answers to"), "{text}");
        assert!(error.next_step().is_some_and(|next| next.contains("atr")));
    }
}

#[test]
fn looking_for_an_application_takes_few_commands() {
    let mut channel = Other::new(image(Protocol::T1), Way::Only(Vec::new()));
    Card::open(&mut channel).expect_err("no PKCS#15");
    assert!(channel.commands < 40, "{}", channel.commands);
}

/// EF.DIR with this template (tag 61) behind that of the application.
fn listing(template: &str) -> Image {
    let image = old_and_stays(model(Protocol::T1)).to_json();
    let mut image: serde_json::Value = serde_json::from_str(&image).unwrap();
    let files = image["master_file"]["files"].as_array_mut().unwrap();
    let mut files = files.iter_mut();
    let dir = files.find(|file| file["fid"] == "2F00").unwrap();
    let listed = dir["data"].as_str().unwrap().to_owned();
    dir["data"] = (listed.trim_end_matches("00").to_owned() + template).into();
    Image::from_json(image.to_string().as_bytes()).unwrap()
}

#[test]
fn a_file_that_an_application_which_was_not_read_may_name_stays_on_the_card() {
    for (template, unread) in [
        ("", 0),
        // The application itself, under another AID.
        ("610D4F05E828BD080F51043F005015", 0),
        ("61154F0DA000000063504B43532D3135015104 3F005016", 1),
        ("610D4F05E828BD080F51043F005016", 1),
        ("61074F05A000000003", 1),
    ] {
        let mut card = unlocked(listing(&template.replace(' ', "")));
        let others = card.contents().unread_applications();
        assert_eq!(others.len(), unread, "{template}: {others:?}");
        let old = card.slots().unwrap().remove(0);
        let path = old.path.clone().unwrap();
        let remove = Change::new().remove(old);
        let changed = card.change(&remove, &mut MemoryJournal::new()).unwrap();
        let stays = changed
            .warnings
            .iter()
            .any(|warning| warning.contains("not read"));
        assert_eq!(stays, unread > 0, "{template}: {:?}", changed.warnings);
        assert_eq!(
            card.files().exists(&path).unwrap(),
            unread > 0,
            "{template}"
        );
        assert_eq!(card.slots().unwrap().len(), 1);
    }
}
