//! Why one's own key and certificates are not put on a card, and what to do then.

use kortlab_emulator::crypto::KeyError;

use crate::Role;

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A file is not what it is given as.
    #[error("{what} cannot be read: {why}")]
    Malformed {
        /// The file, or the part of it.
        what: &'static str,
        /// What is wrong, with the offset if there is one.
        why: String,
    },
    /// The file is encrypted.
    #[error("it is protected by a passphrase")]
    NeedsPassphrase,
    /// The passphrase does not fit.
    #[error("the passphrase is wrong, or the file is damaged")]
    WrongPassphrase,
    /// An algorithm that is not known here.
    #[error("it uses {0}, which is not supported")]
    Unsupported(String),
    /// So much work that nobody waits for it.
    #[error("it asks for more than {most} rounds of key derivation", most = crate::Effort::MOST)]
    Rounds,
    /// There is more in it than belongs to anybody.
    #[error("it holds more private keys or certificates than a card has places for")]
    TooMuch,
    /// There is no private key.
    #[error("it holds no private key")]
    NoKey,
    /// A PEM file has several, and which one is meant it does not say.
    #[error("it holds {0} private keys")]
    SeveralKeys(usize),
    /// There are more private keys than the card has places.
    #[error("it holds {0} private keys with certificates; the card has two places")]
    TooManyKeys(usize),
    /// The key is of another kind.
    #[error("it holds {0}: RSA only until EC keys come")]
    NotRsa(String),
    /// The card does not take the key.
    #[error("the card does not take the key: {0}")]
    Key(#[from] KeyError),
    /// There is no certificate at all.
    #[error("there is a private key and no certificate")]
    NoCertificate,
    /// No certificate is for the key.
    #[error("the private key and the certificate do not belong together: {0}")]
    NoMatch(String),
    /// The certificate does not say which key of the card this is.
    #[error(
        "whether the key is for authentication or for signatures does not follow from the key usage of {0}"
    )]
    Ambiguous(String),
    /// Two keys want the same place.
    #[error("both private keys are for {0}")]
    SamePlace(Role),
    /// A role was chosen where each key has its own.
    #[error("there are two private keys, and one role was chosen")]
    RoleForTwo,
}

impl CredentialError {
    /// What to do now.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => {
                "give a PKCS#12 file with --p12, or PEM or DER files with --key and --cert"
            }
            Self::NeedsPassphrase => "give --passphrase prompt, env:NAME, file:PATH or fd:N",
            Self::WrongPassphrase => {
                "check what --passphrase points to; `openssl pkcs12 -info -noout -in FILE`, or of a key \
                 `openssl pkey -noout -in FILE`, tells the same"
            }
            Self::Unsupported(_) | Self::Rounds => {
                "read it with the program that made it, and export it again with AES-256 and SHA-256"
            }
            Self::NoKey => "export the certificate together with its private key",
            Self::SeveralKeys(_) => "give a file that holds the key of the certificate alone",
            Self::TooMuch => "export one key with its chain",
            Self::TooManyKeys(_) => {
                "export one key, or one for authentication and one for signatures"
            }
            Self::NotRsa(_) => "give an RSA key and its certificate",
            Self::Key(_) => "give a key of such a size, for instance of 2048 bits",
            Self::NoCertificate => "export the key together with its certificate, or give --cert",
            Self::NoMatch(_) => "give the certificate that was issued for this key",
            Self::Ambiguous(_) => "choose with --role auth or --role sign",
            Self::SamePlace(_) => "export them apart, and make a card of each with --role",
            Self::RoleForTwo => "leave --role out, or export the keys apart",
        }
    }

    pub(crate) fn malformed(what: &'static str) -> impl Fn(der::Error) -> Self {
        move |error| Self::Malformed {
            what,
            why: error.to_string(),
        }
    }
}
