//! X.509 certificates (RFC 5280 §4.1).

use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::Tag;
use kortlab_card::{CertificateInfo, ContentKind, Problem, Severity};

use kortlab_issuer::DocumentError;
use kortlab_issuer::inspect::CertificateSummary;

use crate::node::{Explanation, NOT_DECODED, Node};
use crate::span::Span;
use crate::x509;

/// The word of a problem with bytes that are no certificate.
pub const NOT_A_CERTIFICATE: &str = "not-a-certificate";

/// What a certificate says, however it is written; what breaks the rules is a problem. Bytes that
/// are none are named for what they are. Those of a private key are not shown.
///
/// Whether it is valid, revoked or its issuer's cannot be told from its bytes and is not said.
pub fn explain(bytes: &[u8]) -> Explanation {
    let Some(info) = CertificateInfo::parse(bytes) else {
        return something_else(bytes);
    };
    let mut explanation = x509::signed("certificate", "tbsCertificate", bytes, body);
    let faults = info.faults.iter().map(|fault| {
        let message = format!("{}{}", fault.rule.broken(), fault.message);
        Problem::new(
            fault.severity,
            fault.rule.code(),
            "certificate",
            &FilePath::EMPTY,
            message,
        )
        .at(fault.offset)
        .hint(fault.next_step())
    });
    let faults: Vec<_> = faults.collect();
    // What the rules find is said in their words, and once.
    let known = |problem: &Problem| faults.iter().any(|one| one.offset() == problem.offset());
    explanation.problems.retain(|problem| !known(problem));
    explanation.problems.extend(faults);
    explanation.settled()
}

/// The serial number of a certificate, in hexadecimal.
///
/// # Errors
/// It is no certificate that every program reads alike; the error says at which byte.
pub fn serial_number(der: &[u8]) -> Result<String, DocumentError> {
    CertificateSummary::from_der(der).map(|summary| summary.serial_hex())
}

/// Whether these bytes are a private key, which is not given out.
pub fn holds_secret(bytes: &[u8]) -> bool {
    ContentKind::of(bytes).is_secret()
}

/// What is said of a private key of so many bytes, and of what is left of one: nothing of them is shown.
pub fn private_key(length: usize) -> Explanation {
    of_kind(ContentKind::PrivateKey, Span::new(0, length), &[])
}

fn something_else(bytes: &[u8]) -> Explanation {
    of_kind(ContentKind::of(bytes), Span::new(0, bytes.len()), bytes)
}

fn of_kind(kind: ContentKind, span: Span, bytes: &[u8]) -> Explanation {
    let node = match kind.is_secret() {
        true => Node::without_value(NOT_DECODED, span),
        false => Node::new(NOT_DECODED, span, bytes),
    };
    let message = format!("this is no certificate: it is {kind}");
    let hint = match kind.is_secret() {
        true => "its bytes are not shown here; keep them from others",
        false => "give a certificate in DER",
    };
    Explanation {
        what: "certificate",
        nodes: vec![node.meaning(kind.to_string())],
        problems: vec![
            Problem::new(
                Severity::Error,
                NOT_A_CERTIFICATE,
                "certificate",
                &FilePath::EMPTY,
                message,
            )
            .at(0)
            .hint(hint),
        ],
    }
}

/// TBSCertificate.
fn body(parts: &mut [Node], all: &[u8]) {
    let parts = match x509::next(parts, Tag::context(0, true)) {
        Some((version, rest)) => {
            version.rename("version");
            rest
        }
        None => parts,
    };
    let [serial, algorithm, issuer, validity, subject, key, rest @ ..] = parts else {
        return;
    };
    x509::serial_number(serial, "serialNumber");
    x509::algorithm_identifier(algorithm, "signature", all);
    x509::distinguished_name(issuer, "issuer", all);
    validity.rename("validity");
    if let [from, until, ..] = validity.parts.as_mut_slice() {
        x509::time(from, "notBefore", all);
        x509::time(until, "notAfter", all);
    }
    x509::distinguished_name(subject, "subject", all);
    key.rename("subjectPublicKeyInfo");
    if let [algorithm, bits, ..] = key.parts.as_mut_slice() {
        x509::algorithm_identifier(algorithm, "algorithm", all);
        bits.rename("subjectPublicKey");
    }
    for part in rest {
        if part.is(Tag::context(3, true).value()) {
            x509::extensions(part, all);
        } else if part.is(Tag::context(1, false).value()) {
            part.rename("issuerUniqueID");
        } else if part.is(Tag::context(2, false).value()) {
            part.rename("subjectUniqueID");
        }
    }
}
