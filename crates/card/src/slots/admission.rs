//! Which new certificates are let onto the card: strict DER, the key's own, valid now, signed by
//! their issuer, not there yet.

use std::time::{Duration, SystemTime};

use kortlab_apdu::Channel;

use super::plan::{Change, NewCertificate, Plan, same_place};
use super::{Slot, invalid};
use crate::card::Card;
use crate::certificate::{self, CertificateInfo};
use crate::error::CardError;

/// What is noticed of one new certificate.
struct Remarks<'a> {
    force: bool,
    plan: &'a mut Plan,
}

impl Remarks<'_> {
    /// Something speaks against the certificate: refused, unless forced.
    fn object(&mut self, problem: String) -> Result<(), CardError> {
        if self.force {
            self.plan.warnings.push(problem);
            return Ok(());
        }
        Err(invalid(problem).hint("nothing was changed; with --force it is written all the same"))
    }
}

impl<C: Channel> Card<C> {
    /// Checks the new certificates of a change.
    pub(super) fn admit(&mut self, change: &Change, plan: &mut Plan) -> Result<(), CardError> {
        if change.write.is_empty() {
            return Ok(());
        }
        let mut staying = self.slots()?;
        staying.retain(|slot| !change.remove.iter().any(|gone| same_place(slot, gone)));
        for (index, new) in change.write.iter().enumerate() {
            let info = CertificateInfo::parse(&new.der).ok_or_else(|| {
                invalid("this is no X.509 certificate in DER; nothing was changed")
            })?;
            let mut remarks = Remarks {
                force: new.force,
                plan,
            };
            if let Some(fault) = &info.fault {
                remarks.object(format!("the certificate is not strict DER: {fault}"))?;
            }
            self.admit_key(new, &info, &mut remarks)?;
            let earlier = change.write.get(..index).unwrap_or_default();
            if let Some(slot) = staying.iter().find(|slot| slot.der == new.der) {
                remarks.object(format!(
                    "the certificate is on the card already, as {}",
                    slot.name()
                ))?;
            } else if earlier.iter().any(|other| other.der == new.der) {
                remarks.object("the certificate is to be written twice".to_owned())?;
            }
            if let Some(now) = change.now {
                admit_dates("the certificate", &info, now, &mut remarks)?;
            }
            admit_issuer(new, &info, change, &staying, &mut remarks)?;
        }
        Ok(())
    }

    fn admit_key(
        &mut self,
        new: &NewCertificate,
        info: &CertificateInfo,
        remarks: &mut Remarks<'_>,
    ) -> Result<(), CardError> {
        if new.authority {
            return Ok(());
        }
        self.key(&new.key_id)?;
        match (self.public_key(&new.key_id)?, &info.public_key) {
            (Some(on_card), Some(in_certificate)) if on_card == *in_certificate => Ok(()),
            (Some(_), _) => remarks.object(format!(
                "the certificate is for another key: its public key is not that of key {}",
                new.key_id
            )),
            (None, _) => remarks.object(format!(
                "the card has no public key for key {}, so it cannot be told whether the \
                 certificate matches",
                new.key_id
            )),
        }
    }
}

fn admit_dates(
    what: &str,
    info: &CertificateInfo,
    now: SystemTime,
    remarks: &mut Remarks<'_>,
) -> Result<(), CardError> {
    match (info.not_before, info.not_after) {
        (Some(from), Some(until)) if from > until => {
            remarks.object(format!("{what} ends before it begins"))
        }
        (Some(from), _) if now < from => remarks.object(format!("{what} is not valid yet")),
        // The last second counts whole.
        (_, Some(until)) if now >= until + Duration::from_secs(1) => {
            remarks.object(format!("{what} has expired"))
        }
        (Some(_), Some(_)) => Ok(()),
        _ => remarks.object(format!("{what} says no time for which it is valid")),
    }
}

/// Looks for the issuer among the certificates given and those on the card, and checks its
/// signature. An issuer that is not there is only worth a note.
fn admit_issuer(
    new: &NewCertificate,
    info: &CertificateInfo,
    change: &Change,
    staying: &[Slot],
    remarks: &mut Remarks<'_>,
) -> Result<(), CardError> {
    let given = change.issuers.iter().map(Vec::as_slice);
    let beside = change
        .write
        .iter()
        .filter(|other| other.authority)
        .map(|other| other.der.as_slice());
    let on_card = staying
        .iter()
        .filter(|slot| slot.is_authority())
        .map(|slot| slot.der.as_slice());
    let issuers: Vec<_> = given
        .chain(beside)
        .chain(on_card)
        .filter_map(CertificateInfo::parse)
        .filter(|issuer| issuer.subject_der == info.issuer_der)
        .collect();
    let name = info
        .issuer
        .as_deref()
        .unwrap_or("a name that cannot be read");
    if issuers.is_empty() {
        remarks.plan.notes.push(format!(
            "the issuer's certificate ({name}) is not at hand, so the signature was not checked"
        ));
        return Ok(());
    }
    let mut unknown = false;
    for issuer in &issuers {
        let signed = issuer
            .public_key
            .as_ref()
            .and_then(|key| certificate::is_signed_by(&new.der, key));
        match signed {
            Some(true) => {
                return change.now.map_or(Ok(()), |now| {
                    admit_dates("the issuer's certificate", issuer, now, remarks)
                });
            }
            Some(false) => {}
            None => unknown = true,
        }
    }
    if unknown {
        remarks.plan.notes.push(format!(
            "the signature by {name} is of a kind that cannot be checked here"
        ));
        return Ok(());
    }
    remarks.object(format!(
        "the certificate says it was issued by {name}, but its signature is not by that \
         authority's key"
    ))
}
