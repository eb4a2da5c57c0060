//! The MAC over a PKCS#12 file: it tells whether the passphrase is right.

use const_oid::ObjectIdentifier;
use der::Sequence;
use der::asn1::OctetStringRef;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierRef;

use crate::derivation::{Purpose, derive};
use crate::{CredentialError, Effort};

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");

/// MacData (RFC 7292 §4).
#[derive(Sequence)]
pub(super) struct MacData<'a> {
    mac: DigestInfo<'a>,
    salt: &'a OctetStringRef,
    rounds: Option<i32>,
}

/// DigestInfo (RFC 8017 appendix A.2.4).
#[derive(Sequence)]
struct DigestInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    digest: &'a OctetStringRef,
}

impl MacData<'_> {
    /// Whether the MAC over `content` is the one made with this passphrase (RFC 7292 appendix B.4).
    ///
    /// # Errors
    /// The algorithm is not known, or it asks for too many rounds.
    pub(super) fn fits(
        &self,
        content: &[u8],
        bmp: &[u8],
        effort: &mut Effort,
    ) -> Result<bool, CredentialError> {
        macro_rules! fits {
            ($digest:ty, $length:literal) => {{
                let rounds = effort.spend(self.rounds.unwrap_or(1))?;
                let salt = self.salt.as_bytes();
                let key = derive::<$digest>(bmp, salt, Purpose::Mac, rounds, $length);
                // HMAC takes keys of any length.
                Hmac::<$digest>::new_from_slice(&key).is_ok_and(|mac| {
                    let mac = mac.chain_update(content);
                    mac.verify_slice(self.mac.digest.as_bytes()).is_ok()
                })
            }};
        }
        Ok(match self.mac.algorithm.oid {
            SHA1 => fits!(Sha1, 20),
            SHA224 => fits!(Sha224, 28),
            SHA256 => fits!(Sha256, 32),
            SHA384 => fits!(Sha384, 48),
            SHA512 => fits!(Sha512, 64),
            PBMAC1 => return Err(CredentialError::Unsupported("PBMAC1 (RFC 9579)".to_owned())),
            other => {
                return Err(CredentialError::Unsupported(format!(
                    "the MAC with {other}"
                )));
            }
        })
    }
}
