//! EF(DODF), data objects (PKCS#15 §6.7).

use kortlab_apdu::tlv::{Tlv, object};

use crate::common::{CommonObjectAttributes, Path};
use crate::directory::{self, Directory, NO_SUB_CLASS, ObjectUnknown, sealed};
use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::Notes;
use crate::frame::Shape;
use crate::id::Id;
use crate::oid::Oid;
use crate::schema::Schema;
use crate::value::{ObjectValue, VALUE_TAGS};

/// The content of EF(DODF).
pub type Dodf = Directory<DataObject>;

/// A DataType (PKCS#15 §6.7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataObject {
    /// Label, flags, authId.
    pub common: CommonObjectAttributes,
    /// Which application the data belong to.
    pub data: CommonDataObjectAttributes,
    /// What depends on the kind of object.
    pub attributes: DataAttributes,
    /// Elements that this version does not know.
    pub unknown: ObjectUnknown,
}

/// CommonDataObjectAttributes (PKCS#15 §6.1.15).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonDataObjectAttributes {
    /// The application that the data belong to.
    pub application_name: Option<String>,
    /// The same as a registered number.
    pub application_oid: Option<Oid>,
    /// The object's identifier (ISO/IEC 7816-15 §8.2.14).
    pub id: Option<Id>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// What depends on the kind of a data object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataAttributes {
    /// Data of which only the application knows the meaning.
    Opaque(ObjectValue),
    /// A data object with an external identifier (`[0]`).
    ExternalId(ObjectValue),
    /// Data of a registered kind (`[1]`).
    Oid {
        /// The kind.
        id: Oid,
        /// Where the data are, or the data themselves.
        value: ObjectValue,
        /// Elements that this version does not know.
        unknown: Unknown,
    },
    /// Another kind.
    Other {
        /// The number of the alternative.
        choice: u8,
        /// The typeAttributes, kept as they are.
        attributes: Element,
    },
}

const COMMON_SCHEMA: Schema = &[&[0x0C], &[0x06], &[0x04]];
const OID_SCHEMA: Schema = &[&[0x06], VALUE_TAGS];
const TYPE_SCHEMA: Schema = &[VALUE_TAGS];

impl DataObject {
    /// Data of the application `application_name` in the file at `path`.
    pub fn opaque(
        common: CommonObjectAttributes,
        application_name: impl Into<String>,
        path: Path,
    ) -> Self {
        Self {
            common,
            data: CommonDataObjectAttributes {
                application_name: Some(application_name.into()),
                ..CommonDataObjectAttributes::default()
            },
            attributes: DataAttributes::Opaque(path.into()),
            unknown: ObjectUnknown::default(),
        }
    }

    /// Where the data are, or the data themselves.
    pub fn value(&self) -> Option<&ObjectValue> {
        match &self.attributes {
            DataAttributes::Opaque(value)
            | DataAttributes::ExternalId(value)
            | DataAttributes::Oid { value, .. } => Some(value),
            DataAttributes::Other { .. } => None,
        }
    }

    /// The data's file, if the object names one.
    pub fn path(&self) -> Option<&Path> {
        self.value().and_then(ObjectValue::path)
    }
}

impl CommonDataObjectAttributes {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        let mut fields = Fields::open("CommonDataObjectAttributes", COMMON_SCHEMA, tlv, notes);
        Self {
            application_name: fields.read(notes, |tlv, notes| {
                fields::text("applicationName", tlv, notes)
            }),
            application_oid: fields.read(notes, |tlv, notes| {
                fields::oid("applicationOID", tlv, notes)
            }),
            id: fields.read(notes, Id::decode),
            unknown: fields.finish(notes),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let id = self.id.as_ref().map(|id| id.encode("iD"));
        Writer::new()
            .maybe_bytes(0x0C, self.application_name.as_deref())
            .maybe_bytes(0x06, self.application_oid.as_ref().map(Oid::content))
            .maybe(id.transpose()?)
            .finish(0x30, &self.unknown)
    }
}

impl DataAttributes {
    fn decode(choice: Option<u8>, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        match choice {
            None => ObjectValue::decode(tlv, notes).map(Self::Opaque),
            Some(0) => ObjectValue::decode(tlv, notes).map(Self::ExternalId),
            Some(1) => {
                let mut fields = Fields::open("OidDO", OID_SCHEMA, tlv, notes);
                Some(Self::Oid {
                    id: fields.need("id", notes, |tlv, notes| fields::oid("id", tlv, notes))?,
                    value: fields.need("value", notes, ObjectValue::decode)?,
                    unknown: fields.finish(notes),
                })
            }
            Some(choice) => Some(Self::Other {
                choice,
                attributes: Element::of(tlv),
            }),
        }
    }

    fn choice(&self) -> Option<u8> {
        match self {
            Self::Opaque(_) => None,
            Self::ExternalId(_) => Some(0),
            Self::Oid { .. } => Some(1),
            Self::Other { choice, .. } => Some(*choice),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Opaque(value) | Self::ExternalId(value) => value.encode(),
            Self::Oid { id, value, unknown } => Writer::new()
                .element(object(0x06, id.content()))
                .element(value.encode()?)
                .finish(0x30, unknown),
            Self::Other { attributes, .. } => attributes.encode(),
        }
    }
}

impl sealed::Object for DataObject {
    const SHAPE: Shape = directory::object_shape("data object");

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let choice = directory::choice(tlv)?;
        let parts = directory::take_apart("data object", tlv, NO_SUB_CLASS, TYPE_SCHEMA, notes)?;
        Some(Self {
            data: CommonDataObjectAttributes::decode(&parts.class, notes),
            attributes: DataAttributes::decode(choice, &parts.type_attributes, notes)?,
            common: parts.common,
            unknown: parts.unknown,
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        directory::put_together(
            directory::choice_tag(self.attributes.choice()),
            &self.common,
            self.data.encode()?,
            None,
            self.attributes.encode()?,
            &self.unknown,
        )
    }

    fn label(&self) -> Option<&str> {
        self.common.label.as_deref()
    }

    fn identifier(&self) -> Option<&Id> {
        self.data.id.as_ref()
    }

    /// Several data objects may share everything but their place.
    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        let path = self.path()?;
        Some(("the path", path.encode().ok()?))
    }
}
