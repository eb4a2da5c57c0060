//! PKCS#11 URIs (RFC 7512) of keys and certificates, as p11tool spells them with OpenSC's module.

use std::collections::BTreeSet;

use kortlab_pkcs15::PublicKey;
use serde::Serialize;

use super::{CertificateEntry, KeyEntry, PinEntry};
use crate::hexadecimal::Hex;

/// The longest serial number and the longest label of a token (PKCS#11 v3.0, CK_TOKEN_INFO), in bytes.
const MAX_SERIAL: usize = 16;
const MAX_LABEL: usize = 32;

/// What a card says of itself in EF(TokenInfo).
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenWords<'a> {
    /// What it is called.
    pub label: Option<&'a str>,
    /// Who made it.
    pub manufacturer: Option<&'a str>,
    /// Its serial number.
    pub serial: Option<&'a [u8]>,
}

/// The URI of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UriEntry {
    /// `private`, `public` or `cert`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The identifier, of the key and of its certificates.
    pub id: String,
    /// The URI.
    pub uri: String,
}

/// What a card says of a public key in EF(PuKDF).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyWords {
    /// The identifier, of the private key and of its certificates.
    pub id: String,
    /// What the card calls it.
    pub label: Option<String>,
}

impl From<&PublicKey> for PublicKeyWords {
    fn from(key: &PublicKey) -> Self {
        Self {
            id: key.id().to_string(),
            label: key.common.label.clone(),
        }
    }
}

/// The URIs of the private keys, then of the public keys and of the certificates. Where it is not known
/// under which PIN an object is, the URI is without the name of the token: it still names the object.
///
/// OpenSC's module has a public key for each that EF(PuKDF) lists, and for each certificate of an
/// identifier that it does not list, which is called as the certificate is.
pub fn uris(
    token: TokenWords<'_>,
    pins: &[PinEntry],
    keys: &[KeyEntry],
    public_keys: &[PublicKeyWords],
    certificates: &[CertificateEntry],
) -> Vec<UriEntry> {
    let role = |id: &str| keys.iter().find(|key| key.id == id).and_then(|key| key.pin);
    let pin_of = |id: &str| {
        let role = role(id)?;
        let pin = pins.iter().find(|pin| pin.roles.contains(&role))?;
        Some(pin.label.as_deref().unwrap_or_default())
    };
    let entry = |kind: &'static str, id: &str, label: Option<&str>| UriEntry {
        kind,
        id: id.to_owned(),
        uri: uri(token, pin_of(id), id, label, kind),
    };
    let of_keys = keys
        .iter()
        .map(|key| entry("private", &key.id, key.label.as_deref()));
    let of_public = public_keys
        .iter()
        .map(|key| entry("public", &key.id, key.label.as_deref()));
    let listed: BTreeSet<_> = public_keys.iter().map(|key| key.id.as_str()).collect();
    let of_certificate = |kind, one: &CertificateEntry| entry(kind, &one.key, one.label.as_deref());
    let without = certificates
        .iter()
        .filter(|one| !listed.contains(one.key.as_str()));
    let of_without = without.map(|one| of_certificate("public", one));
    let of_certificates = certificates.iter().map(|one| of_certificate("cert", one));
    of_keys
        .chain(of_public)
        .chain(of_without)
        .chain(of_certificates)
        .collect()
}

fn uri(
    token: TokenWords<'_>,
    pin: Option<&str>,
    id: &str,
    label: Option<&str>,
    kind: &str,
) -> String {
    let serial = token.serial.map(|serial| {
        let digits = Hex(serial).to_string().to_ascii_lowercase();
        let first = digits.len().saturating_sub(MAX_SERIAL);
        digits.get(first..).unwrap_or_default().to_owned()
    });
    let name = pin.map(|pin| name(token.label.unwrap_or_default(), pin));
    let bytes = hex::decode(id).unwrap_or_default();
    let id: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let parts = [
        Some("model=PKCS%2315".to_owned()),
        attribute(
            "manufacturer",
            &cut(token.manufacturer.unwrap_or_default(), MAX_LABEL),
        ),
        attribute("serial", serial.unwrap_or_default().as_bytes()),
        attribute("token", &name.unwrap_or_default()),
        Some(format!("id={id}")).filter(|_| !bytes.is_empty()),
        attribute("object", label.unwrap_or_default().as_bytes()),
        Some(format!("type={kind}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!("pkcs11:{}", parts.join(";"))
}

/// What OpenSC calls the token of a PIN: the card, and in brackets the PIN, unless that is called no
/// more than PIN. What has no room is cut; of the card's name one letter is to stay at least.
fn name(card: &str, pin: &str) -> Vec<u8> {
    match pin {
        "" | "PIN" => cut(card, MAX_LABEL),
        _ if card.is_empty() || pin.len() + "L... ()".len() > MAX_LABEL => cut(pin, MAX_LABEL),
        _ => {
            let card = cut(card, MAX_LABEL - pin.len() - " ()".len());
            [&card, &b" ("[..], pin.as_bytes(), b")"].concat()
        }
    }
}

/// So many bytes of a text, the last three of them dots where it is longer.
fn cut(text: &str, most: usize) -> Vec<u8> {
    let bytes = text.as_bytes();
    match bytes.get(..most.saturating_sub(3)) {
        Some(first) if bytes.len() > most => [first, b"..."].concat(),
        _ => bytes.to_vec(),
    }
}

/// `name=` and the value, if there is one. The blanks at its end, with which it is filled up in
/// PKCS#11's structures, are none of it.
fn attribute(name: &str, value: &[u8]) -> Option<String> {
    let end = value.iter().rposition(|byte| *byte != b' ')?;
    Some(format!("{name}={}", encoded(value.get(..=end)?)))
}

/// A value, what is neither letter, digit, `_`, `-` nor `.` as its bytes in hexadecimal.
fn encoded(text: &[u8]) -> String {
    let mut out = String::new();
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_as_p11tool_spells_it() {
        let token = TokenWords {
            label: Some("Telia EID IP5a"),
            manufacturer: Some("Kortlab (virtual card)"),
            serial: Some(&[0x97, 0x52, 0x00, 0x00, 0x03, 0x64, 0x21, 0x05, 0x14, 0x3F]),
        };
        let of = |pin, label| uri(token, Some(pin), "45", Some(label), "cert");
        assert_eq!(
            of("Legitimering", "Åsa ~Öst"),
            "pkcs11:model=PKCS%2315;manufacturer=Kortlab%20%28virtual%20card%29;\
             serial=000003642105143f;token=Telia%20EID%20IP5a%20%28Legitimering%29;id=%45;\
             object=%C3%85sa%20%7E%C3%96st;type=cert"
        );
        assert!(of("PIN", "x").contains("token=Telia%20EID%20IP5a;"));
        assert!(of("", "").ends_with("token=Telia%20EID%20IP5a;id=%45;type=cert"));
    }

    #[test]
    fn a_token_is_called_as_by_opensc_and_what_has_no_room_is_cut_as_there() {
        // As OpenSC 0.23 has them.
        let long = "T".repeat(60);
        for (card, pin, expected) in [
            ("", "Legitimering", "Legitimering"),
            (&long, "Legitimering", "TTTTTTTTTTTTTT... (Legitimering)"),
            (&long, "Underskrift", "TTTTTTTTTTTTTTT... (Underskrift)"),
            (
                "Tökén: \"x\"/?; much more",
                "Legitimering",
                "Tökén: \"x\"/?... (Legitimering)",
            ),
            (
                "Card",
                "a PIN of twenty-six letters",
                "a PIN of twenty-six letters",
            ),
            ("Card", &long, "TTTTTTTTTTTTTTTTTTTTTTTTTTTTT..."),
            (&long, "PIN", "TTTTTTTTTTTTTTTTTTTTTTTTTTTTT..."),
        ] {
            let name = name(card, pin);
            assert_eq!(String::from_utf8_lossy(&name), expected, "{card:?} {pin:?}");
        }
    }
}
