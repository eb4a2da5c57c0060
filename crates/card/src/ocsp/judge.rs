//! Which answers are used, and what they say: [`Answers`].

use core::time::Duration;
use std::time::SystemTime;

use kortlab_apdu::tlv::{Tag, object, read_one};

use super::answer::{OcspAnswer, ResponderId, Single, Status};
use super::key_bits;
use super::trouble::AnswerTrouble;
use crate::certificate::{
    CertificateInfo, EXT_KEY_USAGE, Limits, ReadTime, is_signed_by_spki, limits, same_name,
};
use crate::keys::trimmed;
use crate::padding::Hash;
use crate::revocation::Lists;
use crate::verdict::{Age, Verdict};

/// id-kp-OCSPSigning (RFC 5280 §4.2.1.12), 1.3.6.1.5.5.7.3.9.
const OCSP_SIGNING: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];

/// How far clocks may be apart, and how long an answer counts that does not say until when it holds: such
/// a responder has something newer at any time (RFC 6960 §4.2.2.1).
const LEEWAY: Duration = Duration::from_secs(300);

/// The answers that were given, at one time.
pub(crate) struct Answers<'a> {
    answers: Vec<Judged<'a>>,
    now: SystemTime,
}

struct Judged<'a> {
    answer: &'a OcspAnswer,
    used: bool,
    trouble: Option<AnswerTrouble>,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(answers: &'a [OcspAnswer], now: SystemTime) -> Self {
        let judged = answers.iter().map(|answer| Judged {
            answer,
            used: answer.refusal.is_some(),
            trouble: answer.refusal.clone(),
        });
        Self {
            answers: judged.collect(),
            now,
        }
    }

    /// What the answers say of a certificate. One that is out of force still speaks against it.
    pub(crate) fn say(
        &mut self,
        info: &CertificateInfo,
        issuers: &[CertificateInfo],
        lists: &mut Lists<'_>,
        verdict: &mut Verdict,
    ) {
        for judged in &mut self.answers {
            let answer = judged.answer;
            // Of each issuer once, however much the answer says.
            let mut by_issuer: Vec<(&CertificateInfo, Result<(), AnswerTrouble>)> = Vec::new();
            for single in &answer.singles {
                let issuer = match about(single, info, issuers) {
                    About::Another => continue,
                    About::Unverified => {
                        judged.is_not_used(AnswerTrouble::NoIssuer);
                        verdict.asked();
                        continue;
                    }
                    About::This(issuer) => issuer,
                };
                verdict.asked();
                let known = by_issuer
                    .iter()
                    .position(|(of, _)| core::ptr::eq(*of, issuer));
                let known = known.unwrap_or_else(|| {
                    by_issuer.push((issuer, answer.genuine(issuer, self.now, lists)));
                    by_issuer.len() - 1
                });
                if let Some((_, Err(trouble))) = by_issuer.get(known) {
                    judged.is_not_used(trouble.clone());
                    continue;
                }
                let age = Age::new(single.this_update.map(ReadTime::unix_seconds), None);
                let is_in_force = single.in_force(self.now);
                if let Err(trouble) = is_in_force.and_then(|()| answer.well_formed()) {
                    let is_over = !matches!(trouble, AnswerTrouble::NotYet(_));
                    judged.is_not_used(trouble);
                    if is_over && let Status::Revoked(entry) = single.status {
                        verdict.revoked(age, entry);
                    }
                    continue;
                }
                judged.used = true;
                match single.status {
                    Status::Good => verdict.good(age),
                    Status::Revoked(entry) => verdict.revoked(age, entry),
                    Status::Unknown => verdict.not_issued(),
                }
            }
        }
    }

    /// What is wrong with the answers, now that all certificates were asked for. An answer is told once.
    pub(crate) fn troubles(self) -> Vec<(String, AnswerTrouble)> {
        let told = self.answers.into_iter().filter_map(|judged| {
            let trouble = match judged.trouble {
                Some(trouble) => trouble,
                None if judged.used => return None,
                None => AnswerTrouble::Unused,
            };
            Some((judged.answer.name().to_owned(), trouble))
        });
        told.collect()
    }
}

impl Judged<'_> {
    fn is_not_used(&mut self, trouble: AnswerTrouble) {
        self.trouble.get_or_insert(trouble);
    }
}

/// About which certificate something is said.
enum About<'a> {
    Another,
    /// About this one by its issuer's name and its number; the issuer's key is not known.
    Unverified,
    /// About this one, by this issuer.
    This(&'a CertificateInfo),
}

/// A CertID is the issuer's name and key and the certificate's number: one of them alone is another
/// certificate's.
fn about<'a>(single: &Single, info: &CertificateInfo, issuers: &'a [CertificateInfo]) -> About<'a> {
    let Some(hash) = single.hash else {
        return About::Another;
    };
    if trimmed(&single.serial) != trimmed(&info.serial_number) {
        return About::Another;
    }
    let is_name = |name: &[u8]| hash.digest(name) == single.issuer_name;
    let mut named = issuers
        .iter()
        .filter(|issuer| same_name(&issuer.subject_der, &info.issuer_der))
        .peekable();
    if named.peek().is_none() {
        return match is_name(&info.issuer_der) {
            true => About::Unverified,
            false => About::Another,
        };
    }
    let found = named.find(|issuer| {
        let is_key = key_bits(&issuer.public_key_der)
            .is_some_and(|bits| hash.digest(bits) == single.issuer_key);
        is_key && (is_name(&info.issuer_der) || is_name(&issuer.subject_der))
    });
    found.map_or(About::Another, About::This)
}

impl OcspAnswer {
    /// Whether this is an answer of the issuer's, to the question that was asked.
    fn genuine(
        &self,
        issuer: &CertificateInfo,
        now: SystemTime,
        lists: &mut Lists<'_>,
    ) -> Result<(), AnswerTrouble> {
        if let Some(what) = self.unsupported {
            return Err(AnswerTrouble::Unsupported(what));
        }
        self.is_by_one_who_may(issuer, now, lists)?;
        match (&self.asked, &self.nonce) {
            // Answers that are made in advance have none (RFC 5019 §2.2.1): their time decides.
            (Some(asked), Some(nonce))
                if nonce != asked && *nonce != object(Tag::OCTET_STRING, asked) =>
            {
                Err(AnswerTrouble::OtherNonce)
            }
            _ => Ok(()),
        }
    }

    /// RFC 6960 §4.2.2.2: the issuer itself, or a responder with a certificate by it that says so.
    fn is_by_one_who_may(
        &self,
        issuer: &CertificateInfo,
        now: SystemTime,
        lists: &mut Lists<'_>,
    ) -> Result<(), AnswerTrouble> {
        if self.responder.is(issuer) {
            return self.is_signed_by(issuer);
        }
        let mut why = "it brings no certificate of the responder that it names";
        for der in &self.responders {
            let Some(info) = CertificateInfo::parse(der).filter(|info| self.responder.is(info))
            else {
                continue;
            };
            let by_issuer = same_name(&info.issuer_der, &issuer.subject_der)
                && is_signed_by_spki(der, &issuer.public_key_der) == Some(true);
            if !by_issuer {
                why = "the responder's certificate is not by the issuer";
            } else if !info.names_key_of(issuer) {
                why = "the responder's certificate names another key of the issuer";
            } else if !may_sign(&info) {
                why = "the responder's certificate is not for it (id-kp-OCSPSigning)";
            } else if info.has_unknown_critical {
                why = "the responder's certificate has a critical extension that programs do not know";
            } else if matches!(limits(&info, issuer), Limits::Broken(_)) {
                why = "the responder's certificate has a name that the issuer may not give";
            } else if !is_valid(&info, now) {
                why = "the responder's certificate is not valid now";
            } else if lists.revoke(&info) {
                why = "the responder's certificate is revoked";
            } else {
                return self.is_signed_by(&info);
            }
        }
        Err(AnswerTrouble::NotAuthorised(why))
    }

    fn well_formed(&self) -> Result<(), AnswerTrouble> {
        match &self.malformed {
            Some(fault) => Err(AnswerTrouble::Malformed(fault.to_string())),
            None => Ok(()),
        }
    }

    fn is_signed_by(&self, signer: &CertificateInfo) -> Result<(), AnswerTrouble> {
        match is_signed_by_spki(&self.signed, &signer.public_key_der) {
            Some(true) => Ok(()),
            Some(false) => Err(AnswerTrouble::BadSignature),
            None => Err(AnswerTrouble::Unsupported("a signature of this kind")),
        }
    }
}

impl ResponderId {
    fn is(&self, info: &CertificateInfo) -> bool {
        match self {
            Self::Name(name) => same_name(name, &info.subject_der),
            Self::Key(hash) => {
                key_bits(&info.public_key_der).is_some_and(|bits| Hash::Sha1.digest(bits) == *hash)
            }
        }
    }
}

impl Single {
    fn in_force(&self, now: SystemTime) -> Result<(), AnswerTrouble> {
        let Some(from) = self.this_update else {
            return Err(AnswerTrouble::NoTime);
        };
        if from.to_system_time() > now + LEEWAY {
            return Err(AnswerTrouble::NotYet(from.to_text()));
        }
        match self.next_update {
            Some(until) if until.to_system_time() < now => {
                Err(AnswerTrouble::Expired(until.to_text()))
            }
            Some(_) => Ok(()),
            None if !self.has_next_update && from.to_system_time() + LEEWAY >= now => Ok(()),
            None => Err(AnswerTrouble::NoTime),
        }
    }
}

/// Whether its issuer lets it sign answers; for all purposes is not for this one.
fn may_sign(info: &CertificateInfo) -> bool {
    let usage = info.extension(EXT_KEY_USAGE);
    let usage = usage.and_then(|usage| read_one(usage).ok());
    usage.is_some_and(|usage| {
        let mut purposes = usage.children().map_while(Result::ok);
        purposes.any(|purpose| purpose.value == OCSP_SIGNING)
    })
}

fn is_valid(info: &CertificateInfo, now: SystemTime) -> bool {
    let time = |time: Option<ReadTime>| time.map(ReadTime::to_system_time);
    let from = time(info.not_before).is_some_and(|from| from <= now + LEEWAY);
    let until = time(info.not_after).is_some_and(|until| now < until + Duration::from_secs(1));
    from && until
}
