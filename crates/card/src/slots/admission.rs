//! Which new certificates are let onto the card: strict DER, the key's own, valid now, signed by
//! their issuer, not there yet.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use kortlab_apdu::Channel;
use kortlab_pkcs15::Severity;

use super::plan::{Change, Exception, NewCertificate, Plan, same_place};
use super::{Slot, invalid};
use crate::card::Card;
use crate::certificate::{
    CertificateInfo, Limits, ReadTime, Rule, is_signed_by_spki, limits, same_name, why_no_issuer,
};
use crate::error::CardError;

/// What is noticed of one new certificate.
struct Remarks<'a> {
    exceptions: &'a BTreeSet<Exception>,
    plan: &'a mut Plan,
}

impl Remarks<'_> {
    /// Something speaks against the certificate: refused, unless it is excepted.
    fn object(&mut self, exception: Exception, problem: String) -> Result<(), CardError> {
        if self.exceptions.contains(&exception) {
            self.plan.warnings.push(problem);
            return Ok(());
        }
        Err(invalid(problem).hint("nothing was changed; with --force it is written all the same"))
    }
}

impl<C: Channel> Card<C> {
    /// Checks the new certificates of a change.
    pub(super) fn admit(&mut self, change: &Change, plan: &mut Plan) -> Result<(), CardError> {
        for (index, new) in change.write.iter().enumerate() {
            let mut staying = self.slots_beside(&new.der)?;
            staying.retain(|slot| !change.remove.iter().any(|gone| same_place(slot, gone)));
            let info = CertificateInfo::parse(&new.der).ok_or_else(|| {
                invalid("this is no X.509 certificate in DER; nothing was changed")
            })?;
            let mut remarks = Remarks {
                exceptions: &new.exceptions,
                plan,
            };
            for fault in &info.faults {
                match fault.rule {
                    Rule::Der | Rule::Alone => {
                        let text = format!("the certificate is not strict DER: {fault}");
                        remarks.object(Exception::NotStrictDer, text)?;
                    }
                    Rule::Profile if fault.severity == Severity::Error => {
                        let text = format!("programs refuse the certificate: {fault}");
                        remarks.object(Exception::Refused, text)?;
                    }
                    Rule::Profile if fault.severity == Severity::Note => remarks.plan.notes.push(
                        format!("the certificate is not as RFC 5280 has it: {fault}"),
                    ),
                    Rule::Profile => remarks.plan.warnings.push(format!(
                        "the certificate is not as RFC 5280 has it: {fault}"
                    )),
                }
            }
            self.admit_key(new, &info, &mut remarks)?;
            let earlier = change.write.get(..index).unwrap_or_default();
            if let Some(slot) = staying.iter().find(|slot| slot.der == new.der) {
                let text = format!("the certificate is on the card already, as {}", slot.name());
                remarks.object(Exception::OnCardAlready, text)?;
            } else if earlier.iter().any(|other| other.der == new.der) {
                let text = "the certificate is to be written twice".to_owned();
                remarks.object(Exception::OnCardAlready, text)?;
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
        let text = match (self.public_key(&new.key_id)?, &info.public_key) {
            (Some(on_card), Some(in_certificate)) if on_card == *in_certificate => return Ok(()),
            (Some(_), _) => format!(
                "the certificate is for another key: its public key is not that of key {}",
                new.key_id
            ),
            (None, _) => format!(
                "the card has no public key for key {}, so it cannot be told whether the \
                 certificate matches",
                new.key_id
            ),
        };
        remarks.object(Exception::OtherKey, text)
    }
}

fn admit_dates(
    what: &str,
    info: &CertificateInfo,
    now: SystemTime,
    remarks: &mut Remarks<'_>,
) -> Result<(), CardError> {
    let times = (info.not_before, info.not_after);
    let text = match (
        times.0.map(ReadTime::to_system_time),
        times.1.map(ReadTime::to_system_time),
    ) {
        (Some(from), Some(until)) if from > until => format!("{what} ends before it begins"),
        (Some(from), _) if now < from => format!("{what} is not valid yet"),
        // The last second counts whole.
        (_, Some(until)) if now >= until + Duration::from_secs(1) => {
            format!("{what} has expired")
        }
        (Some(_), Some(_)) => return Ok(()),
        _ => format!("{what} says no time for which it is valid"),
    };
    remarks.object(Exception::NotValidNow, text)
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
        .map(|slot| &*slot.der);
    let issuers: Vec<_> = given
        .chain(beside)
        .chain(on_card)
        .filter_map(CertificateInfo::parse)
        .filter(|issuer| same_name(&issuer.subject_der, &info.issuer_der))
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
    let (mut unknown, mut other_key, mut no_issuer) = (false, false, None);
    for issuer in &issuers {
        match is_signed_by_spki(&new.der, &issuer.public_key_der) {
            Some(true) if !info.names_key_of(issuer) => other_key = true,
            Some(true) if issuer == info => return Ok(()),
            Some(true) => {
                if let Some(why) = why_no_issuer(issuer) {
                    no_issuer = Some(why.to_owned());
                    continue;
                }
                match limits(info, issuer) {
                    Limits::Kept => {}
                    Limits::Unknown => remarks.plan.notes.push(format!(
                        "{name} limits the names that it may give (nameConstraints); whether these are \
                         among them was not checked"
                    )),
                    Limits::Broken(why) => {
                        no_issuer = Some(format!(
                            "has nameConstraints that {why} (RFC 5280 §4.2.1.10)"
                        ));
                        continue;
                    }
                }
                return change.now.map_or(Ok(()), |now| {
                    admit_dates("the issuer's certificate", issuer, now, remarks)
                });
            }
            Some(false) => {}
            None => unknown = true,
        }
    }
    if let Some(why) = no_issuer {
        let text = format!("the certificate is signed by {name}, whose certificate {why}");
        return remarks.object(Exception::NotByItsIssuer, text);
    }
    if other_key {
        let text = format!(
            "the certificate names another key, or another certificate, of {name} than the one that \
             has signed it (RFC 5280 §4.2.1.1)"
        );
        return remarks.object(Exception::NotByItsIssuer, text);
    }
    if unknown {
        remarks.plan.notes.push(format!(
            "the signature by {name} is of a kind that cannot be checked here"
        ));
        return Ok(());
    }
    let text = format!(
        "the certificate says it was issued by {name}, but its signature is not by that \
         authority's key"
    );
    remarks.object(Exception::NotByItsIssuer, text)
}
