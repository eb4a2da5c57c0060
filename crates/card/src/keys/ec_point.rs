//! Public keys of elliptic curves, read leniently and only to be compared: a SubjectPublicKeyInfo,
//! an OCTET STRING with the point, or the point alone.

use kortlab_apdu::Channel;
use kortlab_apdu::tlv::{Tag, read_one};
use kortlab_pkcs15::Id;

use crate::card::Card;
use crate::error::CardError;

/// id-ecPublicKey, 1.2.840.10045.2.1.
pub(crate) const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

/// id-ecDH and id-ecMQV: of keys for one purpose (RFC 5480 §2.1.2).
pub(crate) const EC_DH: &[u8] = &[0x2B, 0x81, 0x04, 0x01, 0x0C];
pub(crate) const EC_MQV: &[u8] = &[0x2B, 0x81, 0x04, 0x01, 0x0D];

/// How many bytes a coordinate has on the curves that there are (SEC 2, RFC 5639).
const FIELD_BYTES: &[usize] = &[
    14, 15, 16, 17, 20, 21, 24, 25, 28, 29, 30, 32, 36, 40, 48, 52, 64, 66, 72,
];

/// A point of a curve, as SEC 1 §2.3.3 encodes it. Of the curve nothing is said: two keys of one
/// point on two curves are nothing that cards are made with.
#[derive(Clone, Debug)]
pub(crate) struct EcPoint(Vec<u8>);

impl EcPoint {
    /// The point in `content`; `None` if it holds none.
    pub(crate) fn read(content: &[u8]) -> Option<Self> {
        // An OCTET STRING (ECPoint, PKCS#15 §6.4.2) begins as a point does: it comes first.
        Self::wrapped(content).or_else(|| Self::bare(content))
    }

    fn wrapped(content: &[u8]) -> Option<Self> {
        let outer = read_one(content).ok()?;
        if outer.tag == Tag::OCTET_STRING {
            return Self::bare(outer.value);
        }
        let mut parts = outer.children();
        let algorithm = parts.next()?.ok()?.children().next()?.ok()?;
        let key = parts.next()?.ok()?;
        let is_ec = algorithm.tag == Tag::OBJECT_IDENTIFIER
            && [EC_PUBLIC_KEY, EC_DH, EC_MQV].contains(&algorithm.value);
        match key.value.split_first()? {
            (0, point) if is_ec && key.tag == Tag::BIT_STRING => Self::bare(point),
            _ => None,
        }
    }

    /// A point alone: its first byte says how long the rest is to be.
    fn bare(content: &[u8]) -> Option<Self> {
        let (form, coordinates) = content.split_first()?;
        let length = coordinates.len();
        let is_point = match form {
            0x04 => length % 2 == 0 && FIELD_BYTES.contains(&(length / 2)),
            0x02 | 0x03 => FIELD_BYTES.contains(&length),
            _ => false,
        };
        is_point.then(|| Self(content.to_vec()))
    }

    /// How it begins when it is compressed: the parity of y, and x.
    fn compressed(&self) -> (u8, &[u8]) {
        match self.0.split_first() {
            Some((0x04, coordinates)) => {
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                (0x02 | (y.last().map_or(0, |last| last & 1)), x)
            }
            Some((&form, x)) => (form, x),
            None => (0, &[]),
        }
    }
}

/// Two are one also where only one of them is compressed.
impl PartialEq for EcPoint {
    fn eq(&self, other: &Self) -> bool {
        match (self.0.first(), other.0.first()) {
            (Some(0x04), Some(0x04)) => self.0 == other.0,
            _ => self.compressed() == other.compressed(),
        }
    }
}

impl<C: Channel> Card<C> {
    /// The public key of an elliptic curve that EF(PuKDF) lists for this identifier. `None` if it
    /// lists none, or not a readable one.
    ///
    /// # Errors
    /// The card is gone.
    pub(crate) fn listed_point(&mut self, id: &Id) -> Result<Option<EcPoint>, CardError> {
        self.listed(id, EcPoint::read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SubjectPublicKeyInfo of a key on prime256v1 that OpenSSL made.
    const SPKI: &str = "3059301306072A8648CE3D020106082A8648CE3D03010703420004\
                        2B495A9B4142DC317624626AD108D4896C12A97AF1A1372E9A7B0F29ADCAEB49\
                        DEE377C97FBB17B61480E857F5CE72408488E2763619159D032D3BE091266DD6";

    fn read(text: &str) -> Option<EcPoint> {
        EcPoint::read(&hex::decode(text).expect("hex"))
    }

    #[test]
    fn a_point_is_the_same_in_all_its_wrappings() {
        let point = &SPKI[SPKI.len() - 130..];
        let whole = read(SPKI).expect("a key");
        assert_eq!(read(point).as_ref(), Some(&whole));
        assert_eq!(read(&format!("0441{point}")).as_ref(), Some(&whole));
        // y is even: `openssl ec -conv_form compressed` begins with 02.
        let compressed = format!("02{}", &point[2..66]);
        assert_eq!(read(&compressed).as_ref(), Some(&whole));
        assert_eq!(whole, read(&compressed).expect("a key"));
        let other_half = format!("03{}", &point[2..66]);
        assert_ne!(read(&other_half).as_ref(), Some(&whole));
        let other = format!("{}D7", &point[..128]);
        assert_ne!(read(&other).as_ref(), Some(&whole));
    }

    #[test]
    fn what_is_no_point_is_none() {
        let rsa = "300D06092A864886F70D0101010500";
        for text in ["", "04", "0441", "0400", "02", "30", "3003020101", rsa] {
            assert_eq!(read(text), None, "{text}");
        }
        // id-ecDH and id-ecMQV.
        for other in ["0C", "0D"] {
            let rest = &SPKI["3059301306072A8648CE3D0201".len()..];
            let spki = format!("3057301106052B810401{other}{rest}");
            assert_eq!(read(&spki), read(SPKI), "{other}");
        }
        let cut = &SPKI[..SPKI.len() - 2];
        assert_eq!(read(cut), None);
        let of_rsa = SPKI.replace("06072A8648CE3D0201", "06072A8648CE3D0202");
        assert_eq!(read(&of_rsa), None);
    }
}
