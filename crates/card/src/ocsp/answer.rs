//! What a responder has answered: [`OcspAnswer`].

use kortlab_apdu::tlv::{Tag, Tlv, read_one};

use super::{AnswerTrouble, NONCE, next};
use crate::certificate::{Fault, ReadTime, answer_fault, extension_parts};
use crate::padding::Hash;
use crate::revocation::RevokedEntry;

/// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1.
const BASIC: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// ENUMERATED.
const ENUMERATED: u32 = 0x0A;

/// The longest answer that is read: some hundred times what one about a certificate has.
const MAX_BYTES: usize = 256 << 10;
/// The most certificates that one answer may be about.
const MAX_SINGLE: usize = 256;
/// The most certificates of responders in one answer.
const MAX_RESPONDERS: usize = 8;

/// What a responder has answered.
#[derive(Clone, Debug)]
pub struct OcspAnswer {
    name: String,
    /// BasicOCSPResponse, DER; empty where the responder has refused.
    pub(super) signed: Vec<u8>,
    pub(super) refusal: Option<AnswerTrouble>,
    pub(super) responder: ResponderId,
    pub(super) singles: Vec<Single>,
    pub(super) nonce: Option<Vec<u8>>,
    /// The nonce that was asked with.
    pub(super) asked: Option<Vec<u8>>,
    /// The certificates that it brings, DER.
    pub(super) responders: Vec<Vec<u8>>,
    pub(super) unsupported: Option<&'static str>,
    pub(super) malformed: Option<Fault>,
}

/// Who has signed (§4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ResponderId {
    /// Its name, DER.
    Name(Vec<u8>),
    /// SHA-1 of the bits of its key.
    Key(Vec<u8>),
}

/// What is said of one certificate.
#[derive(Clone, Debug)]
pub(super) struct Single {
    pub(super) hash: Option<Hash>,
    pub(super) issuer_name: Vec<u8>,
    pub(super) issuer_key: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) status: Status,
    pub(super) this_update: Option<ReadTime>,
    pub(super) next_update: Option<ReadTime>,
    pub(super) has_next_update: bool,
}

/// Good, revoked, or not known to the responder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Good,
    Revoked(RevokedEntry),
    Unknown,
}

impl OcspAnswer {
    /// Reads an OCSPResponse in DER. `name` is what it is called in messages, such as the file that it
    /// was in, or whom it is from.
    ///
    /// # Errors
    /// It is no such answer; the error says what is missing.
    pub fn parse(name: impl Into<String>, der: &[u8]) -> Result<Self, &'static str> {
        if der.len() > MAX_BYTES {
            return Err("it is longer than any answer about certificates");
        }
        let outer = read_one(der).map_err(|_| "it is not one complete element of DER")?;
        if outer.raw.len() != der.len() {
            return Err("there are bytes behind its end");
        }
        let mut parts = sequence(Some(outer)).ok_or("it is no SEQUENCE")?.children();
        let status = next(&mut parts)
            .filter(|status| status.tag.value() == ENUMERATED)
            .ok_or("it has no status")?;
        let mut answer = Self::empty(name.into());
        answer.malformed = answer_fault(der);
        if let Some(status) = refusal(status.value) {
            answer.refusal = Some(AnswerTrouble::Refused(status));
            return Ok(answer);
        }
        let bytes = next(&mut parts)
            .filter(|bytes| bytes.tag == Tag::context(0, true))
            .and_then(|bytes| sequence(next(&mut bytes.children())))
            .ok_or("it says that it is one, and has no answer in it")?;
        let mut bytes = bytes.children();
        let kind = next(&mut bytes).ok_or("it does not say of what kind it is")?;
        let content = next(&mut bytes)
            .filter(|content| content.tag == Tag::OCTET_STRING)
            .ok_or("it has no answer in it")?;
        if kind.value != BASIC {
            answer.unsupported = Some("another kind of answer than the basic one");
            return Ok(answer);
        }
        answer.read_basic(content.value)?;
        Ok(answer)
    }

    /// What stands in the place of an answer that did not come, or cannot be read.
    pub fn none(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            refusal: Some(AnswerTrouble::Silent(why.into())),
            ..Self::empty(name.into())
        }
    }

    const fn empty(name: String) -> Self {
        Self {
            name,
            signed: Vec::new(),
            refusal: None,
            responder: ResponderId::Key(Vec::new()),
            singles: Vec::new(),
            nonce: None,
            asked: None,
            responders: Vec::new(),
            unsupported: None,
            malformed: None,
        }
    }

    /// What makes it no answer in DER, first of all; where it has been read all the same.
    pub const fn malformed(&self) -> Option<&Fault> {
        self.malformed.as_ref()
    }

    /// Whether the responder has answered, whatever the answer is worth.
    pub const fn is_answered(&self) -> bool {
        self.refusal.is_none()
    }

    /// The same, as the answer to a question with this nonce: without the same in it, it is an answer to
    /// somebody else.
    #[must_use]
    pub fn to_question(mut self, nonce: impl Into<Vec<u8>>) -> Self {
        self.asked = Some(nonce.into());
        self
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// BasicOCSPResponse (§4.2.1).
    fn read_basic(&mut self, der: &[u8]) -> Result<(), &'static str> {
        let basic = sequence(read_one(der).ok()).ok_or("its answer is no SEQUENCE")?;
        if basic.raw.len() != der.len() {
            return Err("there are bytes behind the end of its answer");
        }
        self.signed = basic.raw.to_vec();
        let mut parts = basic.children();
        let data = sequence(next(&mut parts)).ok_or("it has no tbsResponseData")?;
        sequence(next(&mut parts)).ok_or("it has no signature algorithm")?;
        next(&mut parts)
            .filter(|signature| signature.tag == Tag::BIT_STRING)
            .ok_or("it has no signature")?;
        if let Some(certificates) =
            next(&mut parts).filter(|part| part.tag == Tag::context(0, true))
        {
            let list = sequence(next(&mut certificates.children()))
                .ok_or("its certificates cannot be read")?;
            for certificate in list.children().take(MAX_RESPONDERS) {
                let certificate = certificate.map_err(|_| "a certificate in it cannot be read")?;
                self.responders.push(certificate.raw.to_vec());
            }
        }
        self.read_data(&data)
    }

    /// ResponseData (§4.2.1).
    fn read_data(&mut self, data: &Tlv<'_>) -> Result<(), &'static str> {
        let mut parts = data.children().map_while(Result::ok).peekable();
        let version = parts.next_if(|part| part.tag == Tag::context(0, true));
        if version.is_some_and(|version| version.value != [0x02, 0x01, 0x00]) {
            self.unsupported = Some("another version than the first");
        }
        let responder = parts.next().ok_or("it does not say whose answer it is")?;
        let inner = next(&mut responder.children());
        self.responder = match (responder.tag, inner) {
            (tag, Some(name)) if tag == Tag::context(1, true) => {
                ResponderId::Name(name.raw.to_vec())
            }
            (tag, Some(key)) if tag == Tag::context(2, true) => {
                ResponderId::Key(key.value.to_vec())
            }
            _ => return Err("it does not say whose answer it is"),
        };
        let _produced_at = parts.next().ok_or("it has no date")?;
        let singles = sequence(parts.next()).ok_or("it is about no certificate")?;
        for single in singles.children() {
            let single = single.map_err(|_| "what it says of a certificate cannot be read")?;
            if self.singles.len() == MAX_SINGLE {
                return Err("it is about more certificates than any card has");
            }
            let single = self.read_single(&single)?;
            self.singles.push(single);
        }
        if let Some(wrapper) = parts.next_if(|part| part.tag == Tag::context(1, true)) {
            self.read_extensions(&wrapper)?;
        }
        match parts.next() {
            None => Ok(()),
            Some(_) => Err("it has more in it than an answer has"),
        }
    }

    /// SingleResponse (§4.2.1).
    fn read_single(&mut self, single: &Tlv<'_>) -> Result<Single, &'static str> {
        let unreadable = "what it says of a certificate cannot be read";
        let mut parts = single.children().map_while(Result::ok).peekable();
        let id = sequence(parts.next()).ok_or(unreadable)?;
        let mut id = id.children();
        let algorithm = sequence(next(&mut id)).ok_or(unreadable)?;
        let algorithm = next(&mut algorithm.children()).ok_or(unreadable)?;
        // What a CertID may be hashed with (§4.1.1).
        let mut hashes = Hash::ALL.into_iter();
        let hash = hashes.find(|hash| hash.identifier() == algorithm.value);
        let mut value = |tag: Tag| {
            next(&mut id)
                .filter(|part| part.tag == tag)
                .map(|part| part.value.to_vec())
                .ok_or(unreadable)
        };
        let issuer_name = value(Tag::OCTET_STRING)?;
        let issuer_key = value(Tag::OCTET_STRING)?;
        let serial = value(Tag::INTEGER)?;
        let status = parts.next().ok_or(unreadable)?;
        let status = match status.tag.value() {
            0x80 => Status::Good,
            0xA1 => Status::Revoked(revoked(&status)),
            0x82 => Status::Unknown,
            _ => return Err("it says neither good nor revoked nor unknown"),
        };
        let this_update = parts.next().ok_or(unreadable)?;
        let next_update = parts.next_if(|part| part.tag == Tag::context(0, true));
        if let Some(wrapper) = parts.next_if(|part| part.tag == Tag::context(1, true)) {
            self.read_extensions(&wrapper)?;
        }
        if parts.next().is_some() {
            return Err(unreadable);
        }
        Ok(Single {
            hash,
            issuer_name,
            issuer_key,
            serial,
            status,
            this_update: ReadTime::read(&this_update),
            next_update: next_update
                .and_then(|wrapper| next(&mut wrapper.children()))
                .and_then(|time| ReadTime::read(&time)),
            has_next_update: next_update.is_some(),
        })
    }

    fn read_extensions(&mut self, wrapper: &Tlv<'_>) -> Result<(), &'static str> {
        let unreadable = "an extension of it cannot be read";
        let list = sequence(next(&mut wrapper.children())).ok_or(unreadable)?;
        for extension in list.children() {
            let extension = extension.map_err(|_| unreadable)?;
            let (identifier, critical, value) = extension_parts(&extension).ok_or(unreadable)?;
            if identifier.value == NONCE {
                self.nonce = Some(value.value.to_vec());
            } else if critical {
                self.unsupported = Some("an answer with an unknown critical extension");
            }
        }
        Ok(())
    }
}

/// What a responder says that does not answer (§2.3, §4.2.1); `None` if it does.
const fn refusal(status: &[u8]) -> Option<&'static str> {
    match status {
        [0] => None,
        [1] => Some("malformedRequest: it could not read the question"),
        [2] => Some("internalError: it failed"),
        [3] => Some("tryLater: it does not answer now"),
        [5] => Some("sigRequired: it answers signed questions only"),
        [6] => Some("unauthorized: it does not answer for this issuer, or not this question"),
        _ => Some("a status that RFC 6960 does not know"),
    }
}

/// RevokedInfo (§4.2.1).
fn revoked(info: &Tlv<'_>) -> RevokedEntry {
    let mut parts = info.children().map_while(Result::ok);
    let since = parts.next().and_then(|time| ReadTime::read(&time));
    let reason = parts
        .next()
        .and_then(|wrapper| next(&mut wrapper.children()));
    RevokedEntry {
        since: since.map(ReadTime::to_system_time),
        reason: reason.and_then(|reason| reason.value.first().copied()),
    }
}

fn sequence(element: Option<Tlv<'_>>) -> Option<Tlv<'_>> {
    element.filter(|element| element.tag == Tag::SEQUENCE)
}
