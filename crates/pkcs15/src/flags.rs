//! Named bits (BIT STRINGs of PKCS#15 §6): read as bits, never compared as bytes.

use core::fmt;

/// Defines a set of named bits of a BIT STRING; bit 0 is the first one on the wire.
macro_rules! named_bits {
    (
        $(#[$about:meta])*
        $name:ident {
            $($(#[$bit_about:meta])* $bit:ident = $number:literal, $text:literal;)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(u32);

        impl $name {
            $($(#[$bit_about])* pub const $bit: Self = Self(1 << $number);)*

            /// No bit.
            pub const fn empty() -> Self {
                Self(0)
            }

            /// The set whose bit *n* is `bits >> n & 1`, names or not.
            pub const fn from_bits(bits: u32) -> Self {
                Self(bits)
            }

            /// Bit *n* of the BIT STRING as bit *n* of a number.
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// Whether no bit is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether all bits of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is set.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// The bits of both.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The names of the set bits as the standard spells them, in order. A bit without a
            /// name is left out; [`Self::bits`] has it.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$(($number, $text)),*]
                    .into_iter()
                    .filter(move |(number, _): &(u32, &str)| self.0 >> number & 1 == 1)
                    .map(|(_, text)| text)
            }
        }

        impl core::ops::BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl From<u32> for $name {
            fn from(bits: u32) -> Self {
                Self(bits)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let named = 0 $(| 1_u32 << $number)*;
                list(f, self.names(), self.0 & !named)
            }
        }
    };
}

named_bits! {
    /// CommonObjectFlags (PKCS#15 §6.1.8).
    ObjectFlags {
        /// Not readable without authentication.
        PRIVATE = 0, "private";
        /// May be changed.
        MODIFIABLE = 1, "modifiable";
    }
}

named_bits! {
    /// KeyUsageFlags (PKCS#15 §6.1.9): what the card lets a key do. Not X.509's keyUsage, which
    /// is [`X509KeyUsage`].
    KeyUsage {
        /// Encrypt data.
        ENCRYPT = 0, "encrypt";
        /// Decrypt data.
        DECRYPT = 1, "decrypt";
        /// Sign, with an appendix.
        SIGN = 2, "sign";
        /// Sign with message recovery.
        SIGN_RECOVER = 3, "signRecover";
        /// Wrap keys.
        WRAP = 4, "wrap";
        /// Unwrap keys.
        UNWRAP = 5, "unwrap";
        /// Verify signatures with an appendix.
        VERIFY = 6, "verify";
        /// Verify signatures with message recovery.
        VERIFY_RECOVER = 7, "verifyRecover";
        /// Derive keys.
        DERIVE = 8, "derive";
        /// Signatures that commit the holder.
        NON_REPUDIATION = 9, "nonRepudiation";
    }
}

named_bits! {
    /// KeyAccessFlags (PKCS#15 §6.1.9).
    KeyAccess {
        /// Cannot be revealed in plain.
        SENSITIVE = 0, "sensitive";
        /// Can leave the card, encrypted at least.
        EXTRACTABLE = 1, "extractable";
        /// Was never revealed in plain.
        ALWAYS_SENSITIVE = 2, "alwaysSensitive";
        /// Was never extractable.
        NEVER_EXTRACTABLE = 3, "neverExtractable";
        /// Was made on the card.
        LOCAL = 4, "local";
    }
}

named_bits! {
    /// keyUsage of an X.509 certificate (RFC 5280 §4.2.1.3), here in a certificate's
    /// trustedUsage.
    X509KeyUsage {
        /// Signatures for authentication.
        DIGITAL_SIGNATURE = 0, "digitalSignature";
        /// Signatures that commit the holder (contentCommitment).
        NON_REPUDIATION = 1, "nonRepudiation";
        /// Encryption of keys.
        KEY_ENCIPHERMENT = 2, "keyEncipherment";
        /// Encryption of data.
        DATA_ENCIPHERMENT = 3, "dataEncipherment";
        /// Key agreement.
        KEY_AGREEMENT = 4, "keyAgreement";
        /// Signatures on certificates.
        KEY_CERT_SIGN = 5, "keyCertSign";
        /// Signatures on revocation lists.
        CRL_SIGN = 6, "cRLSign";
        /// Key agreement for encryption only.
        ENCIPHER_ONLY = 7, "encipherOnly";
        /// Key agreement for decryption only.
        DECIPHER_ONLY = 8, "decipherOnly";
    }
}

named_bits! {
    /// TokenFlags (PKCS#15 §6.9).
    TokenFlags {
        /// Nothing on the card can be written.
        READ_ONLY = 0, "readonly";
        /// The user must authenticate for most operations.
        LOGIN_REQUIRED = 1, "loginRequired";
        /// The card generates random numbers.
        PRN_GENERATION = 2, "prnGeneration";
        /// The card follows the electronic identification profile.
        EID_COMPLIANT = 3, "eidCompliant";
    }
}

named_bits! {
    /// Operations of an algorithm (PKCS#15 §6.9).
    Operations {
        /// Compute a checksum.
        COMPUTE_CHECKSUM = 0, "compute-checksum";
        /// Compute a signature.
        COMPUTE_SIGNATURE = 1, "compute-signature";
        /// Verify a checksum.
        VERIFY_CHECKSUM = 2, "verify-checksum";
        /// Verify a signature.
        VERIFY_SIGNATURE = 3, "verify-signature";
        /// Encipher.
        ENCIPHER = 4, "encipher";
        /// Decipher.
        DECIPHER = 5, "decipher";
        /// Hash.
        HASH = 6, "hash";
        /// Generate a key.
        GENERATE_KEY = 7, "generate-key";
    }
}

named_bits! {
    /// PinFlags (PKCS#15 §6.8.2); the last two came with ISO/IEC 7816-15.
    PinFlags {
        /// Upper and lower case differ.
        CASE_SENSITIVE = 0, "case-sensitive";
        /// The PIN belongs to its application, not to the whole card.
        LOCAL = 1, "local";
        /// The PIN cannot be changed.
        CHANGE_DISABLED = 2, "change-disabled";
        /// The PIN cannot be unblocked.
        UNBLOCK_DISABLED = 3, "unblock-disabled";
        /// The PIN has a value.
        INITIALIZED = 4, "initialized";
        /// The PIN is padded to its stored length.
        NEEDS_PADDING = 5, "needs-padding";
        /// The PIN unblocks others (a PUK).
        UNBLOCKING_PIN = 6, "unblockingPin";
        /// The PIN of the security officer.
        SO_PIN = 7, "soPin";
        /// The PIN may be switched off.
        DISABLE_ALLOWED = 8, "disable-allowed";
        /// The PIN goes to the card under integrity protection.
        INTEGRITY_PROTECTED = 9, "integrity-protected";
        /// The PIN goes to the card encrypted.
        CONFIDENTIALITY_PROTECTED = 10, "confidentiality-protected";
        /// CHANGE REFERENCE DATA takes the new value only.
        EXCHANGE_REF_DATA = 11, "exchangeRefData";
        /// RESET RETRY COUNTER with P1 = 01 may be used.
        RESET_RETRY_COUNTER_1 = 12, "resetRetryCounter1";
        /// RESET RETRY COUNTER with P1 = 02 may be used.
        RESET_RETRY_COUNTER_2 = 13, "resetRetryCounter2";
    }
}

named_bits! {
    /// AccessMode of an access control rule (PKCS#15 §6.1.8).
    AccessMode {
        /// Reading.
        READ = 0, "read";
        /// Changing.
        UPDATE = 1, "update";
        /// Using.
        EXECUTE = 2, "execute";
    }
}

/// What is said of a BIT STRING that every reader takes for the same.
pub(crate) const TRAILING_ZEROS: &str = "it has trailing zero bits, which DER leaves out";

/// What [`read`] made of the content of a BIT STRING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    /// Bit *n* of the string as bit *n* of a number.
    pub(crate) bits: u32,
    /// What is not as DER (X.690 §11.2) has it.
    pub(crate) irregular: Option<&'static str>,
}

/// The first 32 bits of the content of a BIT STRING with named bits.
pub(crate) fn read(content: &[u8]) -> Bits {
    let Some((&unused, bytes)) = content.split_first() else {
        return Bits {
            bits: 0,
            irregular: Some("it has no content, not even the number of unused bits"),
        };
    };
    let mut bits = 0_u32;
    let mut padding = false;
    let valid = if unused > 7 {
        bytes.len() * 8
    } else {
        (bytes.len() * 8).saturating_sub(usize::from(unused))
    };
    let mut beyond = false;
    for (index, byte) in bytes.iter().enumerate() {
        for place in 0..8 {
            if byte & (0x80 >> place) == 0 {
                continue;
            }
            let number = index * 8 + place;
            match (number < valid, u32::try_from(number)) {
                (false, _) => padding = true,
                (true, Ok(number)) if number < 32 => bits |= 1 << number,
                _ => beyond = true,
            }
        }
    }
    let trailing = (valid > 0 && valid <= 32 && bits >> (valid - 1) & 1 == 0)
        || bytes.is_empty() != (valid == 0);
    let irregular = if unused > 7 {
        Some("it claims more than 7 unused bits; all bits were read")
    } else if bytes.is_empty() && unused != 0 {
        Some("it claims unused bits and has none")
    } else if padding {
        Some("bits that it calls unused are set; they were ignored")
    } else if beyond {
        Some("it has bits beyond the 32nd; they were ignored")
    } else if trailing || (valid > 32) {
        Some(TRAILING_ZEROS)
    } else {
        None
    };
    Bits { bits, irregular }
}

/// The content of a BIT STRING with these named bits in DER: no trailing zero bits.
pub(crate) fn write(bits: u32) -> Vec<u8> {
    let used = (32 - bits.leading_zeros()) as usize;
    let mut content = vec![0; 1 + used.div_ceil(8)];
    for number in 0..used {
        if let (1, Some(byte)) = (bits >> number & 1, content.get_mut(1 + number / 8)) {
            *byte |= 0x80 >> (number % 8);
        }
    }
    if let Some(unused) = content.first_mut() {
        *unused = ((8 - used % 8) % 8) as u8;
    }
    content
}

fn list(
    f: &mut fmt::Formatter<'_>,
    names: impl Iterator<Item = &'static str>,
    unnamed: u32,
) -> fmt::Result {
    let mut separator = "";
    for name in names {
        write!(f, "{separator}{name}")?;
        separator = ", ";
    }
    for number in (0..32).filter(|number| unnamed >> number & 1 == 1) {
        write!(f, "{separator}bit {number}")?;
        separator = ", ";
    }
    if separator.is_empty() {
        f.write_str("none")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_encodings_in_the_wild_all_mean_non_repudiation() {
        for content in [[0x00, 0x40], [0x05, 0x40], [0x06, 0x40]] {
            let usage = X509KeyUsage::from_bits(read(&content).bits);
            assert_eq!(usage, X509KeyUsage::NON_REPUDIATION);
        }
        assert_eq!(read(&[0x06, 0x40]).irregular, None);
        assert!(read(&[0x00, 0x40]).irregular.is_some());
    }

    #[test]
    fn irregular_strings_are_read_and_told() {
        for content in [
            &[][..],
            &[0x08, 0x40],
            &[0x01],
            &[0x07, 0x40],
            &[0x00, 0x00],
        ] {
            assert!(read(content).irregular.is_some(), "{content:02X?}");
        }
        assert_eq!(read(&[0x07, 0x40]).bits, 0, "an unused bit says nothing");
        assert_eq!(
            read(&[0x00]),
            Bits {
                bits: 0,
                irregular: None
            }
        );
        assert!(read(&[0, 0x80, 0, 0, 0, 0x80]).irregular.is_some());
    }

    #[test]
    fn flags_are_told_by_their_standard_names() {
        let usage = KeyUsage::SIGN | KeyUsage::NON_REPUDIATION | KeyUsage::from_bits(1 << 20);
        assert_eq!(usage.to_string(), "sign, nonRepudiation, bit 20");
        assert_eq!(PinFlags::empty().to_string(), "none");
    }

    proptest! {
        #[test]
        fn bits_survive_and_are_written_in_der(bits: u32) {
            let content = write(bits);
            prop_assert_eq!(read(&content), Bits { bits, irregular: None });
        }
    }
}
