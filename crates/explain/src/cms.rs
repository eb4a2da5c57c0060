//! Signed and enveloped messages: CMS (RFC 5652), which PKCS #7 was before.

use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::{Filler, Tag};
use kortlab_card::{Problem, Severity};

use crate::node::{Explanation, Node};
use crate::{asn1, tlv, x509};

/// The words of problems with such messages.
pub const NOT_A_MESSAGE: &str = "not-a-message";
/// Signed attributes do not stand in the order of DER (RFC 5652 §5.3, X.690 §11.6): a reader that encodes
/// them anew has another digest than the signer had.
pub const ATTRIBUTES_NOT_SORTED: &str = "attributes-not-sorted";
/// Signed attributes without contentType or messageDigest (RFC 5652 §11.1, §11.2).
pub const ATTRIBUTE_MISSING: &str = "attribute-missing";

const WHAT: &str = "CMS message";

/// pkcs-7, 1.2.840.113549.1.7.
const PKCS_7: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07];
/// The attributes contentType and messageDigest, 1.2.840.113549.1.9.3 and .4.
const CONTENT_TYPE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x04];

/// Whether these bytes are such a message: `SEQUENCE { an identifier of its arc, [0] … }`.
pub fn is_message(bytes: &[u8]) -> bool {
    let Ok(outer) = kortlab_apdu::tlv::read_one(bytes) else {
        return false;
    };
    let mut parts = outer.children().map_while(Result::ok);
    let (Some(kind), Some(content)) = (parts.next(), parts.next()) else {
        return false;
    };
    outer.tag == Tag::SEQUENCE
        && kind.tag == Tag::OBJECT_IDENTIFIER
        && kind.value.starts_with(PKCS_7)
        && content.tag == Tag::context(0, true)
}

/// What a message says of itself, and what in its signed attributes others trip over. Whether a
/// signature is right cannot be told from its bytes alone and is not said.
pub fn explain(bytes: &[u8]) -> Explanation {
    let (mut nodes, errors) = tlv::tree(bytes, Filler::Reject);
    let problem = |error| Problem::of_bytes(WHAT, error).hint("have it sent again: it was cut");
    let mut problems: Vec<_> = errors.into_iter().map(problem).collect();
    asn1::dress(&mut nodes, bytes);
    match nodes.as_mut_slice() {
        [outer, ..] if is_message(bytes) => {
            outer.rename("ContentInfo");
            if let [kind, content, ..] = outer.parts.as_mut_slice() {
                kind.rename("contentType");
                content.rename("content");
                let number = kind.content().of(bytes).last().copied();
                message(number, &mut content.parts, bytes, &mut problems);
            }
        }
        _ => {
            let message = "this is no ContentInfo as RFC 5652 §3 has it";
            problems.push(fault(Severity::Error, NOT_A_MESSAGE, message.to_owned(), 0));
        }
    }
    Explanation {
        what: WHAT,
        nodes,
        problems,
    }
    .settled()
}

fn fault(severity: Severity, code: &'static str, message: String, offset: usize) -> Problem {
    Problem::new(severity, code, WHAT, &FilePath::EMPTY, message)
        .at(offset)
        .hint("the program that made it is at fault: have it made anew")
}

/// SignedData (2), EnvelopedData (3); of others the tree.
fn message(kind: Option<u8>, parts: &mut [Node], all: &[u8], problems: &mut Vec<Problem>) {
    let Some(content) = parts.first_mut() else {
        return;
    };
    match kind {
        Some(2) => {
            content.rename("SignedData");
            signed(&mut content.parts, all, problems);
        }
        Some(3) => {
            content.rename("EnvelopedData");
            enveloped(&mut content.parts, all);
        }
        Some(1) => content.rename("data"),
        Some(5) => content.rename("DigestedData"),
        Some(6) => content.rename("EncryptedData"),
        _ => {}
    }
}

/// SignedData (§5.1).
fn signed(parts: &mut [Node], all: &[u8], problems: &mut Vec<Problem>) {
    let [version, digests, inside, rest @ ..] = parts else {
        return;
    };
    version.rename("version");
    digests.rename("digestAlgorithms");
    for algorithm in &mut digests.parts {
        x509::algorithm_identifier(algorithm, "digestAlgorithm", all);
    }
    inside.rename("encapContentInfo");
    if let [kind, content @ ..] = inside.parts.as_mut_slice() {
        kind.rename("eContentType");
        if let [content, ..] = content {
            content.rename("eContent");
        } else {
            inside.mean("the content is elsewhere (detached)");
        }
    }
    for part in rest {
        if part.is(Tag::context(0, true).value()) {
            part.rename("certificates");
        } else if part.is(Tag::context(1, true).value()) {
            part.rename("crls");
        } else if part.is(Tag::SET.value()) {
            part.rename("signerInfos");
            for signer in &mut part.parts {
                signer_info(signer, all, problems);
            }
        }
    }
}

/// SignerInfo (§5.3).
fn signer_info(signer: &mut Node, all: &[u8], problems: &mut Vec<Problem>) {
    signer.rename("SignerInfo");
    let [version, sid, digest, rest @ ..] = signer.parts.as_mut_slice() else {
        return;
    };
    version.rename("version");
    if sid.is(Tag::context(0, false).value()) {
        sid.rename("subjectKeyIdentifier");
    } else {
        sid.rename("issuerAndSerialNumber");
        issuer_and_serial_number(sid, all);
    }
    x509::algorithm_identifier(digest, "digestAlgorithm", all);
    let rest = match x509::next(rest, Tag::context(0, true)) {
        Some((attributes, rest)) => {
            attributes.rename("signedAttrs");
            name_attributes(&mut attributes.parts);
            check_attributes(attributes, all, problems);
            rest
        }
        None => rest,
    };
    let [algorithm, signature, rest @ ..] = rest else {
        return;
    };
    x509::algorithm_identifier(algorithm, "signatureAlgorithm", all);
    signature.rename("signature");
    if let [attributes, ..] = rest {
        attributes.rename("unsignedAttrs");
        name_attributes(&mut attributes.parts);
    }
}

/// IssuerAndSerialNumber (§10.2.4).
fn issuer_and_serial_number(node: &mut Node, all: &[u8]) {
    if let [issuer, serial, ..] = node.parts.as_mut_slice() {
        x509::distinguished_name(issuer, "issuer", all);
        x509::serial_number(serial, "serialNumber");
    }
}

fn name_attributes(attributes: &mut [Node]) {
    for attribute in attributes {
        let meaning = attribute
            .parts
            .first()
            .and_then(|kind| kind.meaning.clone());
        attribute.rename("attribute");
        if let Some(meaning) = meaning {
            attribute.mean(meaning);
        }
    }
}

/// What RFC 5652 asks of signed attributes, and readers trip over.
fn check_attributes(attributes: &Node, all: &[u8], problems: &mut Vec<Problem>) {
    let encoded = attributes.parts.iter().map(|part| part.span);
    for (before, after) in encoded.clone().zip(encoded.skip(1)) {
        if before.of(all) > after.of(all) {
            let message = "the signed attributes are not in the order of DER: who encodes them anew \
                           finds the signature wrong";
            problems.push(fault(
                Severity::Warning,
                ATTRIBUTES_NOT_SORTED,
                message.to_owned(),
                after.offset,
            ));
            break;
        }
    }
    for (name, wanted) in [
        ("contentType", CONTENT_TYPE),
        ("messageDigest", MESSAGE_DIGEST),
    ] {
        let mut kinds = attributes.parts.iter().filter_map(|one| one.parts.first());
        if !kinds.any(|kind| kind.content().of(all) == wanted) {
            let message = format!("the signed attributes have no {name}");
            let offset = attributes.span.offset;
            problems.push(fault(Severity::Error, ATTRIBUTE_MISSING, message, offset));
        }
    }
}

/// EnvelopedData (§6.1).
fn enveloped(parts: &mut [Node], all: &[u8]) {
    for part in parts {
        if part.is(Tag::INTEGER.value()) {
            part.rename("version");
        } else if part.is(Tag::context(0, true).value()) {
            part.rename("originatorInfo");
        } else if part.is(Tag::SET.value()) {
            part.rename("recipientInfos");
            for recipient in &mut part.parts {
                recipient_info(recipient, all);
            }
        } else if part.is(Tag::SEQUENCE.value()) {
            part.rename("encryptedContentInfo");
            if let [kind, algorithm, content @ ..] = part.parts.as_mut_slice() {
                kind.rename("contentType");
                x509::algorithm_identifier(algorithm, "contentEncryptionAlgorithm", all);
                if let [content, ..] = content {
                    content.rename("encryptedContent");
                }
            }
        } else {
            part.rename("unprotectedAttrs");
        }
    }
}

/// KeyTransRecipientInfo (§6.2.1); of others the tree.
fn recipient_info(recipient: &mut Node, all: &[u8]) {
    recipient.rename("RecipientInfo");
    if !recipient.is(Tag::SEQUENCE.value()) {
        return;
    }
    let [version, rid, algorithm, key, ..] = recipient.parts.as_mut_slice() else {
        return;
    };
    version.rename("version");
    rid.rename("rid");
    issuer_and_serial_number(rid, all);
    x509::algorithm_identifier(algorithm, "keyEncryptionAlgorithm", all);
    key.rename("encryptedKey");
}
