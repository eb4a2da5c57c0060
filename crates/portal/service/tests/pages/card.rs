//! A card whose keys are in software, and the agent's part of a task.

use std::cell::RefCell;
use std::time::Duration;

use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::DAY;
use kortlab_issuer::csr::RequestToSign;
use kortlab_issuer::holder::Holder;
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_issuer::profile::CarrierSubject;
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::receipt::MessageToSign;
use kortlab_portal::operation::Operation;
use kortlab_portal_api::Serial;
use kortlab_portal_api::task::{Done, Outcome, Task, TaskResult, Work};
use kortlab_portal_core::{Approval, CarrierPair, Enrolment};
use rsa::PrivateKey;
use rsa::pkcs8::EncodePublicKey;
use sha2::Sha256;

use crate::site::Site;

pub struct SoftKey(PrivateKey);

impl SoftKey {
    fn new(purpose: &str) -> Self {
        let rng = &mut IssuerRng::from_seed(1, purpose);
        Self(PrivateKey::new(rng, 2048).unwrap())
    }

    pub fn public(&self) -> PublicKey {
        let der = self.0.to_public_key().to_public_key_der().unwrap();
        PublicKey::from_spki_der(der.as_bytes()).unwrap()
    }

    fn request(&self, name: &str) -> Vec<u8> {
        let request = RequestToSign::new(&self.public(), name).unwrap();
        let signature = self.0.pkcs1v15_sign::<Sha256>(request.to_be_signed());
        request.finish(&signature.unwrap()).unwrap()
    }

    pub fn sign_text(&self, site: &Site, text: &str, certificate: &[u8]) -> Vec<u8> {
        let now = site.app.now();
        let message = MessageToSign::new(text.as_bytes(), certificate, now).unwrap();
        let signature = self.0.pkcs1v15_sign::<Sha256>(message.to_be_signed());
        message.finish(&signature.unwrap()).unwrap()
    }
}

pub struct SoftCard {
    pub number: CardNumber,
    pub carrier: CarrierPair,
    pub authentication: SoftKey,
    pub signature: SoftKey,
    /// The certificates on it, DER.
    pub on_card: RefCell<Vec<Vec<u8>>>,
}

impl SoftCard {
    /// Enrols a card, with pairs of HCCs that were issued so many days ago.
    pub fn enrol(site: &Site, name: &str, days_ago: &[u64]) -> Self {
        let rng = &mut IssuerRng::from_seed(1, name);
        let number = CardNumber::generate(rng);
        let authentication = SoftKey::new(&format!("{name} authentication"));
        let signature = SoftKey::new(&format!("{name} signature"));
        let enrolment = Enrolment {
            holder: Holder::generate(rng),
            card_number: number,
            authentication_key: authentication.public(),
            signature_key: signature.public(),
            carrier_subject: CarrierSubject::Card,
        };
        let now = site.app.now();
        let ago = |days: u64| now.before(Duration::from_secs(days * DAY.as_secs()));
        let delivered = ago(800);
        let issued: Vec<_> = days_ago.iter().map(|days| ago(*days)).collect();
        let (carrier, pairs) = site.call(Operation::Enrol, move |portal| {
            let carrier = portal.enrol_at(&enrolment, delivered)?;
            let pairs = issued
                .into_iter()
                .map(|when| portal.issue_at_the_counter_at(&number, when))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((carrier, pairs))
        });
        let mut on_card = vec![carrier.authentication.clone(), carrier.signature.clone()];
        for pair in pairs {
            on_card.extend([pair.authentication, pair.signature]);
        }
        Self {
            number,
            carrier,
            authentication,
            signature,
            on_card: RefCell::new(on_card),
        }
    }

    /// Does with the card what the agent would do.
    pub fn carry_out(&self, site: &Site, task: &Task) -> TaskResult {
        let mut on_card = self.on_card.borrow_mut();
        let done = match &task.work {
            Work::Show => Done::Shown {
                certificates: on_card.iter().map(|der| der.as_slice().into()).collect(),
            },
            Work::Remove { serials } => {
                on_card.retain(|der| !serials.contains(&serial(der)));
                Done::Removed {
                    serials: serials.clone(),
                }
            }
            Work::Request { order } => {
                assert_eq!(task.card_number, Some(self.number));
                let authentication_request = self.authentication.request("legitimering");
                let signature_request = self.signature.request("underskrift");
                let text = order.approval_text(&authentication_request, &signature_request);
                let signer = &self.carrier.signature;
                Done::requested(&Approval {
                    signed_approval: self.signature.sign_text(site, &text, signer),
                    authentication_request,
                    signature_request,
                })
            }
            Work::Write {
                authentication,
                signature,
            } => {
                let pair = [authentication, signature].map(|one| one.as_bytes().to_vec());
                let serials = pair.iter().map(|der| serial(der)).collect();
                for der in pair {
                    if !on_card.contains(&der) {
                        on_card.push(der);
                    }
                }
                Done::Written { serials }
            }
            Work::Sign { text, .. } => {
                let signer = &self.carrier.signature;
                Done::Signed {
                    signed: self.signature.sign_text(site, text, signer).into(),
                }
            }
        };
        TaskResult::of(task, Outcome::Done(done), "")
    }
}

pub fn serial(der: &[u8]) -> Serial {
    let summary = CertificateSummary::from_der(der).unwrap();
    Serial::new(&summary.serial).unwrap()
}
