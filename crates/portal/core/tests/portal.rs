//! The portal's flow and each of its refusals.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use core::time::Duration;

use kortlab_issuer::authority::{AuthorityKind, CertificateState};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{Clock, DAY};
use kortlab_issuer::holder::Holder;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};
use kortlab_issuer::profile::CarrierSubject;
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_core::{
    Approval, Enrolment, KeyRefused, LogInKey, LogInScheme, OrderId, OrderState, Portal,
    PortalError, SessionToken,
};
use rsa::PrivateKey;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use support::{SoftKey, SoftLogIn, World};

/// The code of a refusal.
fn code<T: core::fmt::Debug>(result: Result<T, PortalError>) -> String {
    result.unwrap_err().code().to_owned()
}

fn states(world: &mut World, session: &kortlab_portal_core::Session) -> Vec<CertificateState> {
    let list = world.portal.certificates(&session.token).unwrap();
    list.iter().map(|entry| entry.state).collect()
}

#[test]
fn the_guide_s_flow_ends_with_two_blue_and_two_pink_valid_certificates() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    assert_eq!(session.card_number, card.number);
    assert!(states(&mut world, &session).is_empty());

    let order = world.portal.order(&session.token).unwrap();
    assert_eq!(order.state, OrderState::Open);
    let data = order.data_to_check();
    assert!(
        data.iter()
            .any(|line| line.value == session.holder.full_name())
    );
    let approval = world.approval(&card, &order);
    let pair = world
        .portal
        .approve(&session.token, order.id, &approval)
        .unwrap();
    assert_eq!(
        states(&mut world, &session),
        [CertificateState::OnHold; 2],
        "not valid until the receipt is signed"
    );

    world.sign_receipt(&card, &session, &pair);
    assert_eq!(states(&mut world, &session), [CertificateState::Valid; 2]);
    assert_eq!(world.portal.receipt(&session.token).unwrap(), None);
    world.portal.log_out(&session.token).unwrap();
    assert_eq!(
        code(world.portal.certificates(&session.token)),
        "session-over"
    );

    let page = world
        .portal
        .test_page(&[
            card.carrier.authentication.clone(),
            card.carrier.signature.clone(),
            pair.authentication.clone(),
            pair.signature.clone(),
        ])
        .unwrap();
    let table: Vec<_> = page
        .iter()
        .map(|row| {
            (
                row.summary.colour,
                row.summary.purpose,
                row.state,
                row.known,
            )
        })
        .collect();
    let valid = CertificateState::Valid;
    assert_eq!(
        table,
        [
            (Colour::Blue, Purpose::Authentication, valid, true),
            (Colour::Blue, Purpose::Signature, valid, true),
            (Colour::Pink, Purpose::Authentication, valid, true),
            (Colour::Pink, Purpose::Signature, valid, true),
        ]
    );
    let hcc = &page[2].summary;
    assert_eq!(hcc.hsa_id.as_deref(), Some(session.holder.hsa_id.as_str()));
    assert_eq!(hcc.card_number.as_deref(), Some(card.number.as_str()));
    assert_eq!(
        page[0].summary.card_number.as_deref(),
        Some(card.number.as_str())
    );

    // Both trials of the test page.
    let trial = world.try_authentication(&card.authentication, &pair.authentication);
    assert_eq!(trial.unwrap().certificate, pair.authentication);
    let signed = card
        .signature
        .sign_text(b"trial", &pair.signature, world.clock.now());
    assert!(world.portal.try_signature(&signed).is_ok());
}

#[test]
fn log_in_with_an_hcc_is_refused_and_says_which_certificate_to_use() {
    let mut world = World::new();
    let card = world.enrol("card");
    let pair = world.portal.issue_at_the_counter(&card.number).unwrap();
    let error = world
        .try_log_in(&card.authentication, &pair.authentication)
        .unwrap_err();
    assert_eq!(error.code(), "hcc-log-in");
    assert!(
        error
            .to_string()
            .contains("use the certificate issued by Telia Card Identifier"),
        "{error}"
    );
    assert!(error.swedish().unwrap().contains("Telia Card Identifier"));
}

#[test]
fn log_in_needs_the_carrier_s_authentication_certificate_known_valid_and_its_key() {
    let mut world = World::new();
    let card = world.enrol("card");
    let other = world.enrol("other");
    let certificate = card.carrier.authentication.clone();
    let signature = card.carrier.signature.clone();
    assert_eq!(
        code(world.try_log_in(&card.signature, &signature)),
        "not-for-log-in"
    );
    // The wrong card in the reader: another key signs.
    assert_eq!(
        code(world.try_log_in(&other.authentication, &certificate)),
        "log-in-signature"
    );
    // Another world's card.
    let mut elsewhere = World::new();
    elsewhere.clock.advance(DAY);
    let stranger = elsewhere.enrol("stranger");
    assert_eq!(
        code(world.try_log_in(&stranger.authentication, &stranger.carrier.authentication)),
        "unknown-certificate"
    );
    // A changed byte in a certificate that was issued here.
    let mut changed = certificate.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(
        code(world.try_log_in(&card.authentication, &changed)),
        "unknown-certificate"
    );
    assert_eq!(
        code(world.try_log_in(&card.authentication, &[0x30])),
        "unreadable-certificate"
    );

    world
        .portal
        .revoke_at_the_counter(&certificate, RevocationReason::KeyCompromise)
        .unwrap();
    assert_eq!(
        code(world.try_log_in(&card.authentication, &certificate)),
        "certificate-not-usable"
    );
    world.clock.advance(6 * 365 * DAY);
    let certificate = other.carrier.authentication.clone();
    assert_eq!(
        code(world.try_log_in(&other.authentication, &certificate)),
        "certificate-not-usable"
    );
}

/// Answers with a signature that was made for an earlier log-in.
struct Replayed {
    certificate: Vec<u8>,
    signature: Vec<u8>,
}

impl LogInKey for Replayed {
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn sign(&mut self, _: LogInScheme, _: &[u8]) -> Result<Vec<u8>, KeyRefused> {
        Ok(self.signature.clone())
    }
}

#[test]
fn the_signature_of_an_earlier_log_in_does_not_log_in_again() {
    let mut world = World::new();
    let card = world.enrol("card");
    let certificate = card.carrier.authentication.clone();
    let mut key = SoftLogIn::new(&card.authentication, &certificate);
    assert!(world.portal.log_in(&mut key).is_ok());
    assert!(world.portal.log_in(&mut key).is_ok());
    assert_ne!(key.signed[0], key.signed[1]);
    let mut replayed = Replayed {
        signature: card.authentication.sign(&key.signed[0]),
        certificate,
    };
    assert_eq!(code(world.portal.log_in(&mut replayed)), "log-in-signature");
    let trial = world.portal.try_authentication(&mut replayed);
    assert_eq!(code(trial), "log-in-signature");
}

#[test]
fn the_wrong_certificate_is_refused_before_the_key_is_asked() {
    let mut world = World::new();
    let card = world.enrol("card");
    let pair = world.portal.issue_at_the_counter(&card.number).unwrap();
    let mut key = SoftLogIn::new(&card.authentication, &pair.authentication);
    assert_eq!(code(world.portal.log_in(&mut key)), "hcc-log-in");
    let mut key = SoftLogIn::new(&card.signature, &card.carrier.signature);
    assert_eq!(code(world.portal.log_in(&mut key)), "not-for-log-in");
    assert!(key.signed.is_empty());
}

#[test]
fn possession_proven_elsewhere_is_enough_and_everything_else_is_still_checked() {
    let mut world = World::new();
    let card = world.enrol("card");
    let pair = world.portal.issue_at_the_counter(&card.number).unwrap();
    let portal = &mut world.portal;
    let session = portal.log_in_proven(&card.carrier.authentication).unwrap();
    assert_eq!(session.card_number, card.number);
    assert!(portal.certificates(&session.token).is_ok());
    let refused = portal.log_in_proven(&pair.authentication);
    assert_eq!(code(refused), "hcc-log-in");
    let refused = portal.log_in_proven(&card.carrier.signature);
    assert_eq!(code(refused), "not-for-log-in");
    let row = portal.try_authentication_proven(&pair.authentication);
    assert_eq!(row.unwrap().state, CertificateState::Valid);
    let refused = portal.try_authentication_proven(&pair.signature);
    assert_eq!(code(refused), "not-for-log-in");
}

#[test]
fn both_schemes_of_a_log_in_verify_and_are_told_apart() {
    let card = World::new().enrol("card");
    let public = card.authentication.public();
    let mut key = SoftLogIn::new(&card.authentication, &card.carrier.authentication);
    let schemes = [LogInScheme::Pkcs1Sha256, LogInScheme::PssSha256];
    for scheme in schemes {
        let signature = key.sign(scheme, b"message").unwrap();
        for tried in schemes {
            let verified = tried.verify(&public, b"message", &signature);
            assert_eq!(verified.is_ok(), tried == scheme);
        }
        assert!(scheme.verify(&public, b"another", &signature).is_err());
    }
}

#[test]
fn a_session_ends_by_itself_and_the_order_goes_on_after_the_next_log_in() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let order = world.portal.order(&session.token).unwrap();
    world.clock.advance(Duration::from_secs(9 * 60));
    assert!(
        world.portal.certificates(&session.token).is_ok(),
        "still used"
    );
    world.clock.advance(Duration::from_secs(9 * 60));
    assert!(
        world.portal.certificates(&session.token).is_ok(),
        "still used"
    );
    world.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(code(world.portal.order(&session.token)), "session-over");
    assert_eq!(code(world.portal.log_out(&session.token)), "session-over");
    let approval = world.approval(&card, &order);
    let late = world.portal.approve(&session.token, order.id, &approval);
    assert_eq!(code(late), "session-over");
    let session = world.log_in(&card);
    assert_eq!(world.portal.order(&session.token).unwrap(), order);
}

#[test]
fn every_call_of_a_session_that_is_over_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    let order = pair.order;
    let list = world.portal.certificates(&session.token).unwrap();
    let serial = list[0].summary.serial.clone();
    let receipt = world.portal.receipt(&session.token).unwrap().unwrap();
    let signed =
        card.signature
            .sign_text(receipt.text.as_bytes(), &pair.signature, world.clock.now());
    let next = Approval {
        authentication_request: card.authentication.request("x"),
        signature_request: card.signature.request("x"),
        signed_approval: signed.clone(),
    };
    world.clock.advance(Duration::from_secs(10 * 60));
    world.portal.take_changes();
    let nobody = SessionToken::from_text(&"0".repeat(64)).unwrap();
    let portal = &mut world.portal;
    for token in [&session.token, &nobody] {
        let reason = RevocationReason::KeyCompromise;
        let refusals = [
            code(portal.certificates(token)),
            code(portal.removed(token, &serial)),
            code(portal.order(token)),
            code(portal.approve(token, order, &next)),
            code(portal.fetch(token, order)),
            code(portal.receipt(token)),
            code(portal.sign_receipt(token, order, &signed)),
            code(portal.revoke(token, &serial, reason)),
            code(portal.current_session(token)),
            code(portal.log_out(token)),
        ];
        assert_eq!(refusals, ["session-over"; 10]);
    }
    assert_eq!(portal.take_changes(), []);
}

#[test]
fn an_interrupted_fetch_goes_on_with_the_same_certificates() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    // The client loses the answer, and the session.
    world.clock.advance(DAY);
    let session = world.log_in(&card);
    let order = world.portal.order(&session.token).unwrap();
    assert_eq!(order.state, OrderState::Issued);
    assert_eq!(world.portal.fetch(&session.token, order.id).unwrap(), pair);
    assert_eq!(
        states(&mut world, &session).len(),
        2,
        "nothing is issued twice"
    );
    world.sign_receipt(&card, &session, &pair);
    // Put back on the card later: again the same.
    world.clock.advance(30 * DAY);
    let session = world.log_in(&card);
    assert_eq!(world.portal.fetch(&session.token, order.id).unwrap(), pair);
    // Once they are no longer good they are not put back.
    world
        .portal
        .revoke_at_the_counter(&pair.authentication, RevocationReason::KeyCompromise)
        .unwrap();
    assert_eq!(
        code(world.portal.fetch(&session.token, order.id)),
        "certificate-not-usable"
    );
}

#[test]
fn a_pair_that_is_put_on_hold_after_its_receipt_is_good_for_nothing() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    let order = world.portal.order(&session.token).unwrap();
    assert_eq!(states(&mut world, &session), [CertificateState::OnHold; 2]);
    // On hold until the receipt: it is handed out, and may sign the receipt.
    assert_eq!(world.portal.fetch(&session.token, order.id).unwrap(), pair);
    world.sign_receipt(&card, &session, &pair);
    for certificate in [&pair.authentication, &pair.signature] {
        world
            .portal
            .revoke_at_the_counter(certificate, RevocationReason::CertificateHold)
            .unwrap();
    }
    assert_eq!(states(&mut world, &session), [CertificateState::OnHold; 2]);
    let fetched = world.portal.fetch(&session.token, order.id);
    assert_eq!(code(fetched), "certificate-not-usable");
    // Nor does it approve the next order.
    let next = world.portal.order(&session.token).unwrap();
    assert_ne!(next.id, order.id);
    let mut approval = world.approval(&card, &next);
    let text = next.approval_text(
        &approval.authentication_request,
        &approval.signature_request,
    );
    let now = world.clock.now();
    let by_carrier = core::mem::replace(
        &mut approval.signed_approval,
        card.signature
            .sign_text(text.as_bytes(), &pair.signature, now),
    );
    let refused = world.portal.approve(&session.token, next.id, &approval);
    assert_eq!(code(refused), "certificate-not-usable");
    approval.signed_approval = by_carrier;
    world
        .portal
        .approve(&session.token, next.id, &approval)
        .unwrap();
}

#[test]
fn no_receipt_lifts_a_hold_that_was_put_for_a_reason() {
    for place in [0, 1] {
        for at_the_counter in [true, false] {
            for asked_before in [true, false] {
                let mut world = World::new();
                let card = world.enrol("card");
                let session = world.log_in(&card);
                let pair = world.issue(&card, &session);
                let receipt = match asked_before {
                    true => world.portal.receipt(&session.token).unwrap(),
                    false => None,
                };
                let held = [&pair.authentication, &pair.signature][place];
                let reason = RevocationReason::CertificateHold;
                if at_the_counter {
                    world.portal.revoke_at_the_counter(held, reason).unwrap();
                } else {
                    let rows = world.portal.test_page(core::slice::from_ref(held)).unwrap();
                    let serial = &rows[0].summary.serial;
                    world.portal.revoke(&session.token, serial, reason).unwrap();
                }
                assert_eq!(world.portal.receipt(&session.token).unwrap(), None);
                if let Some(receipt) = receipt {
                    let now = world.clock.now();
                    let text = receipt.text.as_bytes();
                    for signer in [&pair.signature, &card.carrier.signature] {
                        let signed = card.signature.sign_text(text, signer, now);
                        let taken = world
                            .portal
                            .sign_receipt(&session.token, pair.order, &signed);
                        assert_eq!(code(taken), "certificate-not-usable");
                    }
                }
                let on_hold = [CertificateState::OnHold; 2];
                assert_eq!(states(&mut world, &session), on_hold);
                let fetched = world.portal.fetch(&session.token, pair.order);
                assert_eq!(code(fetched), "certificate-not-usable");
                // Another order goes on, and its receipt leaves the hold where it is.
                let next = world.issue(&card, &session);
                assert_ne!(next.order, pair.order);
                world.sign_receipt(&card, &session, &next);
                let [a, b, c, d] = states(&mut world, &session).try_into().unwrap();
                assert_eq!([a, b], on_hold);
                assert_eq!([c, d], [CertificateState::Valid; 2]);
            }
        }
    }
}

#[test]
fn what_is_reported_as_removed_is_not_receipted_until_it_is_given_out_again() {
    for place in [0, 1] {
        let mut world = World::new();
        let card = world.enrol("card");
        let session = world.log_in(&card);
        let pair = world.issue(&card, &session);
        let receipt = world.portal.receipt(&session.token).unwrap().unwrap();
        let listed = world.portal.certificates(&session.token).unwrap();
        let serial = &listed[place].summary.serial;
        world.portal.removed(&session.token, serial).unwrap();
        assert_eq!(world.portal.receipt(&session.token).unwrap(), None);
        let text = receipt.text.as_bytes();
        let signed = card
            .signature
            .sign_text(text, &pair.signature, world.clock.now());
        let taken = world
            .portal
            .sign_receipt(&session.token, pair.order, &signed);
        assert_eq!(code(taken), "removed-from-card");
        assert_eq!(states(&mut world, &session), [CertificateState::OnHold; 2]);
        // The order is still there, and so is its pair: written once more, it is on the card.
        let order = world.portal.order(&session.token).unwrap();
        assert_eq!(order.id, pair.order);
        assert_eq!(world.portal.fetch(&session.token, order.id).unwrap(), pair);
        let listed = world.portal.certificates(&session.token).unwrap();
        assert!(listed.iter().all(|entry| !entry.removed));
        world.sign_receipt(&card, &session, &pair);
        assert_eq!(states(&mut world, &session), [CertificateState::Valid; 2]);
    }
}

#[test]
fn an_order_is_approved_once_and_only_with_its_own_nonce() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let first = world.portal.order(&session.token).unwrap();
    let approval = world.approval(&card, &first);
    let pair = world
        .portal
        .approve(&session.token, first.id, &approval)
        .unwrap();
    let again = world.portal.approve(&session.token, first.id, &approval);
    assert_eq!(code(again), "order-replayed");
    world.sign_receipt(&card, &session, &pair);
    let again = world.portal.approve(&session.token, first.id, &approval);
    assert_eq!(code(again), "order-replayed");
    // The first order's approval does not approve the second.
    let second = world.portal.order(&session.token).unwrap();
    assert_ne!(second.id, first.id);
    let replayed = world.portal.approve(&session.token, second.id, &approval);
    assert_eq!(code(replayed), "other-content");
    // Nor does an approval of other requests.
    let good = world.approval(&card, &second);
    let swapped = Approval {
        authentication_request: card.authentication.request("another name"),
        ..good.clone()
    };
    let result = world.portal.approve(&session.token, second.id, &swapped);
    assert_eq!(code(result), "other-content");
    assert_eq!(states(&mut world, &session).len(), 2, "nothing was issued");
    assert!(
        world
            .portal
            .approve(&session.token, second.id, &good)
            .is_ok()
    );
}

#[test]
fn requests_by_foreign_keys_are_refused_for_each_key() {
    let mut world = World::new();
    let card = world.enrol("card");
    let foreign = support::SoftKey::new("nobody's").request("x");
    let session = world.log_in(&card);
    let order = world.portal.order(&session.token).unwrap();
    let good = world.approval(&card, &order);
    world.portal.take_changes();
    let mut refused = |approval: Approval| {
        let result = world.portal.approve(&session.token, order.id, &approval);
        result.unwrap_err()
    };
    let error = refused(Approval {
        authentication_request: foreign.clone(),
        ..good.clone()
    });
    assert!(matches!(
        error,
        PortalError::ForeignKey {
            purpose: Purpose::Authentication
        }
    ));
    let error = refused(Approval {
        signature_request: foreign,
        ..good.clone()
    });
    assert!(matches!(
        error,
        PortalError::ForeignKey {
            purpose: Purpose::Signature
        }
    ));
    // The two requests in each other's place.
    let error = refused(Approval {
        authentication_request: good.signature_request.clone(),
        signature_request: good.authentication_request.clone(),
        ..good.clone()
    });
    assert_eq!(error.code(), "foreign-key");
    let error = refused(Approval {
        authentication_request: vec![0x30, 0x80],
        ..good.clone()
    });
    assert_eq!(error.code(), "document");
    assert_eq!(world.portal.take_changes(), [], "nothing was issued");
    assert!(
        world
            .portal
            .approve(&session.token, order.id, &good)
            .is_ok()
    );
}

#[test]
fn what_another_card_made_is_refused_and_both_cards_are_named() {
    let mut world = World::new();
    let card = world.enrol("card");
    let other = world.enrol("other");
    let session = world.log_in(&card);
    let order = world.portal.order(&session.token).unwrap();
    let made_by_other = world.approval(&other, &order);
    world.portal.take_changes();
    let error = world
        .portal
        .approve(&session.token, order.id, &made_by_other)
        .unwrap_err();
    assert!(matches!(
        error,
        PortalError::WrongCard { expected, found } if expected == card.number && found == other.number
    ));
    let mixed = Approval {
        signed_approval: made_by_other.signed_approval,
        ..world.approval(&card, &order)
    };
    let result = world.portal.approve(&session.token, order.id, &mixed);
    assert_eq!(code(result), "wrong-card");
    assert_eq!(world.portal.take_changes(), [], "nothing was issued");

    world.issue(&card, &session);
    let receipt = world.portal.receipt(&session.token).unwrap().unwrap();
    let signed = other.signature.sign_text(
        receipt.text.as_bytes(),
        &other.carrier.signature,
        world.clock.now(),
    );
    let result = world
        .portal
        .sign_receipt(&session.token, receipt.order, &signed);
    assert_eq!(code(result), "wrong-card");

    // Another card's session does not reach this card's order.
    let session = world.log_in(&other);
    assert_eq!(
        code(world.portal.fetch(&session.token, order.id)),
        "unknown-order"
    );
    assert_eq!(world.portal.receipt(&session.token).unwrap(), None);
}

#[test]
fn approval_and_receipt_by_the_authentication_key_are_refused() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let order = world.portal.order(&session.token).unwrap();
    let good = world.approval(&card, &order);
    let text = order.approval_text(&good.authentication_request, &good.signature_request);
    let by_authentication = Approval {
        signed_approval: card.authentication.sign_text(
            text.as_bytes(),
            &card.carrier.authentication,
            world.clock.now(),
        ),
        ..good
    };
    let result = world
        .portal
        .approve(&session.token, order.id, &by_authentication);
    assert_eq!(code(result), "signed-with-authentication-key");

    let pair = world.issue(&card, &session);
    let receipt = world.portal.receipt(&session.token).unwrap().unwrap();
    let signed = card.authentication.sign_text(
        receipt.text.as_bytes(),
        &pair.authentication,
        world.clock.now(),
    );
    let error = world
        .portal
        .sign_receipt(&session.token, receipt.order, &signed)
        .unwrap_err();
    assert_eq!(error.code(), "signed-with-authentication-key");
    assert!(error.to_string().contains("Underskrift"));
    assert_eq!(states(&mut world, &session), [CertificateState::OnHold; 2]);
}

#[test]
fn a_receipt_is_signed_once_and_only_its_own_text() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let first = world.issue(&card, &session);
    let receipt = world.portal.receipt(&session.token).unwrap().unwrap();
    let now = world.clock.now();
    let other_text = card
        .signature
        .sign_text(b"something else", &first.signature, now);
    let result = world
        .portal
        .sign_receipt(&session.token, receipt.order, &other_text);
    assert_eq!(code(result), "other-content");
    let signed = card
        .signature
        .sign_text(receipt.text.as_bytes(), &first.signature, now);
    world
        .portal
        .sign_receipt(&session.token, receipt.order, &signed)
        .unwrap();
    world.portal.take_changes();
    let replayed = world
        .portal
        .sign_receipt(&session.token, receipt.order, &signed);
    assert_eq!(code(replayed), "receipt-replayed");
    assert_eq!(world.portal.take_changes(), []);

    // The old receipt is not one for the next order.
    let second = world.issue(&card, &session);
    let replayed = world
        .portal
        .sign_receipt(&session.token, second.order, &signed);
    assert_eq!(code(replayed), "other-content");
    world.sign_receipt(&card, &session, &second);
    assert_eq!(
        states(&mut world, &session),
        [
            CertificateState::Revoked(RevocationReason::Superseded),
            CertificateState::Revoked(RevocationReason::Superseded),
            CertificateState::Valid,
            CertificateState::Valid,
        ],
        "the pair received last is the one that counts"
    );
}

#[test]
fn a_certificate_of_another_authority_does_not_sign_a_receipt_even_with_the_right_key() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    world.issue(&card, &session);
    let receipt = world.portal.receipt(&session.token).unwrap().unwrap();
    // The same card, enrolled with a portal elsewhere: the key is the same, the issuer is not.
    let mut elsewhere = World::new();
    elsewhere.clock.advance(DAY);
    let stranger = elsewhere.enrol("card");
    let signed = card.signature.sign_text(
        receipt.text.as_bytes(),
        &stranger.carrier.signature,
        world.clock.now(),
    );
    let result = world
        .portal
        .sign_receipt(&session.token, receipt.order, &signed);
    assert_eq!(code(result), "unknown-certificate");
}

#[test]
fn certificates_never_received_are_revoked_after_thirty_days() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    world.clock.advance(31 * DAY);
    let session = world.log_in(&card);
    assert_eq!(
        states(&mut world, &session),
        [CertificateState::Revoked(RevocationReason::CessationOfOperation); 2]
    );
    assert_eq!(world.portal.receipt(&session.token).unwrap(), None);
    assert_eq!(
        code(world.portal.fetch(&session.token, pair.order)),
        "order-lapsed"
    );
    let next = world.portal.order(&session.token).unwrap();
    assert_eq!(next.state, OrderState::Open);
    let approval = world.approval(&card, &next);
    world.clock.advance(2 * DAY);
    let session = world.log_in(&card);
    let late = world.portal.approve(&session.token, next.id, &approval);
    assert_eq!(code(late), "order-lapsed");
}

#[test]
fn removal_is_noted_and_revocation_is_final() {
    let mut world = World::new();
    let card = world.enrol("card");
    let other = world.enrol("other");
    world.portal.issue_at_the_counter(&card.number).unwrap();
    world.portal.issue_at_the_counter(&other.number).unwrap();
    world.clock.advance(3 * 365 * DAY);
    let session = world.log_in(&card);
    assert_eq!(states(&mut world, &session), [CertificateState::Expired; 2]);
    let list = world.portal.certificates(&session.token).unwrap();
    for entry in &list {
        let serial = &entry.summary.serial;
        world.portal.removed(&session.token, serial).unwrap();
        world.portal.removed(&session.token, serial).unwrap();
    }
    let list = world.portal.certificates(&session.token).unwrap();
    assert!(list.iter().all(|entry| entry.removed));
    assert_eq!(
        code(world.portal.removed(&session.token, &[1, 2])),
        "unknown-hcc"
    );

    let pair = world.portal.issue_at_the_counter(&card.number).unwrap();
    let page = world
        .portal
        .test_page(core::slice::from_ref(&pair.signature))
        .unwrap();
    let serial = page[0].summary.serial.clone();
    let mut revoke = || {
        world.portal.revoke(
            &session.token,
            &serial,
            RevocationReason::AffiliationChanged,
        )
    };
    assert!(revoke().is_ok());
    assert_eq!(code(revoke()), "issue");
    // Not another card's.
    let session = world.log_in(&other);
    let result = world
        .portal
        .revoke(&session.token, &serial, RevocationReason::Superseded);
    assert_eq!(code(result), "unknown-hcc");
}

#[test]
fn new_hccs_never_outlive_the_card_s_carrier_certificates() {
    let mut world = World::new();
    let card = world.enrol("card");
    world.clock.advance(4 * 365 * DAY);
    let pair = world.portal.issue_at_the_counter(&card.number).unwrap();
    let page = world
        .portal
        .test_page(&[pair.authentication, card.carrier.authentication])
        .unwrap();
    assert_eq!(page[0].summary.not_after, page[1].summary.not_after);
}

#[test]
fn the_trials_refuse_wrong_purposes_states_and_strangers() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let pair = world.issue(&card, &session);
    let now = world.clock.now();
    assert_eq!(
        code(world.try_authentication(&card.authentication, &pair.authentication)),
        "certificate-not-usable",
        "on hold"
    );
    assert_eq!(
        code(world.try_authentication(&card.signature, &card.carrier.signature)),
        "not-for-log-in"
    );
    assert_eq!(
        code(world.try_authentication(&card.signature, &card.carrier.authentication)),
        "log-in-signature"
    );
    let signed = card
        .authentication
        .sign_text(b"x", &card.carrier.authentication, now);
    assert_eq!(
        code(world.portal.try_signature(&signed)),
        "signed-with-authentication-key"
    );
    let signed = card.signature.sign_text(b"x", &pair.signature, now);
    assert_eq!(
        code(world.portal.try_signature(&signed)),
        "certificate-not-usable"
    );
}

#[test]
fn a_card_is_enrolled_once_and_an_unknown_one_gets_nothing() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let again = world.portal.enrol(&Enrolment {
        holder: session.holder,
        card_number: card.number,
        authentication_key: card.authentication.public(),
        signature_key: card.signature.public(),
        carrier_subject: CarrierSubject::Card,
    });
    assert_eq!(code(again), "already-enrolled");
    let mut another = |authentication: &SoftKey, signature: &SoftKey| {
        let rng = &mut IssuerRng::from_seed(7, "another");
        world.portal.enrol(&Enrolment {
            holder: Holder::generate(rng),
            card_number: CardNumber::generate(rng),
            authentication_key: authentication.public(),
            signature_key: signature.public(),
            carrier_subject: CarrierSubject::Card,
        })
    };
    let [new, other] = ["new", "other"].map(SoftKey::new);
    let [old, old_too] = [&card.authentication, &card.signature];
    // A key is one card's, for one purpose.
    for (authentication, signature) in [
        (old, &new),
        (&new, old),
        (old_too, &new),
        (&new, old_too),
        (&new, &new),
    ] {
        assert_eq!(code(another(authentication, signature)), "unsuitable-key");
    }
    // Weak ones are no card's.
    let weak = [
        SoftKey::of_bits("weak", 1024),
        SoftKey::of_bits("weak", 2040),
        SoftKey::with_exponent("weak", 3),
        SoftKey::with_exponent("weak", 65535),
    ];
    for weak in &weak {
        for (authentication, signature) in [(weak, &new), (&new, weak)] {
            let refused = another(authentication, signature).unwrap_err();
            assert_eq!(refused.code(), "unsuitable-key", "{refused}");
            assert!(refused.to_string().contains("make a new key"), "{refused}");
        }
    }
    assert!(
        another(&new, &other).is_ok(),
        "what was refused left nothing behind"
    );
    let nobody = CardNumber::generate(&mut IssuerRng::from_seed(99, "nobody"));
    let result = world.portal.issue_at_the_counter(&nobody);
    assert_eq!(code(result), "unknown-card");
}

#[test]
fn a_modulus_that_anyone_can_take_apart_and_an_authoritys_are_no_cards() {
    let mut world = World::new();
    let authorities = [
        world.portal.carrier_authority().certificate_der(),
        world.portal.hcc_authority().certificate_der(),
    ]
    .map(|certificate| {
        let certificate = CertificateSummary::from_der(certificate).unwrap();
        certificate.public_key.unwrap()
    });
    let [carrier, hcc] = authorities;
    let mut enrol = |authentication: PublicKey, signature: PublicKey| {
        world.portal.enrol(&another(8, authentication, signature))
    };
    let [new, other] = ["new", "other"].map(|name| SoftKey::new(name).public());
    let of_carrier = PublicKey::from_components(&carrier.modulus(), &[1, 0, 3]).unwrap();
    for (key, why) in [
        (square_of_a_prime(), "a power of a prime"),
        (of_roca(), "ROCA (CVE-2017-15361)"),
        (carrier, "own authority"),
        (of_carrier, "own authority"),
        (hcc, "own authority"),
    ] {
        for (authentication, signature) in [(&key, &new), (&new, &key)] {
            let refused = enrol(authentication.clone(), signature.clone()).unwrap_err();
            assert_eq!(refused.code(), "unsuitable-key");
            assert!(refused.to_string().contains(why), "{refused}");
        }
    }
    assert!(
        enrol(new, other).is_ok(),
        "what was refused left nothing behind"
    );
}

/// Another holder's card with these keys.
fn another(seed: u64, authentication_key: PublicKey, signature_key: PublicKey) -> Enrolment {
    let rng = &mut IssuerRng::from_seed(seed, "another");
    Enrolment {
        holder: Holder::generate(rng),
        card_number: CardNumber::generate(rng),
        authentication_key,
        signature_key,
        carrier_subject: CarrierSubject::Card,
    }
}

/// 2048 bits, and anyone takes the root.
fn square_of_a_prime() -> PublicKey {
    let key = PrivateKey::new(&mut IssuerRng::from_seed(1, "square"), 2048).unwrap();
    let prime = key.primes().first().unwrap().to_be_bytes();
    let prime = rsa::BoxedUint::from_be_slice(&prime, 2048).unwrap();
    PublicKey::from_components(&prime.wrapping_square().to_be_bytes(), &[1, 0, 1]).unwrap()
}

/// 2048 bits that are 1, the 0th power of 65537, modulo the product of the first 126 primes: a modulus of that
/// kind is known by nothing else.
fn of_roca() -> PublicKey {
    let bits = 2048;
    let is_prime = |number: &u32| (2..*number).all(|divisor| !number.is_multiple_of(divisor));
    let product = (2..720).filter(is_prime).take(126).fold(
        rsa::BoxedUint::one_with_precision(bits),
        |product, prime| product.wrapping_mul(rsa::BoxedUint::from(prime)),
    );
    let random: [u8; 134] = IssuerRng::from_seed(1, "roca").bytes();
    let high = rsa::BoxedUint::from_be_slice(&random, bits).unwrap();
    let high = high | rsa::BoxedUint::one_with_precision(bits).shl(1077);
    let modulus = product
        .wrapping_mul(high)
        .wrapping_add(rsa::BoxedUint::one());
    PublicKey::from_components(&modulus.to_be_bytes(), &[1, 0, 1]).unwrap()
}

#[test]
fn keys_that_share_a_prime_are_no_cards() {
    let mut world = World::new();
    // The first key that its portal draws.
    let of_carrier = PrivateKey::new(&mut IssuerRng::from_seed(42, "portal"), 2048).expect("a key");
    let carrier = world.portal.carrier_authority().certificate_der();
    let carrier = CertificateSummary::from_der(carrier).unwrap().public_key;
    assert_eq!(
        carrier.unwrap().modulus(),
        of_carrier.n().to_be_bytes_trimmed_vartime()
    );
    let mut enrol = |seed: u64, authentication: PublicKey, signature: PublicKey| {
        world
            .portal
            .enrol(&another(seed, authentication, signature))
    };
    let private = |seed| PrivateKey::new(&mut IssuerRng::from_seed(seed, "key"), 2048).unwrap();
    let prime = |key: &PrivateKey, index: usize| {
        let prime = key.primes().get(index).unwrap().to_be_bytes();
        rsa::BoxedUint::from_be_slice(&prime, 2048).unwrap()
    };
    let [one, other] = [1, 2].map(private);
    let shared = |own: rsa::BoxedUint| {
        let modulus = prime(&one, 0).wrapping_mul(own).to_be_bytes();
        PublicKey::from_components(&modulus, &[1, 0, 1]).unwrap()
    };
    let [first, second] = [shared(prime(&one, 1)), shared(prime(&other, 0))];
    for (authentication, signature) in [(&first, &second), (&second, &first)] {
        let refused = enrol(1, authentication.clone(), signature.clone()).unwrap_err();
        assert_eq!(refused.code(), "unsuitable-key");
        let said = refused.to_string();
        assert!(
            said.contains("a prime in common with that of the authentication key"),
            "{said}"
        );
        assert!(said.contains("make a new key"), "{said}");
    }
    let modulus = prime(&of_carrier, 1).wrapping_mul(prime(&other, 1));
    let third = PublicKey::from_components(&modulus.to_be_bytes(), &[1, 0, 1]).unwrap();
    for (authentication, signature) in [(&first, &third), (&third, &first)] {
        let refused = enrol(1, authentication.clone(), signature.clone()).unwrap_err();
        let said = refused.to_string();
        let expected = "a prime in common with that of the portal's own authority";
        assert!(said.contains(expected), "{said}");
    }
    for seed in 0..4 {
        let [one, other] = ["one", "other"].map(|name| SoftKey::new(&format!("{name} {seed}")));
        let enrolled = enrol(seed + 2, one.public(), other.public());
        assert!(enrolled.is_ok(), "{enrolled:?}");
    }
}

#[test]
fn another_exponent_makes_no_other_key() {
    let mut world = World::new();
    let card = world.enrol("card");
    let mut enrol = |authentication: PublicKey, signature: PublicKey| {
        world.portal.enrol(&another(8, authentication, signature))
    };
    let [new, other] = ["new", "other"].map(SoftKey::new);
    for (authentication, signature, why) in [
        (
            card.authentication.public_with_exponent(65539),
            new.public(),
            "has its modulus already",
        ),
        (
            new.public(),
            card.authentication.public_with_exponent(65539),
            "has its modulus already",
        ),
        (
            new.public(),
            card.signature.public_with_exponent(65539),
            "has its modulus already",
        ),
        (
            new.public(),
            new.public_with_exponent(65539),
            "the authentication key, too",
        ),
    ] {
        let refused = enrol(authentication, signature).unwrap_err();
        assert_eq!(refused.code(), "unsuitable-key");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    // Larger exponents are as good as the usual one, on keys of the card's own.
    let own = enrol(new.public_with_exponent(65539), other.public());
    assert!(own.is_ok(), "{own:?}");
}

#[test]
fn session_tokens_are_not_printed() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    assert_eq!(format!("{:?}", session.token), "SessionToken(…)");
    assert!(format!("{session:?}").contains("SessionToken(…)"));
}

#[test]
fn tokens_and_the_names_of_orders_come_back_as_text() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let token = SessionToken::from_text(session.token.expose()).unwrap();
    assert_eq!(token, session.token);
    let order = world.portal.order(&token).unwrap();
    assert_eq!(order.id.to_string().parse(), Ok(order.id));
    for wrong in ["", "0", "g", &"0".repeat(33), &"é".repeat(16)] {
        assert!(wrong.parse::<OrderId>().is_err(), "{wrong}");
        assert_eq!(SessionToken::from_text(wrong), None);
    }
    assert_eq!(SessionToken::from_text(&"A".repeat(64)), None);
}

#[test]
fn states_and_reasons_are_found_by_their_names() {
    for reason in RevocationReason::ALL {
        assert_eq!(RevocationReason::from_name(reason.name()), Some(reason));
        let revoked = CertificateState::Revoked(reason);
        assert_eq!(
            CertificateState::from_name("revoked", Some(reason)),
            Some(revoked)
        );
        assert_eq!(CertificateState::from_name("valid", Some(reason)), None);
    }
    assert_eq!(CertificateState::from_name("revoked", None), None);
    for state in [
        CertificateState::OnHold,
        CertificateState::NotYetValid,
        CertificateState::Valid,
        CertificateState::Expired,
    ] {
        assert_eq!(CertificateState::from_name(state.name(), None), Some(state));
    }
    for state in OrderState::ALL {
        assert_eq!(OrderState::from_name(state.name()), Some(state));
    }
    for kind in AuthorityKind::ALL {
        assert_eq!(AuthorityKind::from_file_name(kind.file_name()), Some(kind));
    }
}

#[test]
fn cards_can_be_given_a_past() {
    let mut world = World::new();
    let long_ago = world.start.before(760 * DAY);
    let card = world.enrol_on("card", long_ago);
    let pair = world
        .portal
        .issue_at_the_counter_at(&card.number, long_ago)
        .unwrap();
    let page = world
        .portal
        .test_page(&[card.carrier.authentication.clone(), pair.signature])
        .unwrap();
    assert_eq!(page[0].state, CertificateState::Valid);
    assert_eq!(page[0].summary.not_before, long_ago);
    assert_eq!(page[1].state, CertificateState::Expired);
}

#[test]
fn an_order_whose_certificates_were_revoked_before_the_receipt_gives_way_to_a_new_one() {
    let mut world = World::new();
    let card = world.enrol("card");
    let session = world.log_in(&card);
    let first = world.issue(&card, &session);
    world
        .portal
        .revoke_at_the_counter(&first.authentication, RevocationReason::Superseded)
        .unwrap();
    let second = world.issue(&card, &session);
    assert_ne!(first.order, second.order);
    world.sign_receipt(&card, &session, &second);
    let good = world.portal.fetch(&session.token, second.order);
    assert_eq!(good.unwrap(), second);
}
