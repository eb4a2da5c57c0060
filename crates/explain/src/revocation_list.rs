//! Certificate revocation lists (RFC 5280 §5.1).

use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::Tag;
use kortlab_card::{Problem, RevocationList, Severity};

use crate::node::{Explanation, Node};
use crate::x509;

/// The word of a problem with bytes that are no revocation list.
pub const NOT_A_LIST: &str = "not-a-revocation-list";

/// The word of a problem with a list that can be read, and is not in DER.
const MALFORMED: &str = "list-malformed";

/// What a revocation list says. Whether it is in force and its issuer's cannot be told from its
/// bytes and is not said.
pub fn explain(bytes: &[u8]) -> Explanation {
    let mut explanation = x509::signed("revocation list", "tbsCertList", bytes, body);
    let file = "revocation list";
    match RevocationList::parse(file, bytes) {
        Err(why) => {
            let message = format!("this is no revocation list: {why}");
            explanation.problems.push(
                Problem::new(Severity::Error, NOT_A_LIST, file, &FilePath::EMPTY, message)
                    .at(0)
                    .hint("give a CRL in DER"),
            );
        }
        Ok(list) => explanation.problems.extend(list.malformed().map(|fault| {
            let message = format!("this is no CertificateList in DER: {}", fault.message);
            Problem::new(Severity::Error, MALFORMED, file, &FilePath::EMPTY, message)
                .at(fault.offset)
                .hint("its issuer must make it anew: programs do not read it alike")
        })),
    }
    explanation.settled()
}

/// TBSCertList.
fn body(parts: &mut [Node], all: &[u8]) {
    let parts = match x509::next(parts, Tag::INTEGER) {
        Some((version, rest)) => {
            version.rename("version");
            rest
        }
        None => parts,
    };
    let [algorithm, issuer, this_update, rest @ ..] = parts else {
        return;
    };
    x509::algorithm_identifier(algorithm, "signature", all);
    x509::distinguished_name(issuer, "issuer", all);
    x509::time(this_update, "thisUpdate", all);
    for part in rest {
        if part.is(0x17) || part.is(0x18) {
            x509::time(part, "nextUpdate", all);
        } else if part.is(Tag::SEQUENCE.value()) {
            revoked(part, all);
        } else if part.is(Tag::context(0, true).value()) {
            x509::extensions(part, all);
        }
    }
}

fn revoked(list: &mut Node, all: &[u8]) {
    list.rename("revokedCertificates");
    list.mean(format!("{} certificates", list.parts.len()));
    for entry in &mut list.parts {
        entry.rename("revoked certificate");
        if let [serial, since, ..] = entry.parts.as_mut_slice() {
            x509::serial_number(serial, "userCertificate");
            x509::time(since, "revocationDate", all);
        }
        if let Some(extensions) = entry.parts.get_mut(2) {
            extensions.rename("crlEntryExtensions");
            x509::extension_list(extensions, all);
        }
    }
}
