//! What a responder is asked: [`Question`].

use kortlab_apdu::tlv::{Builder, Tag, read_one};

use super::{NONCE, key_bits, next};
use crate::certificate::{
    AUTHORITY_INFO_ACCESS, CRL_DISTRIBUTION_POINTS, CertificateInfo, same_name,
};
use crate::padding::Hash;
use crate::slots::{Against, Slot, issuers};

/// How many bytes a nonce has (RFC 9654 §2.1).
pub const NONCE_LENGTH: usize = 32;

/// The access method of authorityInfoAccess for OCSP (RFC 5280 §4.2.2.1), 1.3.6.1.5.5.7.48.1.
const OCSP: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];

/// uniformResourceIdentifier of a GeneralName (RFC 5280 §4.2.1.6).
const URI: Tag = Tag::context(6, false);

/// The most places that are taken from one certificate, and the longest of them.
const MAX_PLACES: usize = 4;
const MAX_PLACE: usize = 1024;

/// A nonce of the operating system's random numbers.
///
/// # Errors
/// There are none.
pub fn nonce() -> Result<[u8; NONCE_LENGTH], String> {
    let mut nonce = [0; NONCE_LENGTH];
    match getrandom::fill(&mut nonce) {
        Ok(()) => Ok(nonce),
        Err(error) => Err(format!("no random numbers: {error}")),
    }
}

/// What can be asked about one certificate on a card, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The certificate, as messages name it.
    pub certificate: String,
    /// Who issued it.
    pub issuer: String,
    /// The responders that the certificate names, as it spells them: not to be trusted.
    pub responders: Vec<String>,
    /// Where the certificate says that its issuer's list is.
    pub lists: Vec<String>,
    /// CertID, if the issuer's certificate is at hand.
    id: Option<Vec<u8>>,
}

/// The questions about these certificates; an authority's own that names no responder has none.
pub fn questions(slots: &[Slot], against: &Against) -> Vec<Question> {
    let issuers = issuers(slots, against);
    let mut all = Vec::new();
    for slot in slots {
        let Some(info) = slot.info.as_deref() else {
            continue;
        };
        let question = Question {
            certificate: slot.name(),
            issuer: info.issuer_text().unwrap_or("its issuer").to_owned(),
            responders: responders(info),
            lists: lists(info),
            id: certificate_id(info, &issuers),
        };
        let is_silent = question.responders.is_empty() && question.lists.is_empty();
        if !(slot.is_authority() && is_silent) {
            all.push(question);
        }
    }
    all
}

impl Question {
    /// The question in DER (RFC 6960 §4.1.1), with this nonce. `None` without the certificate of the
    /// issuer, whose key is a part of the question.
    pub fn to_der(&self, nonce: &[u8; NONCE_LENGTH]) -> Option<Vec<u8>> {
        let id = self.id.as_ref()?;
        let nonce = kortlab_apdu::tlv::object(Tag::OCTET_STRING, nonce);
        let list = [
            (Tag::SEQUENCE, requests(id)),
            (Tag::context(2, true), nonce_extension(&nonce)),
        ];
        let body = list.map(|(tag, content)| kortlab_apdu::tlv::object(tag, &content));
        let body = kortlab_apdu::tlv::object(Tag::SEQUENCE, &body.concat());
        Some(kortlab_apdu::tlv::object(Tag::SEQUENCE, &body))
    }
}

/// The content of the list of one Request.
fn requests(id: &[u8]) -> Vec<u8> {
    kortlab_apdu::tlv::object(Tag::SEQUENCE, id)
}

/// Extensions with the nonce alone.
fn nonce_extension(nonce: &[u8]) -> Vec<u8> {
    Builder::new()
        .constructed(Tag::SEQUENCE, |list| {
            list.constructed(Tag::SEQUENCE, |extension| {
                extension
                    .primitive(Tag::OBJECT_IDENTIFIER, NONCE)
                    .primitive(Tag::OCTET_STRING, nonce)
            })
        })
        .finish()
}

/// CertID with SHA-1, which every responder knows (RFC 5019 §2.1.1).
fn certificate_id(info: &CertificateInfo, issuers: &[CertificateInfo]) -> Option<Vec<u8>> {
    let named = info.authority_key_identifier();
    let mut by_name = issuers
        .iter()
        .filter(|issuer| same_name(&issuer.subject_der, &info.issuer_der));
    // An authority may have had several keys under one name.
    let by_key = by_name
        .clone()
        .find(|issuer| named.is_some() && named == issuer.subject_key_identifier());
    let issuer = by_key.or_else(|| by_name.next())?;
    let hash = Hash::Sha1;
    let name = hash.digest(&info.issuer_der);
    let key = hash.digest(key_bits(&issuer.public_key_der)?);
    Some(
        Builder::new()
            .constructed(Tag::SEQUENCE, |id| {
                id.constructed(Tag::SEQUENCE, |algorithm| {
                    algorithm
                        .primitive(Tag::OBJECT_IDENTIFIER, hash.identifier())
                        .primitive(0x05, &[])
                })
                .primitive(Tag::OCTET_STRING, &name)
                .primitive(Tag::OCTET_STRING, &key)
                .primitive(Tag::INTEGER, &info.serial_number)
            })
            .finish(),
    )
}

fn responders(info: &CertificateInfo) -> Vec<String> {
    let Some(access) = info.extension(AUTHORITY_INFO_ACCESS) else {
        return Vec::new();
    };
    let Ok(access) = read_one(access) else {
        return Vec::new();
    };
    let places = access.children().map_while(Result::ok);
    let places = places.filter_map(|description| {
        let mut parts = description.children();
        let method = next(&mut parts)?;
        let location = next(&mut parts)?;
        let is_place = method.value == OCSP && location.tag == URI;
        is_place.then(|| place(location.value)).flatten()
    });
    places.take(MAX_PLACES).collect()
}

fn lists(info: &CertificateInfo) -> Vec<String> {
    let Some(points) = info.extension(CRL_DISTRIBUTION_POINTS) else {
        return Vec::new();
    };
    let Ok(points) = read_one(points) else {
        return Vec::new();
    };
    let mut places = Vec::new();
    for point in points.children().map_while(Result::ok) {
        // DistributionPoint { [0] { [0] { names } } }: a relative name is no place.
        let mut fields = point.children();
        let names = next(&mut fields)
            .filter(|field| field.tag == Tag::context(0, true))
            .and_then(|field| next(&mut field.children()))
            .filter(|names| names.tag == Tag::context(0, true));
        let names = names.iter().flat_map(|names| names.children());
        let uris = names.map_while(Result::ok).filter(|name| name.tag == URI);
        places.extend(uris.filter_map(|uri| place(uri.value)));
    }
    places.truncate(MAX_PLACES);
    places
}

/// A place, if it is text as a URI has it.
fn place(bytes: &[u8]) -> Option<String> {
    let is_text = bytes.iter().all(u8::is_ascii_graphic) && bytes.len() <= MAX_PLACE;
    let text = str::from_utf8(bytes).ok().filter(|_| is_text)?;
    Some(text.to_owned())
}
