//! What is wrong with how a certificate is written: [`Fault`].

use core::fmt;

use kortlab_pkcs15::Severity;

/// The most faults that are kept of one certificate.
const MAX_FAULTS: usize = 32;

/// One thing that is wrong with how a certificate is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How much it matters: an error where programs may not load the certificate or not read it
    /// alike.
    pub severity: Severity,
    /// Which rule it breaks.
    pub rule: Rule,
    /// Where: an offset in bytes from the start of the certificate.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
}

/// A rule that a certificate can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// DER, ITU-T X.690, and the syntax of RFC 5280 §4.1.
    Der,
    /// What RFC 5280 asks beyond that.
    Profile,
    /// That nothing stands behind it: the bytes are not one certificate, though it may be whole.
    Alone,
}

impl Rule {
    /// What breaks it, in one stable word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Der => "not-strict-der",
            Self::Profile => "not-rfc5280",
            Self::Alone => "behind-certificate",
        }
    }

    /// What a certificate that breaks it is, in words with a colon behind; of nothing wrong with the
    /// certificate itself, none.
    pub const fn broken(self) -> &'static str {
        match self {
            Self::Der => "not strict DER: ",
            Self::Profile => "not as RFC 5280 has it: ",
            Self::Alone => "",
        }
    }
}

impl Fault {
    /// What is to be done about it.
    pub fn next_step(&self) -> &'static str {
        match (self.severity, self.rule) {
            (_, Rule::Alone) => {
                "take away what stands behind it, or give each certificate by itself; the \
                 certificate need not be made anew for that"
            }
            (Severity::Note, _) => {
                "nothing needs to be done, unless it is for programs that are strict about RFC 5280 \
                 (`openssl verify -x509_strict`)"
            }
            _ => {
                "its issuer is at fault: have the certificate made anew, as programs that follow \
                 the standard may not load it"
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.message)
    }
}

/// The faults found so far.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Not DER, and programs may refuse it.
    pub(super) fn error(&mut self, offset: usize, message: impl fmt::Display) {
        self.push(Severity::Error, Rule::Der, offset, &message);
    }

    /// Something stands behind it.
    pub(super) fn behind(&mut self, offset: usize, message: impl fmt::Display) {
        self.push(Severity::Error, Rule::Alone, offset, &message);
    }

    /// Not DER, in a way that is often seen and mostly read.
    pub(super) fn warn(&mut self, offset: usize, message: impl fmt::Display) {
        self.push(Severity::Warning, Rule::Der, offset, &message);
    }

    /// DER, but not as RFC 5280 has it.
    pub(super) fn profile(&mut self, offset: usize, message: impl fmt::Display) {
        self.push(Severity::Warning, Rule::Profile, offset, &message);
    }

    /// DER, and not as RFC 5280 has it in what programs look at only if they are told to be strict
    /// (`openssl verify -x509_strict`), and many certificates that are in use break.
    pub(super) fn note(&mut self, offset: usize, message: impl fmt::Display) {
        self.push(Severity::Note, Rule::Profile, offset, &message);
    }

    /// DER, and programs refuse it.
    pub(super) fn refused(&mut self, offset: usize, message: impl fmt::Display) {
        self.push(Severity::Error, Rule::Profile, offset, &message);
    }

    /// The faults in the order of the bytes; one place has each of them once.
    pub(super) fn settle(mut self) -> Vec<Fault> {
        self.0.sort_by_key(|fault| fault.offset);
        self.0.dedup();
        self.0
    }

    /// The first error in the order of the bytes.
    pub(super) fn first_error(self) -> Option<Fault> {
        let mut faults = self.settle().into_iter();
        faults.find(|fault| fault.severity == Severity::Error)
    }

    fn push(&mut self, severity: Severity, rule: Rule, offset: usize, message: &dyn fmt::Display) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Fault {
                severity,
                rule,
                offset,
                message: message.to_string(),
            });
        } else if let Some(last) = self.0.last_mut() {
            last.message = "there are more faults; they are left out".to_owned();
            // What is left out counts as what is told does.
            last.severity = last.severity.max(severity);
            if rule == Rule::Der {
                last.rule = rule;
            }
        }
    }
}
