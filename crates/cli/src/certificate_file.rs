//! Certificates, revocation lists and answers of responders that are given in files, in whatever form they
//! come.

use std::path::Path;

use kortlab_card::{CertificateInfo, OcspAnswer, RevocationList};
use kortlab_explain::{certificate, ocsp, revocation_list};
use kortlab_issuer::encoded::{self, Chain, Unusable, Wanted};

use crate::failure::Failure;
use crate::files;

/// The longest file of certificates that is read; cards have far less room.
const MAX_CERTIFICATES: usize = 1 << 20;

/// The longest revocation list that is read.
const MAX_CRL: usize = 64 << 20;

/// The longest answer of a responder that is read.
const MAX_ANSWER: usize = 1 << 20;

/// The one certificate that a file is about, the only one or the leaf of a chain, which has the outline of
/// one; and the others of the file, which may have issued it.
///
/// # Errors
/// The file cannot be read, or has none, or a broken one; the message names what it has.
pub fn chain(path: &Path) -> Result<Chain, Failure> {
    let bytes = files::read(path, MAX_CERTIFICATES)?;
    let Chain { leaf, others } =
        encoded::read_chain(&bytes).map_err(|error| unusable(path, &error))?;
    let leaf = with_outline(path, leaf)?;
    Ok(Chain { leaf, others })
}

/// All certificates of a file. Each has the outline of one.
///
/// # Errors
/// As for [`chain`].
pub fn all(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = files::read(path, MAX_CERTIFICATES)?;
    let all = encoded::read_all(&bytes, Wanted::Certificate);
    let all = all.map_err(|error| unusable(path, &error))?;
    all.into_iter().map(|der| with_outline(path, der)).collect()
}

fn with_outline(path: &Path, der: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if CertificateInfo::parse(&der).is_some() {
        return Ok(der);
    }
    let text = format!(
        "{} is no certificate: it does not have the outline of one",
        path.display()
    );
    Err(Failure::failed(text)
        .of_kind("invalid")
        .hint("give a certificate in DER or PEM")
        .because(certificate::explain(&der).problems))
}

/// All revocation lists of a file.
///
/// # Errors
/// As for [`chain`]; or one is broken.
pub fn revocation_lists(path: &Path) -> Result<Vec<RevocationList>, Failure> {
    let bytes = files::read(path, MAX_CRL)?;
    let lists = encoded::read_all(&bytes, Wanted::RevocationList)
        .map_err(|error| unusable(path, &error))?;
    let name = path.display().to_string();
    let parse = |der: &Vec<u8>| {
        RevocationList::parse(name.as_str(), der).map_err(|error| {
            Failure::failed(format!("{} is no revocation list: {error}", path.display()))
                .of_kind("invalid")
                .hint("give a CRL in DER or PEM")
                .because(revocation_list::explain(der).problems)
        })
    };
    lists.iter().map(parse).collect()
}

/// The answer of a responder in a file, DER.
///
/// # Errors
/// The file cannot be read, or is none.
pub fn ocsp_answer(path: &Path) -> Result<OcspAnswer, Failure> {
    let bytes = files::read(path, MAX_ANSWER)?;
    OcspAnswer::parse(path.display().to_string(), &bytes).map_err(|error| {
        Failure::failed(format!(
            "{} is no answer of an OCSP responder: {error}",
            path.display()
        ))
        .of_kind("invalid")
        .hint("give an OCSPResponse in DER")
        .because(ocsp::explain(&bytes).problems)
    })
}

/// Says of a file what it is instead of what it was given as.
pub fn unusable(path: &Path, error: &Unusable) -> Failure {
    Failure::failed(format!("{}: {error}", path.display()))
        .of_kind("invalid")
        .hint(error.next_step())
}
