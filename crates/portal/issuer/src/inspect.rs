//! What a certificate says, wherever it comes from: colour, purpose, holder, card, validity.
//!
//! Reading is lenient here: a certificate found on a card is shown even if its issuer wrote it
//! strangely.

use core::fmt;

use const_oid::AssociatedOid;
use der::asn1::{PrintableStringRef, Utf8StringRef};
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

use crate::beyond;
use crate::clock::Timestamp;
use crate::error::DocumentError;
use crate::name;
use crate::oid;
use crate::public_key::PublicKey;

/// No certificate of a card is longer: EFs are read with 16-bit offsets.
pub(crate) const CERTIFICATE_LIMIT: usize = 64 * 1024;

/// The colours the portal's test page shows certificates in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Colour {
    /// Issued by the card's carrier.
    Blue,
    /// An HCC.
    Pink,
    /// Neither, or an authority's own certificate.
    Other,
}

impl Colour {
    /// A stable name for data: `blue`, `pink`, `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Pink => "pink",
            Self::Other => "other",
        }
    }
}

/// What a certificate's key may be used for (keyUsage).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// digitalSignature: *Legitimering*.
    Authentication,
    /// nonRepudiation: *Underskrift*.
    Signature,
    /// Something else, or not said.
    Other,
}

impl Purpose {
    /// A stable name for data: `authentication`, `signature`, `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Signature => "signature",
            Self::Other => "other",
        }
    }

    /// The portal's Swedish word.
    pub const fn swedish(self) -> &'static str {
        match self {
            Self::Authentication => "Legitimering",
            Self::Signature => "Underskrift",
            Self::Other => "annat",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// The colour: blue if the issuer is a Telia-like carrier, pink if it is SITHS-like; other for
    /// an authority's own certificate.
    pub colour: Colour,
    /// From keyUsage.
    pub purpose: Purpose,
    /// The subject's common name: a person, or the card.
    pub holder: String,
    /// The subject's serialNumber where it is an HSA-id (in HCCs).
    pub hsa_id: Option<String>,
    /// The card number, from the SEIS extension or, in a carrier certificate, the serialNumber.
    pub card_number: Option<String>,
    /// The issuer's common name.
    pub issuer: String,
    /// The serial number: the contents octets of the INTEGER.
    pub serial: Vec<u8>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid, this second included.
    pub not_after: Timestamp,
    /// Whether it is an authority's own certificate (basicConstraints).
    pub is_authority: bool,
    /// The key, if it is RSA of a usual size.
    pub public_key: Option<PublicKey>,
}

impl CertificateSummary {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// Longer than 64 kB, or not a certificate; the error says at which byte.
    pub fn from_der(der: &[u8]) -> Result<Self, DocumentError> {
        let what = "the certificate";
        if der.len() > CERTIFICATE_LIMIT {
            return Err(DocumentError::TooLong {
                what,
                found: der.len(),
                limit: CERTIFICATE_LIMIT,
            });
        }
        let certificate = decode(what, der)?;
        let tbs = certificate.tbs_certificate();
        let extensions = tbs.extensions().map(Vec::as_slice).unwrap_or_default();
        let issuer = name::display(tbs.issuer());
        let number = name::attribute(tbs.subject(), oid::SERIAL_NUMBER);
        let appearance = Appearance::new(&issuer, number, |identifier| {
            extensions
                .iter()
                .find(|extension| extension.extn_id.as_bytes() == identifier)
                .map(|extension| extension.extn_value.as_bytes())
        });
        Ok(Self {
            colour: appearance.colour,
            purpose: appearance.purpose,
            holder: name::display(tbs.subject()),
            hsa_id: appearance.hsa_id,
            card_number: appearance.card_number,
            issuer,
            serial: tbs.serial_number().as_bytes().to_vec(),
            not_before: Timestamp::from_x509(tbs.validity().not_before),
            not_after: Timestamp::from_x509(tbs.validity().not_after),
            is_authority: appearance.is_authority,
            public_key: tbs
                .subject_public_key_info()
                .to_der()
                .ok()
                .and_then(|der| PublicKey::from_spki_der(&der).ok()),
        })
    }

    /// The serial number in hexadecimal.
    pub fn serial_hex(&self) -> String {
        hex::encode_upper(&self.serial)
    }
}

/// The certificate, or why it is none, or none that is read here.
fn decode(what: &'static str, der: &[u8]) -> Result<Certificate, DocumentError> {
    Certificate::from_der(der).map_err(|source| match beyond::reason(der) {
        Some(why) => DocumentError::Beyond { what, why },
        None => DocumentError::Malformed { what, source },
    })
}

/// What a certificate says of its subject's employer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employer {
    /// The subject's organizationName.
    pub organisation: Option<String>,
    /// The subject's localityName, which is the county in an HCC.
    pub county: Option<String>,
}

impl Employer {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// Not a certificate; the error says at which byte.
    pub fn from_der(der: &[u8]) -> Result<Self, DocumentError> {
        let what = "the certificate";
        let certificate = decode(what, der)?;
        let subject = certificate.tbs_certificate().subject();
        Ok(Self {
            organisation: name::attribute(subject, oid::ORGANIZATION_NAME),
            county: name::attribute(subject, oid::LOCALITY_NAME),
        })
    }
}

/// What a certificate is to people, as far as its parts tell, however it is written: for
/// certificates that no strict reader takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// As in [`CertificateSummary`].
    pub colour: Colour,
    /// As in [`CertificateSummary`].
    pub purpose: Purpose,
    /// As in [`CertificateSummary`].
    pub hsa_id: Option<String>,
    /// As in [`CertificateSummary`].
    pub card_number: Option<String>,
    /// As in [`CertificateSummary`].
    pub is_authority: bool,
}

impl Appearance {
    /// From the issuer's common name, the subject's serialNumber, and the values of the
    /// extensions: `extension` finds one by the content of its object identifier.
    pub fn new<'a>(
        issuer: &str,
        number: Option<String>,
        extension: impl Fn(&[u8]) -> Option<&'a [u8]>,
    ) -> Self {
        let seis = extension(oid::SEIS_CARD_NUMBER.as_bytes()).and_then(string);
        let is_authority = extension(BasicConstraints::OID.as_bytes()).is_some_and(says_authority);
        let colour = match is_authority {
            true => Colour::Other,
            false => colour(issuer, seis.is_some()),
        };
        let (hsa_id, card_number) = match colour {
            Colour::Pink => (number, seis),
            _ => {
                let own =
                    number.filter(|text| text.parse::<crate::card_number::CardNumber>().is_ok());
                (None, seis.or(own))
            }
        };
        Self {
            colour,
            purpose: purpose(extension(KeyUsage::OID.as_bytes())),
            hsa_id,
            card_number,
            is_authority,
        }
    }
}

/// BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, … }, read leniently.
fn says_authority(value: &[u8]) -> bool {
    matches!(value, [0x30, 3..0x80, 0x01, 0x01, flag, ..] if *flag != 0)
}

/// The issuers are told apart by their names, as people do: there is no other mark.
fn colour(issuer: &str, has_card_number: bool) -> Colour {
    let issuer = issuer.to_ascii_uppercase();
    if issuer.contains("SITHS") {
        Colour::Pink
    } else if issuer.contains("TELIA") {
        Colour::Blue
    } else if has_card_number {
        Colour::Pink
    } else {
        Colour::Other
    }
}

/// Reads the bits, never the bytes: nonRepudiation alone is seen as `03 02 00 40`, `03 02 05 40`
/// and `03 02 06 40`.
fn purpose(key_usage: Option<&[u8]>) -> Purpose {
    const DIGITAL_SIGNATURE: u8 = 0x80;
    const NON_REPUDIATION: u8 = 0x40;
    // The first byte of the bits, also where the unused ones are counted wrong.
    let bits = match key_usage {
        Some([0x03, _, _, bits, ..]) => *bits,
        _ => 0,
    };
    if bits & NON_REPUDIATION != 0 {
        Purpose::Signature
    } else if bits & DIGITAL_SIGNATURE != 0 {
        Purpose::Authentication
    } else {
        Purpose::Other
    }
}

fn string(der: &[u8]) -> Option<String> {
    PrintableStringRef::from_der(der)
        .map(|text| text.as_str().to_owned())
        .or_else(|_| Utf8StringRef::from_der(der).map(|text| text.as_str().to_owned()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bit_of_non_repudiation_is_read_in_all_the_ways_it_is_written() {
        for bytes in [[3, 2, 0, 0x40], [3, 2, 5, 0x40], [3, 2, 6, 0x40]] {
            assert_eq!(purpose(Some(&bytes)), Purpose::Signature, "{bytes:02X?}");
        }
    }

    #[test]
    fn colours_follow_the_issuer() {
        assert_eq!(colour("Telia e-legitimation HW CA v3", false), Colour::Blue);
        assert_eq!(colour("SITHS Type 1 CA v1", true), Colour::Pink);
        assert_eq!(colour("Somebody", true), Colour::Pink);
        assert_eq!(colour("Somebody", false), Colour::Other);
    }

    #[test]
    fn garbage_is_an_error_that_names_the_byte() {
        let error = CertificateSummary::from_der(&[0x30, 0x03, 0x02, 0x01, 0x00]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the certificate is not valid DER")
        );
        assert!(CertificateSummary::from_der(&vec![0; CERTIFICATE_LIMIT + 1]).is_err());
    }
}
