//! What can be wrong with a certificate on a card: [`SlotProblem`].

use core::fmt;
use std::time::SystemTime;

use kortlab_apdu::ByteCount;
use kortlab_pkcs15::{Id, KeyUsage, ObjectRef, Severity};

use super::Slot;
use crate::certificate::{ContentKind, Fault, Rule};
use crate::elsewhere;
use crate::error::{CardError, ErrorKind};
use crate::files::Remark;
use crate::problem::{Problem, code};

/// What can be wrong with a certificate on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotProblem {
    /// Its file cannot be read.
    Unreadable(CardError),
    /// It cannot be read, and its path leads to where a private key is.
    KeyFile {
        /// The key's identifier.
        key: Id,
        /// Why it cannot be read.
        error: CardError,
    },
    /// Its entry names no file: the path is empty.
    WithoutFile,
    /// What is there is no certificate.
    NotCertificate(ContentKind),
    /// The directory lists it as something else than an X.509 certificate; it is not read.
    NotX509,
    /// Its file could be read, but not without something odd.
    Odd(Remark),
    /// The directory says that it is somewhere else in its file, or of another length.
    WrongCount {
        /// The index that the directory says.
        said_index: Option<usize>,
        /// The length that the directory says.
        said_length: Option<usize>,
        /// Where it is.
        index: usize,
        /// How long it is.
        length: usize,
    },
    /// It is not written as the standards have it.
    NotStrict(Fault),
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It says no time that all programs read alike, so that it cannot be told whether it is
    /// valid.
    UnknownValidity,
    /// A revocation list of its issuer has it.
    Revoked {
        /// Since when, if that can be read.
        since: Option<SystemTime>,
    },
    /// A responder that speaks for its issuer does not know it.
    NotIssued {
        /// The issuer's name.
        issuer: String,
    },
    /// Its signature is not by the issuer that it names.
    BadSignature {
        /// The issuer's name.
        issuer: String,
    },
    /// Its issuer has signed it, and it names another key of that issuer (RFC 5280 §4.2.1.1).
    OtherIssuerKey {
        /// The issuer's name.
        issuer: String,
    },
    /// Its issuer has signed it, whose certificate does not let it issue any.
    IssuerNotAuthorised {
        /// The issuer's name.
        issuer: String,
        /// Why not.
        why: &'static str,
    },
    /// Its issuer has signed it, whose certificate does not let it give these names (RFC 5280 §4.2.1.10).
    NameNotPermitted {
        /// The issuer's name.
        issuer: String,
        /// What its nameConstraints do: `exclude its subject`.
        why: String,
    },
    /// Its issuer has signed it, whose certificate is not written as the standards have it.
    IssuerNotStrict {
        /// The issuer's name.
        issuer: String,
        /// The gravest fault of that certificate.
        fault: Fault,
    },
    /// Its issuer has signed it, whose certificate is not valid now.
    IssuerNotValid {
        /// The issuer's name.
        issuer: String,
        /// Why not.
        why: &'static str,
    },
    /// It names an issuer that is none of those that were given as all there are.
    UnknownIssuer {
        /// The issuer's name.
        issuer: String,
    },
    /// Its public key is not that of the key with its identifier.
    KeyMismatch {
        /// The key's identifier.
        key: Id,
    },
    /// It was not checked against its key: that is more than a card can hold
    /// ([`Budget`](crate::files::Budget)).
    NotRead(String),
    /// The card has no private key with its identifier.
    NoKey {
        /// The identifier.
        key: Id,
    },
    /// The card lists public keys, and none with its identifier.
    NoPublicKey {
        /// The identifier.
        key: Id,
    },
    /// The directory of private keys says another length of its key.
    KeySize {
        /// The key's identifier.
        key: Id,
        /// The bits that the directory says.
        said: u32,
        /// The bits that the certificate's key has.
        bits: u32,
    },
    /// The directory of public keys says another length of its key.
    PublicKeySize {
        /// The key's identifier.
        key: Id,
        /// The bits that the directory says.
        said: u32,
        /// The bits that the certificate's key has.
        bits: u32,
    },
    /// The directory of private keys says another kind of its key.
    KeyKind {
        /// The key's identifier.
        key: Id,
    },
    /// The directory says that it is an authority's, and it says itself that it is not.
    NotAuthority,
    /// The directory says something of it that it does not say itself.
    ListedOtherwise {
        /// Its subject, its issuer, its serial number, or another name of it.
        what: &'static str,
    },
    /// The directory says another hash of it (certHash) than it has.
    HashOtherwise {
        /// Whether what it says is a hash at all.
        is_hash: bool,
    },
    /// The directory does not let its key do anything of what it is for.
    UsageMismatch {
        /// The key's identifier.
        key: Id,
        /// What it is for, in the words of X.509.
        wanted: String,
        /// What the directory lets the key do.
        usage: KeyUsage,
    },
    /// The directory says that the card itself does not use its key.
    KeyNotNative {
        /// The key's identifier.
        key: Id,
    },
}

impl SlotProblem {
    /// A stable name for programs, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(error) if error.kind() == ErrorKind::NotFound => "file-absent",
            Self::Unreadable(error) if error.kind() == ErrorKind::Budget => code::BUDGET,
            Self::Unreadable(error) if error.kind() == ErrorKind::Directory => {
                code::PATH_TO_DIRECTORY
            }
            Self::NotRead(_) => code::BUDGET,
            Self::WithoutFile => code::ENTRY_WITHOUT_FILE,
            Self::Unreadable(_) | Self::KeyFile { .. } => "unreadable",
            Self::NotCertificate(ContentKind::Empty) => "empty-file",
            Self::NotCertificate(_) => "not-a-certificate",
            Self::NotX509 => "kind-not-read",
            Self::Odd(remark) => remark.code,
            Self::WrongCount { .. } => code::COUNT_MISMATCH,
            Self::NotStrict(fault) => fault.rule.code(),
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::UnknownValidity => "unknown-validity",
            Self::Revoked { .. } => "revoked",
            Self::NotIssued { .. } => "unknown-to-responder",
            Self::BadSignature { .. } => "bad-signature",
            Self::OtherIssuerKey { .. } => "issuer-key-mismatch",
            Self::IssuerNotAuthorised { .. } => "issuer-not-authorised",
            Self::NameNotPermitted { .. } => "name-not-permitted",
            Self::IssuerNotStrict { .. } => "issuer-not-strict",
            Self::IssuerNotValid { .. } => "issuer-not-valid",
            Self::UnknownIssuer { .. } => "unknown-issuer",
            Self::KeyMismatch { .. } => "key-mismatch",
            Self::NoKey { .. } => "no-key",
            Self::NoPublicKey { .. } => "no-public-key",
            Self::KeySize { .. } | Self::PublicKeySize { .. } => "key-size",
            Self::KeyKind { .. } => "key-kind",
            Self::NotAuthority => "not-an-authority",
            Self::ListedOtherwise { .. } | Self::HashOtherwise { .. } => code::LISTED_OTHERWISE,
            Self::UsageMismatch { .. } | Self::KeyNotNative { .. } => code::USAGE_MISMATCH,
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::NotStrict(fault) => fault.severity,
            // Programs have that certificate already, and load it or not.
            Self::IssuerNotStrict { fault, .. } => match fault.severity {
                Severity::Error => Severity::Warning,
                _ => Severity::Note,
            },
            Self::Odd(_)
            | Self::WrongCount { .. }
            | Self::UnknownIssuer { .. }
            | Self::NoPublicKey { .. }
            | Self::KeySize { .. }
            | Self::PublicKeySize { .. }
            | Self::KeyKind { .. }
            | Self::NotAuthority
            | Self::ListedOtherwise { .. }
            | Self::HashOtherwise { .. }
            | Self::UsageMismatch { .. }
            | Self::KeyNotNative { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Whether time or the issuer brought it: a state that every certificate may come into, and
    /// no damage to the card.
    pub const fn is_state(&self) -> bool {
        matches!(
            self,
            Self::Expired | Self::NotYetValid | Self::Revoked { .. } | Self::IssuerNotValid { .. }
        )
    }

    /// Whether the certificate could not be had at all.
    pub const fn is_unreadable(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(_)
                | Self::KeyFile { .. }
                | Self::WithoutFile
                | Self::NotCertificate(_)
                | Self::NotX509
        )
    }

    /// The byte in the certificate that it is about.
    pub const fn offset(&self) -> Option<usize> {
        match self {
            Self::NotStrict(fault) => Some(fault.offset),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unreadable(error) => {
                if let Some(next) = error.next_step() {
                    return next.to_owned();
                }
                "if a change of the card was interrupted, run `kortlab recover`; otherwise write \
                 the certificate anew, or take its entry away with `kortlab cert remove`"
            }
            Self::KeyFile { .. } => {
                "the directory names a key's file: whoever issued the card must correct it"
            }
            Self::NotRead(_) => "let reading go on to ten times as much with `--budget 10`",
            Self::NotCertificate(kind) if kind.is_secret() => {
                "the directory names a key's file: whoever issued the card must correct it"
            }
            Self::NotCertificate(_) => {
                "see what its file holds with `kortlab cert read --raw`; if a change of the card \
                 was interrupted, run `kortlab recover`; otherwise write the certificate anew, or \
                 take its entry away with `kortlab cert remove`"
            }
            Self::NotX509 => "it was not checked: look at it with the program that wrote it",
            Self::Odd(_) => {
                "the card's file system says what its file does not hold: have the card checked by \
                 whoever issued it"
            }
            Self::WrongCount { .. } => {
                "the directory is at fault, not the certificate: write the certificate anew, so \
                 that its entry is made anew, too"
            }
            Self::NotStrict(fault) => fault.next_step(),
            Self::IssuerNotStrict { .. } if self.severity() == Severity::Note => {
                "nothing needs to be done, unless it is for programs that are strict about RFC 5280 \
                 (`openssl verify -x509_strict`)"
            }
            Self::IssuerNotStrict { .. } => {
                "give the issuer's present certificate, if there is one for the same key: programs \
                 that follow the standard may not load this one"
            }
            Self::NameNotPermitted { .. } => {
                "give the issuer's certificate that lets it give these names, if there is one for the \
                 same key; otherwise have the certificate made anew, with names that its issuer may \
                 give"
            }
            Self::UnknownValidity => "its issuer is at fault: have it made anew with dates in DER",
            Self::Expired | Self::Revoked { .. } => {
                "renew the card, for example with `kortlab renew`"
            }
            Self::NotYetValid => "wait until it is valid, or set this computer's clock right",
            Self::NotIssued { .. } => {
                "ask its issuer: programs that ask the responder refuse the certificate"
            }
            Self::BadSignature { .. } => {
                "the certificate was changed after it was signed, or the issuer's certificate that \
                 was given is another one: check that, and have it made anew"
            }
            Self::OtherIssuerKey { .. } => {
                "have it made anew, or give the issuer's certificate that it names, if there is \
                 one for the same key: programs that look for that one do not find it"
            }
            Self::IssuerNotAuthorised { .. } => {
                "give the certificate by which its issuer is an authority, if there is one for the \
                 same key; otherwise it is by somebody who may not issue any: have it made anew"
            }
            Self::IssuerNotValid { .. } => {
                "give the issuer's present certificate, if there is one for the same key; otherwise \
                 renew the card, for example with `kortlab renew`"
            }
            Self::UnknownIssuer { .. } => {
                "add the issuer's certificate to the directory if it is trusted; otherwise the \
                 certificate is a stranger's, or was changed after it was signed"
            }
            Self::KeyMismatch { .. } => {
                "remove it with `kortlab cert remove`, and write the certificate for the key that \
                 the card has"
            }
            Self::NoKey { .. } => {
                "remove it with `kortlab cert remove` if the key is gone for good; see the keys \
                 with `kortlab key list`"
            }
            Self::UsageMismatch { .. } => {
                "write the certificate for the key that it is for, or have EF(PrKDF) corrected"
            }
            Self::WithoutFile
            | Self::NoPublicKey { .. }
            | Self::KeySize { .. }
            | Self::PublicKeySize { .. }
            | Self::KeyKind { .. }
            | Self::NotAuthority
            | Self::ListedOtherwise { .. }
            | Self::HashOtherwise { .. }
            | Self::KeyNotNative { .. } => {
                "the directory is at fault: whoever issued the card must correct it"
            }
        }
        .to_owned()
    }

    /// The same, with commands that are about `slot`.
    fn next_step_for(&self, slot: &Slot) -> String {
        let mut step = self.next_step();
        for command in ["cert remove", "cert read --raw"] {
            let named = format!("`kortlab {command} {}`", slot.entry());
            step = step.replace(&format!("`kortlab {command}`"), &named);
        }
        step
    }

    /// The same on a card whose certificates this program does not change, if that is something else.
    fn next_step_elsewhere(&self, slot: &Slot) -> Option<String> {
        let key = slot.key_id();
        Some(match self {
            Self::Unreadable(error) if error.next_step().is_some() => return None,
            Self::NotCertificate(kind) if kind.is_secret() => return None,
            Self::Unreadable(_) => format!("if it is not wanted, {}", elsewhere::remove(key)),
            Self::NotCertificate(_) => format!(
                "see what its file holds with `kortlab cert read --raw {}`; if it is not wanted, {}",
                slot.entry(),
                elsewhere::remove(key)
            ),
            Self::WrongCount { .. } => format!(
                "the directory is at fault, not the certificate: {}",
                elsewhere::write(Some(key))
            ),
            Self::Expired | Self::Revoked { .. } => elsewhere::RENEW.to_owned(),
            Self::IssuerNotValid { .. } => format!(
                "give the issuer's present certificate, if there is one for the same key; otherwise {}",
                elsewhere::RENEW
            ),
            Self::KeyMismatch { .. } => elsewhere::remove(key),
            Self::NoKey { .. } => format!(
                "if the key is gone for good, {}; see the keys with `kortlab key list`",
                elsewhere::remove(key)
            ),
            Self::UsageMismatch { .. } => {
                "have the certificate written for the key that it is for, or EF(PrKDF) corrected, by \
                 whoever issued the card"
                    .to_owned()
            }
            _ => return None,
        })
    }

    /// The same as a problem of the file that `slot` is in.
    pub fn to_problem(&self, slot: &Slot) -> Problem {
        let (file, path) = match &slot.path {
            Some(path) => ("certificate", path),
            None => ("EF(CDF)", &slot.directory),
        };
        let problem = Problem::new(self.severity(), self.code(), file, path, self.to_string())
            .about(ObjectRef::of(
                slot.index,
                &slot.object.common,
                Some(slot.key_id()),
            ))
            .hint(self.next_step_for(slot));
        let problem = match self.next_step_elsewhere(slot) {
            Some(next) => problem.hint_elsewhere(next),
            None => problem,
        };
        let problem = match slot.is_fixed {
            true => problem.of_fixed_card(),
            false => problem,
        };
        match self.offset() {
            Some(offset) => problem.at(slot.start.saturating_add(offset)),
            None => problem,
        }
    }
}

impl fmt::Display for SlotProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::KeyFile { key, error } => write!(
                f,
                "its path leads to the file of private key {key}, as EF(PrKDF) says: its entry is wrong \
                 ({error})"
            ),
            Self::NotRead(why) => write!(f, "not checked: {why}"),
            Self::WithoutFile => f.write_str("its entry names no file: the path is empty"),
            Self::NotCertificate(kind) => write!(f, "its file holds no certificate: it is {kind}"),
            Self::NotX509 => f.write_str("it is listed as no X.509 certificate; it is not read"),
            Self::Odd(remark) => f.write_str(&remark.message),
            Self::WrongCount {
                said_index,
                said_length,
                index,
                length,
            } => {
                f.write_str("the directory says that it ")?;
                match said_length {
                    Some(said) => {
                        let from = said_index.unwrap_or(0);
                        write!(f, "has {} from byte {from}", ByteCount(*said))?;
                    }
                    None => write!(f, "starts at byte {}", said_index.unwrap_or(0))?,
                }
                write!(
                    f,
                    "; it has {} from byte {index}, which were read",
                    ByteCount(*length)
                )
            }
            Self::NotStrict(fault) => write!(f, "{}{fault}", fault.rule.broken()),
            Self::Expired => f.write_str("expired"),
            Self::NotYetValid => f.write_str("not valid yet"),
            Self::UnknownValidity => f.write_str(
                "whether it is valid cannot be told: it says no time that all programs read alike",
            ),
            Self::Revoked { .. } => f.write_str("revoked"),
            Self::NotIssued { issuer } => write!(
                f,
                "the responder that answers for {issuer:?} does not know it: it is not called good"
            ),
            Self::BadSignature { issuer } => write!(
                f,
                "its signature is not by {issuer:?}, which it names as its issuer"
            ),
            Self::OtherIssuerKey { issuer } => write!(
                f,
                "its authorityKeyIdentifier names another key, or another certificate, of {issuer:?} \
                 than the one that has signed it"
            ),
            Self::IssuerNotAuthorised { issuer, why } => write!(
                f,
                "it is signed by {issuer:?}, whose certificate {why}: programs refuse it"
            ),
            Self::NameNotPermitted { issuer, why } => write!(
                f,
                "it is signed by {issuer:?}, whose nameConstraints {why} (RFC 5280 §4.2.1.10): \
                 programs refuse it"
            ),
            Self::IssuerNotStrict { issuer, fault } => {
                let how = match fault.rule {
                    Rule::Der => "is not strict DER",
                    Rule::Profile => "is not as RFC 5280 has it",
                    Rule::Alone => "is not alone in its bytes",
                };
                write!(
                    f,
                    "it is signed by {issuer:?}, whose certificate {how}: {fault}"
                )
            }
            Self::IssuerNotValid { issuer, why } => {
                write!(f, "it is signed by {issuer:?}, whose certificate {why}")
            }
            Self::UnknownIssuer { issuer } => write!(
                f,
                "it names {issuer:?} as its issuer, which is none of those in --ca-dir: its \
                 signature cannot be checked"
            ),
            Self::KeyMismatch { key } => write!(f, "its public key is not that of key {key}"),
            Self::NoKey { key } => write!(f, "the card has no private key {key}"),
            Self::NoPublicKey { key } => write!(
                f,
                "EF(PuKDF) lists no readable public key {key}, so that it cannot be told whether \
                 the certificate is for the card's key"
            ),
            Self::KeySize { key, said, bits } => write!(
                f,
                "EF(PrKDF) says that key {key} has {said} bits; the certificate's key has {bits}"
            ),
            Self::PublicKeySize { key, said, bits } => write!(
                f,
                "EF(PuKDF) says that key {key} has {said} bits; the certificate's key has {bits}"
            ),
            Self::KeyKind { key } => write!(
                f,
                "EF(PrKDF) says that key {key} is no RSA key; the certificate is for one"
            ),
            Self::ListedOtherwise { what } => write!(
                f,
                "the directory says another {what} than the certificate has: programs that look for \
                 it by that do not find it"
            ),
            Self::HashOtherwise { is_hash: true } => f.write_str(
                "the directory says another hash (certHash) than the certificate has: programs that \
                 compare the two take it for one that was changed",
            ),
            Self::HashOtherwise { is_hash: false } => f.write_str(
                "the directory has something for its hash (certHash) that is none",
            ),
            Self::UsageMismatch { key, wanted, usage } if usage.is_empty() => write!(
                f,
                "the certificate is for {wanted}; EF(PrKDF) lets key {key} do nothing"
            ),
            Self::UsageMismatch { key, wanted, usage } => write!(
                f,
                "the certificate is for {wanted}; EF(PrKDF) lets key {key} do {usage} alone"
            ),
            Self::KeyNotNative { key } => write!(
                f,
                "EF(PrKDF) says that the card itself does not use key {key} (native): programs may \
                 leave it alone, and OpenSC warns of it"
            ),
            Self::NotAuthority => f.write_str(
                "the directory says that it is an authority's; the certificate says that it is not",
            ),
        }
    }
}
