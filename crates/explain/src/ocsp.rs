//! Answers of OCSP responders (RFC 6960 §4.2).

use kortlab_apdu::FilePath;
use kortlab_apdu::tlv::{Filler, Tag};
use kortlab_card::{OcspAnswer, Problem, Severity};

use crate::node::{Explanation, Lines, Node};
use crate::{asn1, tlv, x509};

/// The word of a problem with bytes that are no such answer.
pub const NOT_AN_ANSWER: &str = "not-an-ocsp-answer";

/// The word of a problem with an answer that can be read, and is not in DER.
const MALFORMED: &str = "ocsp-malformed";

/// What a responder says. Whether it is in force, genuine, and the answer to what was asked cannot be
/// told from its bytes and is not said.
pub fn explain(bytes: &[u8]) -> Explanation {
    let (mut nodes, errors) = tlv::tree(bytes, Filler::Reject);
    let problem = |error| Problem::of_bytes(WHAT, error).hint(NEXT);
    let mut problems: Vec<_> = errors.into_iter().map(problem).collect();
    asn1::dress(&mut nodes, bytes);
    let count = Lines::new(&nodes).count();
    if let [outer] = nodes.as_mut_slice() {
        outer.rename("OCSPResponse");
        if let [status, rest @ ..] = outer.parts.as_mut_slice() {
            status.rename("responseStatus");
            status.mean(status_word(status.content().of(bytes)));
            if let [wrapper] = rest {
                wrapper.rename("responseBytes");
                response(&mut wrapper.parts, bytes, count);
            }
        }
    }
    let found =
        |code, message| Problem::new(Severity::Error, code, WHAT, &FilePath::EMPTY, message);
    match OcspAnswer::parse(WHAT, bytes) {
        Err(why) => {
            let message = format!("this is no answer of an OCSP responder: {why}");
            problems.push(
                found(NOT_AN_ANSWER, message)
                    .at(0)
                    .hint("give an OCSPResponse in DER"),
            );
        }
        Ok(answer) => problems.extend(answer.malformed().map(|fault| {
            let message = format!("this is no OCSPResponse in DER: {}", fault.message);
            found(MALFORMED, message)
                .at(fault.offset)
                .hint("its responder is at fault: programs do not read it alike")
        })),
    }
    Explanation {
        what: WHAT,
        nodes,
        problems,
    }
    .settled()
}

const WHAT: &str = "OCSP answer";

/// What whoever sees such a problem can do.
const NEXT: &str = "it was cut, or changed on its way: ask again";

/// OCSPResponseStatus (§4.2.1).
const fn status_word(status: &[u8]) -> &'static str {
    match status {
        [0] => "successful",
        [1] => "malformedRequest",
        [2] => "internalError",
        [3] => "tryLater",
        [5] => "sigRequired",
        [6] => "unauthorized",
        _ => "no status that RFC 6960 knows",
    }
}

/// How deep the OCTET STRING of the answer stands.
const RESPONSE_DEPTH: usize = 3;

/// ResponseBytes: the answer stands in an OCTET STRING.
fn response(parts: &mut [Node], all: &[u8], nodes: usize) {
    let Some([kind, content, ..]) = parts
        .first_mut()
        .map(|sequence| sequence.parts.as_mut_slice())
    else {
        return;
    };
    kind.rename("responseType");
    content.rename("response");
    tlv::open(content, all, RESPONSE_DEPTH, nodes);
    let [basic] = content.parts.as_mut_slice() else {
        return;
    };
    basic.rename("BasicOCSPResponse");
    if let [data, algorithm, signature, ..] = basic.parts.as_mut_slice() {
        data.rename("tbsResponseData");
        x509::algorithm_identifier(algorithm, "signatureAlgorithm", all);
        signature.rename("signature");
        body(&mut data.parts, all);
    }
    if let Some(certificates) = basic.parts.get_mut(3) {
        certificates.rename("certs");
    }
}

/// ResponseData.
fn body(parts: &mut [Node], all: &[u8]) {
    let parts = match x509::next(parts, Tag::context(0, true)) {
        Some((version, rest)) => {
            version.rename("version");
            rest
        }
        None => parts,
    };
    let [responder, produced, singles, rest @ ..] = parts else {
        return;
    };
    responder.rename("responderID");
    if responder.is(Tag::context(1, true).value())
        && let Some(name) = responder.parts.first_mut()
    {
        x509::distinguished_name(name, "byName", all);
    } else if let Some(key) = responder.parts.first_mut() {
        key.rename("byKey");
    }
    x509::time(produced, "producedAt", all);
    singles.rename("responses");
    for one in &mut singles.parts {
        single(one, all);
    }
    for part in rest {
        x509::extensions(part, all);
    }
}

/// SingleResponse.
fn single(one: &mut Node, all: &[u8]) {
    one.rename("single response");
    let [id, status, this_update, rest @ ..] = one.parts.as_mut_slice() else {
        return;
    };
    id.rename("certID");
    if let [algorithm, name, key, serial, ..] = id.parts.as_mut_slice() {
        x509::algorithm_identifier(algorithm, "hashAlgorithm", all);
        name.rename("issuerNameHash");
        key.rename("issuerKeyHash");
        x509::serial_number(serial, "serialNumber");
    }
    status.rename("certStatus");
    let word = match status.tag.map(Tag::value) {
        Some(0x80) => "good",
        Some(0xA1) => "revoked",
        Some(0x82) => "unknown",
        _ => "neither good nor revoked nor unknown",
    };
    status.mean(word);
    if let Some(since) = status.parts.first_mut() {
        x509::time(since, "revocationTime", all);
    }
    x509::time(this_update, "thisUpdate", all);
    for part in rest {
        if part.is(Tag::context(0, true).value()) {
            part.rename("nextUpdate");
            if let Some(time) = part.parts.first_mut() {
                x509::time(time, "nextUpdate", all);
            }
        } else {
            x509::extensions(part, all);
        }
    }
}
