//! One's own key and certificates for a new card: which files, and the passphrase.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use kortlab_credential::{
    CredentialError, Effort, Holdings, MAX_FILE, Passphrase, Personal, Role, personal, read_key,
    read_pkcs12,
};
use kortlab_issuer::encoded::{GivenAs, described};

use crate::failure::Failure;
use crate::pin_source::PassphraseSource;
use crate::{certificate_file, files};

/// Where one's own key and certificates are.
#[derive(Args)]
#[command(next_help_heading = "One's own key and certificates")]
pub struct OwnFiles {
    /// A PKCS#12 file (.p12, .pfx) with a private key and its certificates, to be put on the card
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "state", "date", "ca_dir"])]
    p12: Option<PathBuf>,

    /// A private key, PEM or DER, to be put on the card with --cert
    #[arg(long, value_name = "FILE", requires = "cert", conflicts_with_all = ["state", "date", "ca_dir"])]
    key: Option<PathBuf>,

    /// The certificate of --key, PEM or DER; all that are in the file are taken
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Vec<PathBuf>,

    /// Certificates of authorities that go on the card as well, PEM or DER
    #[arg(long, value_name = "FILE")]
    chain: Vec<PathBuf>,

    /// Where the passphrase of --p12 or --key comes from: prompt, env:NAME, file:PATH, fd:N. Never
    /// the passphrase itself
    #[arg(long, value_name = "SOURCE")]
    passphrase: Option<String>,

    /// Which key of the card it becomes, where the certificate's key usage does not say or says
    /// otherwise
    #[arg(long, value_enum)]
    role: Option<RoleChoice>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleChoice {
    /// The key for Legitimering (authentication)
    Auth,
    /// The key for Underskrift (signature)
    Sign,
}

impl OwnFiles {
    /// Reads the files that were given; `None` if there are none.
    ///
    /// # Errors
    /// A file cannot be read, the passphrase is wrong or not there, or what the files hold does not
    /// make a card.
    pub fn read(self) -> Result<Option<Personal>, Failure> {
        let Some(file) = self.p12.as_deref().or(self.key.as_deref()) else {
            return match self.chain.is_empty() && self.passphrase.is_none() && self.role.is_none() {
                true => Ok(None),
                false => Err(Failure::usage(
                    "--chain, --passphrase and --role go with --p12 or --key",
                )
                .hint("give the file with the private key")),
            };
        };
        let source = PassphraseSource::new(self.passphrase)?;
        let bytes = files::read_secret(file, MAX_FILE)?;
        let given_as = match self.p12 {
            Some(_) => GivenAs::Pkcs12,
            None => GivenAs::PrivateKey,
        };
        let failed = |error: &CredentialError| match error {
            CredentialError::Malformed { .. } | CredentialError::NoKey => {
                described(&bytes, given_as).map_or_else(
                    || unusable(file, error),
                    |other| certificate_file::unusable(file, &other),
                )
            }
            _ => unusable(file, error),
        };
        let effort = &mut Effort::default();
        let mut holdings = if self.p12.is_some() {
            with_passphrase(&source, |words| read_pkcs12(&bytes, words, effort), failed)?
        } else {
            Holdings {
                keys: vec![with_passphrase(
                    &source,
                    |words| read_key(&bytes, words, effort),
                    failed,
                )?],
                certificates: Vec::new(),
            }
        };
        for path in self.cert.iter().chain(&self.chain) {
            holdings.certificates.extend(certificate_file::all(path)?);
        }
        let role = self.role.map(|role| match role {
            RoleChoice::Auth => Role::Authentication,
            RoleChoice::Sign => Role::Signature,
        });
        let files = [file]
            .into_iter()
            .chain(self.cert.iter().chain(&self.chain).map(PathBuf::as_path));
        let files: Vec<_> = files.map(|file| file.display().to_string()).collect();
        personal(holdings, role, SystemTime::now())
            .map(Some)
            .map_err(|error| unusable(Path::new(&files.join(", ")), &error))
    }
}

/// Reads with the passphrase that was given; if none was, without one, and then with one that is
/// asked for.
fn with_passphrase<T>(
    source: &PassphraseSource,
    mut read: impl FnMut(Option<&Passphrase>) -> Result<T, CredentialError>,
    failed: impl Fn(&CredentialError) -> Failure,
) -> Result<T, Failure> {
    if !source.is_given() {
        match read(None) {
            Err(CredentialError::NeedsPassphrase) => {}
            done => return done.map_err(|error| failed(&error)),
        }
    }
    let passphrase = Passphrase::new(source.read()?);
    read(Some(&passphrase)).map_err(|error| failed(&error))
}

fn unusable(path: &Path, error: &CredentialError) -> Failure {
    let text = format!("{}: {error}", path.display());
    let failure = match error {
        CredentialError::Ambiguous(_) | CredentialError::NeedsPassphrase => Failure::usage(text),
        _ => Failure::failed(text).of_kind("invalid"),
    };
    failure.hint(error.next_step())
}
