//! What depends on the kind of a key, private or public: the two are coded alike (PKCS#15 §6.3
//! and §6.4).

use kortlab_apdu::tlv::Tlv;

use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::Notes;
use crate::key::KeyInfo;
use crate::schema::Schema;
use crate::value::{ObjectValue, VALUE_TAGS};

/// What depends on the kind of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAttributes {
    /// PrivateRSAKeyAttributes or PublicRSAKeyAttributes (PKCS#15 §6.3.2, §6.4.2).
    Rsa {
        /// Where the key is, or a public key itself.
        value: ObjectValue,
        /// The modulus' length in bits.
        modulus_length: u32,
        /// Parameters and operations.
        key_info: Option<KeyInfo>,
        /// Elements that this version does not know.
        unknown: Unknown,
    },
    /// PrivateECKeyAttributes or PublicECKeyAttributes (PKCS#15 §6.3.3, §6.4.3).
    Ec {
        /// Where the key is, or a public key itself.
        value: ObjectValue,
        /// Parameters and operations.
        key_info: Option<KeyInfo>,
        /// Elements that this version does not know.
        unknown: Unknown,
    },
    /// Another kind: 1 Diffie-Hellman, 2 DSA, 3 KEA.
    Other {
        /// The number of the alternative.
        choice: u8,
        /// The typeAttributes, kept as they are.
        attributes: Element,
    },
}

const RSA_SCHEMA: Schema = &[VALUE_TAGS, &[0x02], KeyInfo::TAGS];
const EC_SCHEMA: Schema = &[VALUE_TAGS, KeyInfo::TAGS];

impl KeyAttributes {
    /// An RSA key with this value, its modulus of `bits` bits.
    pub(crate) fn rsa(value: ObjectValue, bits: u32) -> Self {
        Self::Rsa {
            value,
            modulus_length: bits,
            key_info: None,
            unknown: Unknown::default(),
        }
    }

    /// An elliptic-curve key with this value.
    pub(crate) fn ec(value: ObjectValue) -> Self {
        Self::Ec {
            value,
            key_info: None,
            unknown: Unknown::default(),
        }
    }

    /// Where the key is, or a public key itself; `None` for other kinds.
    pub fn value(&self) -> Option<&ObjectValue> {
        match self {
            Self::Rsa { value, .. } | Self::Ec { value, .. } => Some(value),
            Self::Other { .. } => None,
        }
    }

    /// Reads the attributes of alternative `choice`; `names` is what findings call those of RSA
    /// and of elliptic-curve keys.
    pub(crate) fn decode(
        names: [&'static str; 2],
        choice: Option<u8>,
        tlv: &Tlv<'_>,
        notes: &mut Notes,
    ) -> Option<Self> {
        let [rsa, ec] = names;
        match choice {
            None => {
                let mut fields = Fields::open(rsa, RSA_SCHEMA, tlv, notes);
                Some(Self::Rsa {
                    value: fields.need("value", notes, ObjectValue::decode_any)?,
                    modulus_length: fields
                        .need("modulusLength", notes, |tlv, notes| {
                            fields::unsigned("modulusLength", tlv, notes)
                        })
                        .unwrap_or_default(),
                    key_info: fields.read(notes, KeyInfo::decode),
                    unknown: fields.finish(notes),
                })
            }
            Some(0) => {
                let mut fields = Fields::open(ec, EC_SCHEMA, tlv, notes);
                Some(Self::Ec {
                    value: fields.need("value", notes, ObjectValue::decode_any)?,
                    key_info: fields.read(notes, KeyInfo::decode),
                    unknown: fields.finish(notes),
                })
            }
            Some(choice) => Some(Self::Other {
                choice,
                attributes: Element::of(tlv),
            }),
        }
    }

    /// The number of the alternative; `None` for RSA.
    pub(crate) fn choice(&self) -> Option<u8> {
        match self {
            Self::Rsa { .. } => None,
            Self::Ec { .. } => Some(0),
            Self::Other { choice, .. } => Some(*choice),
        }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let info = |info: &Option<KeyInfo>| info.as_ref().map(KeyInfo::encode).transpose();
        match self {
            Self::Rsa {
                value,
                modulus_length,
                key_info,
                unknown,
            } => Writer::new()
                .element(value.encode()?)
                .unsigned(0x02, *modulus_length)
                .maybe(info(key_info)?)
                .finish(0x30, unknown),
            Self::Ec {
                value,
                key_info,
                unknown,
            } => Writer::new()
                .element(value.encode()?)
                .maybe(info(key_info)?)
                .finish(0x30, unknown),
            Self::Other { attributes, .. } => attributes.encode(),
        }
    }
}
