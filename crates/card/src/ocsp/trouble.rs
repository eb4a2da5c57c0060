//! Why an answer of a responder is not used: [`AnswerTrouble`].

use core::fmt;

use kortlab_apdu::FilePath;
use kortlab_pkcs15::Severity;

use crate::problem::Problem;

/// What is wrong with an answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerTrouble {
    /// The responder has not answered; in its own words.
    Refused(&'static str),
    /// It was to be asked, and no answer came, or none that can be read; why.
    Silent(String),
    /// Its time is over.
    Expired(String),
    /// It is from the future.
    NotYet(String),
    /// It has no time that can be read, or does not say until when it holds.
    NoTime,
    /// Its signature is not that of the one it names.
    BadSignature,
    /// It is not signed by the certificate's issuer, nor by one to whom the issuer has given that.
    NotAuthorised(&'static str),
    /// Whether it is signed cannot be told: the issuer's certificate is not at hand.
    NoIssuer,
    /// It is of a kind that is not supported.
    Unsupported(&'static str),
    /// It is not written as an answer must be: programs read different things in it, or nothing. What is
    /// wrong first, and where.
    Malformed(String),
    /// It answers another question.
    OtherNonce,
    /// It is about no certificate that was checked.
    Unused,
}

impl AnswerTrouble {
    /// A stable word for programs, in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "ocsp-refused",
            Self::Silent(_) => "not-reached",
            Self::Expired(_) => "ocsp-expired",
            Self::NotYet(_) => "ocsp-not-yet-valid",
            Self::NoTime => "ocsp-without-time",
            Self::BadSignature => "ocsp-bad-signature",
            Self::NotAuthorised(_) => "ocsp-not-authorised",
            Self::NoIssuer => "ocsp-not-verified",
            Self::Unsupported(_) => "ocsp-not-supported",
            Self::Malformed(_) => "ocsp-malformed",
            Self::OtherNonce => "ocsp-other-nonce",
            Self::Unused => "ocsp-not-used",
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Unused => Severity::Note,
            Self::Refused(_) | Self::Silent(_) | Self::NoIssuer => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The same as a problem of the answer that is called `name`.
    pub fn to_problem(&self, name: &str) -> Problem {
        let text = self.to_string();
        Problem::new(self.severity(), self.code(), name, &FilePath::EMPTY, text)
            .hint(self.next_step())
    }

    /// What to do about it.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::Silent(_) => {
                "ask again later, or give the issuer's revocation list (--crl)"
            }
            Self::Expired(_) | Self::NoTime => "ask the responder again",
            Self::NotYet(_) => "check this computer's clock, or the day given with --date",
            Self::BadSignature | Self::OtherNonce => {
                "ask again: it was changed on its way, or is an answer to somebody else"
            }
            Self::NotAuthorised(_) => {
                "check which issuer's certificate was given, and whom the responder answers for"
            }
            Self::NoIssuer => "give the issuer's certificate (--issuer, --ca-dir)",
            Self::Unsupported(_) | Self::Malformed(_) => {
                "give the issuer's revocation list (--crl)"
            }
            Self::Unused => "check that it is about a certificate on this card",
        }
    }
}

impl fmt::Display for AnswerTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "the responder has not answered: {status}"),
            Self::Silent(why) => write!(f, "no usable answer: {why}"),
            Self::Expired(until) => write!(
                f,
                "the answer expired on {until}: it does not say what is good now"
            ),
            Self::NotYet(from) => write!(f, "the answer is from {from}, which is yet to come"),
            Self::NoTime => f.write_str("the answer does not say when it holds; it is not used"),
            Self::BadSignature => {
                f.write_str("the answer is not signed by the one that it names; it is not used")
            }
            Self::NotAuthorised(why) => write!(
                f,
                "the answer is by none that may answer for the issuer: {why}; it is not used"
            ),
            Self::NoIssuer => f.write_str(
                "whether the answer is genuine cannot be told without the issuer's certificate; \
                 it is not used",
            ),
            Self::Unsupported(what) => write!(f, "{what} is not supported; it is not used"),
            Self::Malformed(what) => write!(
                f,
                "the answer is no OCSPResponse in DER ({what}): it makes nothing good"
            ),
            Self::OtherNonce => f.write_str(
                "the answer does not have the nonce that was asked with: it may be an old one; \
                 it is not used",
            ),
            Self::Unused => f.write_str("the answer is about no certificate on the card"),
        }
    }
}
