//! PKCS#11 URIs (RFC 7512) of keys and certificates, as p11tool spells them with OpenSC's module.

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
    /// `private` or `cert`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The identifier, of the key and of its certificates.
    pub id: String,
    /// The URI.
    pub uri: String,
}

/// The URIs of the keys, then of the certificates. Where OpenSC's module would cut the name of the
/// token, or it is not known under which PIN an object is, the URI is without it: it still names the
/// object.
pub fn uris(
    token: TokenWords<'_>,
    pins: &[PinEntry],
    keys: &[KeyEntry],
    certificates: &[CertificateEntry],
) -> Vec<UriEntry> {
    let role = |id: &str| keys.iter().find(|key| key.id == id).and_then(|key| key.pin);
    let pin_of = |id: &str| {
        let role = role(id)?;
        let pin = pins.iter().find(|pin| pin.roles.contains(&role))?;
        pin.label.as_deref()
    };
    let entry = |kind: &'static str, id: &str, label: Option<&str>| UriEntry {
        kind,
        id: id.to_owned(),
        uri: uri(token, pin_of(id), id, label, kind),
    };
    let of_keys = keys
        .iter()
        .map(|key| entry("private", &key.id, key.label.as_deref()));
    let of_certificates = certificates
        .iter()
        .map(|certificate| entry("cert", &certificate.key, certificate.label.as_deref()));
    of_keys.chain(of_certificates).collect()
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
    // Each PIN is a token of its own, called by it unless it is called no more than PIN.
    let name = token.label.zip(pin).map(|(label, pin)| match pin {
        "PIN" => label.to_owned(),
        pin => format!("{label} ({pin})"),
    });
    let bytes = hex::decode(id).unwrap_or_default();
    let id: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let parts = [
        Some("model=PKCS%2315".to_owned()),
        token
            .manufacturer
            .filter(|text| text.len() <= MAX_LABEL)
            .map(|text| format!("manufacturer={}", encoded(text))),
        serial.map(|text| format!("serial={}", encoded(&text))),
        name.filter(|text| text.len() <= MAX_LABEL)
            .map(|text| format!("token={}", encoded(&text))),
        Some(format!("id={id}")).filter(|_| !bytes.is_empty()),
        label.map(|text| format!("object={}", encoded(text))),
        Some(format!("type={kind}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!("pkcs11:{}", parts.join(";"))
}

/// A value, what is neither letter, digit, `_`, `-` nor `.` as its bytes in hexadecimal.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
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
    fn a_uri_is_as_p11tool_spells_it_and_what_would_be_cut_is_left_out() {
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
        assert!(!of("a name that is longer than a token has", "x").contains("token="));
        assert!(of("PIN", "x").contains("token=Telia%20EID%20IP5a;"));
    }
}
