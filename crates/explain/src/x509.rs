//! What certificates and revocation lists have in common (RFC 5280 §4.1, §5.1).

use kortlab_apdu::Error;
use kortlab_apdu::error::ErrorKind;
use kortlab_apdu::tlv::{Filler, Tag};
use kortlab_card::Problem;

use crate::node::{Explanation, Node};
use crate::span::Span;
use crate::{asn1, dump, oid, tlv};

/// What whoever sees such a problem can do.
const NEXT: &str = "it was cut, or changed after it was signed: have it sent again";

/// The tree of DER that is signed: SEQUENCE { body, algorithm, signature }, and what stands
/// behind it. `name` names the parts of the body.
pub(crate) fn signed(
    what: &'static str,
    body: &'static str,
    bytes: &[u8],
    name: fn(&mut [Node], &[u8]),
) -> Explanation {
    let length = kortlab_apdu::tlv::read_one(bytes).map_or(bytes.len(), |outer| outer.raw.len());
    let (der, behind) = bytes.split_at(length.min(bytes.len()));
    let (mut nodes, errors) = tlv::tree(der, Filler::Reject);
    let problem = |error| Problem::of_bytes(what, error).hint(NEXT);
    let mut problems: Vec<_> = errors.into_iter().map(problem).collect();
    asn1::dress(&mut nodes, bytes);
    if let [outer] = nodes.as_mut_slice()
        && let [first, algorithm, signature, ..] = outer.parts.as_mut_slice()
    {
        outer.name = what.to_owned();
        first.rename(body);
        name(&mut first.parts, bytes);
        algorithm_identifier(algorithm, "signatureAlgorithm", bytes);
        signature.rename("signatureValue");
    }
    if !behind.is_empty() {
        let span = Span::new(length, behind.len());
        // Files are often longer than what is in them.
        nodes.push(match dump::filler(behind) {
            Some(_) => Node::without_value("filler", span),
            None => {
                let kind = ErrorKind::Trailing {
                    count: behind.len(),
                };
                problems.push(problem(Error::new(kind, length)));
                Node::not_decoded(span, bytes, "behind the end")
            }
        });
    }
    Explanation {
        what,
        nodes,
        problems,
    }
}

/// An AlgorithmIdentifier (RFC 5280 §4.1.1.2).
pub(crate) fn algorithm_identifier(node: &mut Node, name: &str, all: &[u8]) {
    node.rename(name);
    if let Some(algorithm) = node.parts.first_mut() {
        let text = oid::text(algorithm.content().of(all));
        algorithm.rename("algorithm");
        if let Some(text) = text {
            node.mean(text);
        }
    }
}

/// A name (RFC 5280 §4.1.2.4): its attributes with their types, and all of it as one text.
pub(crate) fn distinguished_name(node: &mut Node, name: &str, all: &[u8]) {
    node.rename(name);
    let mut texts = Vec::new();
    let attributes = node
        .parts
        .iter_mut()
        .filter(|part| part.is(0x31))
        .flat_map(|part| part.parts.iter_mut());
    for attribute in attributes {
        let [kind, value, ..] = attribute.parts.as_slice() else {
            continue;
        };
        let known = oid::name(kind.content().of(all));
        let dotted = oid::text(kind.content().of(all));
        let kind = known.map(str::to_owned).or(dotted);
        if let (Some(kind), Some(text)) = (kind, &value.meaning) {
            let text = format!("{kind} = {text}");
            attribute.rename("attribute");
            attribute.mean(&text);
            texts.push(text);
        }
    }
    if !texts.is_empty() {
        node.mean(texts.join(", "));
    }
}

/// A time (RFC 5280 §4.1.2.5), as ISO 8601 has it.
pub(crate) fn time(node: &mut Node, name: &str, all: &[u8]) {
    node.rename(name);
    let read = kortlab_apdu::tlv::read_one(node.span.of(all));
    let time = read
        .ok()
        .and_then(|tlv| kortlab_card::certificate::ReadTime::read(&tlv));
    match time {
        Some(time) => node.mean(time.to_text()),
        None => node.mean("no time that can be read"),
    }
}

/// Extensions (RFC 5280 §4.2): each named, its value taken apart if it is DER.
pub(crate) fn extensions(wrapper: &mut Node, all: &[u8]) {
    wrapper.rename("extensions");
    for list in &mut wrapper.parts {
        extension_list(list, all);
    }
}

/// The extensions themselves.
pub(crate) fn extension_list(list: &mut Node, all: &[u8]) {
    for extension in &mut list.parts {
        let critical = extension
            .parts
            .iter()
            .any(|part| part.is(0x01) && part.content().of(all).iter().any(|byte| *byte != 0));
        let text = extension
            .parts
            .first()
            .and_then(|kind| oid::text(kind.content().of(all)));
        extension.rename("extension");
        if let Some(text) = text {
            let critical = if critical { ", critical" } else { "" };
            extension.mean(format!("{text}{critical}"));
        }
        if let Some(value) = extension.parts.last_mut().filter(|part| part.is(0x04)) {
            value.rename("extnValue");
        }
    }
}

/// A serial number, which people know in hexadecimal.
pub(crate) fn serial_number(node: &mut Node, name: &str) {
    node.rename(name);
    node.meaning = None;
}

/// The first part if it has this tag, and those behind it.
pub(crate) fn next(parts: &mut [Node], tag: Tag) -> Option<(&mut Node, &mut [Node])> {
    let (first, rest) = parts.split_first_mut()?;
    first.is(tag.value()).then_some((first, rest))
}
