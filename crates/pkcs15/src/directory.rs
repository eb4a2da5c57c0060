//! Directory files (PKCS#15 §5.5): objects one after the other, read leniently, written strictly.

use std::collections::BTreeMap;

use kortlab_apdu::tlv::{Tag, Tlv};

use crate::common::CommonObjectAttributes;
use crate::element::Unknown;
use crate::error::EncodeError;
use crate::fields::{Fields, Writer};
use crate::finding::{Code, Notes, Parsed};
use crate::frame::{self, MAX_OBJECTS, Piece, Shape};
use crate::id::Id;
use crate::schema::Schema;

/// The content of a directory file whose objects are of type `T`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory<T> {
    /// The objects, in the order of the file.
    pub entries: Vec<Entry<T>>,
}

/// One object of a directory file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<T> {
    /// An object that could be read.
    Object(T),
    /// One that could not.
    Unreadable(Unreadable),
}

/// An object that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its bytes as they stand in the file.
    pub bytes: Vec<u8>,
    /// Where it starts: an offset in bytes from the start of the file.
    pub offset: usize,
}

impl<T> Default for Directory<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<T> FromIterator<T> for Directory<T> {
    fn from_iter<I: IntoIterator<Item = T>>(objects: I) -> Self {
        Self {
            entries: objects.into_iter().map(Entry::Object).collect(),
        }
    }
}

impl<T: DirectoryObject> Directory<T> {
    /// A directory with these objects.
    pub fn new(objects: impl IntoIterator<Item = T>) -> Self {
        objects.into_iter().collect()
    }

    /// Reads the content of a directory file: all objects that can be read, and what is wrong.
    /// `00` and `FF` filler is passed over.
    pub fn parse(file: &[u8]) -> Parsed<Self> {
        Self::parse_records(&[file])
    }

    /// The same of a file of records (ISO/IEC 7816-4 §7.4.1), the first one first. No object goes
    /// on in the next record, and what fills a record up behind its objects is nothing wrong.
    /// Offsets count from the start of the first record, as if they stood in a row.
    pub fn parse_records(records: &[&[u8]]) -> Parsed<Self> {
        let mut notes = Notes::default();
        let mut entries = Vec::new();
        let mut seen = BTreeMap::new();
        for piece in frame::cut(records, T::SHAPE, &mut notes) {
            let (offset, bytes) = match piece {
                Piece::Garbage { .. } => continue,
                Piece::Broken { offset, bytes } => (offset, bytes),
                Piece::Object(tlv) => {
                    let index = entries.len();
                    notes.begin_object(index);
                    let object = T::decode(&tlv, &mut notes);
                    match &object {
                        Some(object) => tell_duplicate(object, index, &tlv, &mut seen, &mut notes),
                        None => notes.error(
                            Code::UnreadableObject,
                            tlv.offset,
                            format_args!("this {} cannot be read; the others were", T::SHAPE.what),
                        ),
                    }
                    notes.end_object();
                    if let Some(object) = object {
                        entries.push(Entry::Object(object));
                        continue;
                    }
                    (tlv.offset, tlv.raw)
                }
            };
            let bytes = bytes.to_vec();
            entries.push(Entry::Unreadable(Unreadable { bytes, offset }));
        }
        notes.settle(|index| match entries.get(index) {
            Some(Entry::Object(object)) => (object.label(), object.identifier()),
            _ => (None, None),
        });
        notes.into_parsed(Self { entries })
    }

    /// The content in strict DER, without filler. Objects that were read from DER come out byte
    /// for byte as they were, and what comes out is read back as this same value.
    ///
    /// # Errors
    /// A value that the standard does not allow; an object that could not be read; or one that was
    /// read from damaged bytes and would not be read back as it is. To change a file with such
    /// objects in it, use [`Edit`](crate::edit::Edit).
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let count = self.entries.len();
        if count > MAX_OBJECTS {
            let why = format!("there are {count}, and no more than {MAX_OBJECTS} are read");
            return Err(EncodeError::value(T::SHAPE.what, why));
        }
        let mut objects = Vec::with_capacity(count);
        for (index, entry) in self.entries.iter().enumerate() {
            let Entry::Object(object) = entry else {
                return Err(EncodeError::Unreadable { index });
            };
            objects.push(object.encode()?);
        }
        let file = objects.concat();
        let read = Self::parse(&file).value;
        let changed = (0..count.max(read.entries.len()))
            .find(|&index| !read.holds(index, self.entries.get(index), objects.get(index)));
        match changed {
            None => Ok(file),
            Some(index) => Err(EncodeError::NotReadBack {
                what: T::SHAPE.what,
                index: Some(index),
            }),
        }
    }

    /// Whether entry `index` is the object `entry` and is written as `bytes`.
    fn holds(&self, index: usize, entry: Option<&Entry<T>>, bytes: Option<&Vec<u8>>) -> bool {
        let ours = self.entries.get(index);
        let Some(Entry::Object(object)) = ours else {
            return false;
        };
        ours == entry && object.encode().ok().as_ref() == bytes
    }

    /// The objects that could be read, in the order of the file.
    pub fn objects(&self) -> impl Iterator<Item = &T> {
        self.listed().map(|(_, object)| object)
    }

    /// The same, each with its index among the [`entries`](Self::entries), as an
    /// [`ObjectRef`](crate::ObjectRef) has it.
    pub fn listed(&self) -> impl Iterator<Item = (usize, &T)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(index, entry)| match entry {
            Entry::Object(object) => Some((index, object)),
            Entry::Unreadable(_) => None,
        })
    }

    /// Where each of the [`entries`](Self::entries) of a file starts: offsets in bytes from the
    /// start of the file.
    pub fn offsets(file: &[u8]) -> Vec<usize> {
        let pieces = frame::cut(&[file], T::SHAPE, &mut Notes::default());
        let offsets = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Object(tlv) => Some(tlv.offset),
            Piece::Broken { offset, .. } => Some(offset),
            Piece::Garbage { .. } => None,
        });
        offsets.collect()
    }
}

/// One object in DER, certain to be read back as it is.
pub(crate) fn encode_object<T: DirectoryObject>(object: &T) -> Result<Vec<u8>, EncodeError> {
    let bytes = object.encode()?;
    match Directory::<T>::parse(&bytes).value.entries.as_slice() {
        [Entry::Object(read)] if read == object && read.encode().as_ref() == Ok(&bytes) => {
            Ok(bytes)
        }
        _ => Err(EncodeError::NotReadBack {
            what: T::SHAPE.what,
            index: None,
        }),
    }
}

fn tell_duplicate<T: DirectoryObject>(
    object: &T,
    index: usize,
    tlv: &Tlv<'_>,
    seen: &mut BTreeMap<Vec<u8>, usize>,
    notes: &mut Notes,
) {
    let Some((name, key)) = object.unique() else {
        return;
    };
    if let Some(first) = seen.get(&key) {
        let message = format_args!(
            "{name} is the same as that of object {first}; middleware finds only one of the two"
        );
        notes.warn(Code::DuplicateId, tlv.offset, message);
    } else {
        seen.insert(key, index);
    }
}

/// A type of object that a directory file holds. Implemented by this crate's object types only.
pub trait DirectoryObject: PartialEq + Sized + sealed::Object {}

impl<T: PartialEq + sealed::Object> DirectoryObject for T {}

pub(crate) mod sealed {
    use super::{EncodeError, Id, Notes, Shape, Tlv};

    /// How a type of object is read and written.
    pub trait Object: Sized {
        /// What the objects look like from outside.
        const SHAPE: Shape;

        /// Reads one object.
        fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self>;

        /// The object in DER.
        fn encode(&self) -> Result<Vec<u8>, EncodeError>;

        /// The object's label.
        fn label(&self) -> Option<&str>;

        /// The object's identifier, where objects of this type have one.
        fn identifier(&self) -> Option<&Id> {
            None
        }

        /// What must be unique in a file: its name, and its value.
        fn unique(&self) -> Option<(&'static str, Vec<u8>)>;
    }
}

/// Elements of an object that this version does not know, outside its attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObjectUnknown {
    /// Beside the attributes.
    pub object: Unknown,
    /// Beside the subClassAttributes, inside their `[0]`.
    pub sub_class: Unknown,
    /// Beside the typeAttributes, inside their `[1]`.
    pub type_attributes: Unknown,
}

/// The four parts of a PKCS15Object (PKCS#15 §6.1.1), the last three not read yet.
pub(crate) struct Parts<'a> {
    pub(crate) common: CommonObjectAttributes,
    pub(crate) class: Tlv<'a>,
    pub(crate) sub_class: Option<Tlv<'a>>,
    pub(crate) type_attributes: Tlv<'a>,
    pub(crate) unknown: ObjectUnknown,
}

/// A PKCS15Object that may have subClassAttributes: keys.
pub(crate) const SUB_CLASS: Schema = &[&[0x30], &[0x30], &[0xA0], &[0xA1]];

/// A PKCS15Object that has none: certificates, authentication and data objects.
pub(crate) const NO_SUB_CLASS: Schema = &[&[0x30], &[0x30], &[], &[0xA1]];

const SUB_CLASS_CONTENT: Schema = &[&[0x30]];

/// Takes a PKCS15Object apart; it is [`SUB_CLASS`] or [`NO_SUB_CLASS`], and `type_schema` says
/// what stands in its typeAttributes.
pub(crate) fn take_apart<'a>(
    what: &'static str,
    tlv: &Tlv<'a>,
    schema: Schema,
    type_schema: Schema,
    notes: &mut Notes,
) -> Option<Parts<'a>> {
    take_apart_with(what, tlv, [schema, SUB_CLASS_CONTENT, type_schema], notes)
}

/// The same; the schemas are those of the object, of its subClassAttributes and of its typeAttributes.
pub(crate) fn take_apart_with<'a>(
    what: &'static str,
    tlv: &Tlv<'a>,
    [schema, sub_schema, type_schema]: [Schema; 3],
    notes: &mut Notes,
) -> Option<Parts<'a>> {
    let keep = |tlv: &Tlv<'a>, _: &mut Notes| Some(*tlv);
    let mut unknown = ObjectUnknown::default();
    let mut fields = Fields::open(what, schema, tlv, notes);
    let common = fields
        .need("commonObjectAttributes", notes, |tlv, notes| {
            Some(CommonObjectAttributes::decode(tlv, notes))
        })
        .unwrap_or_default();
    let class = fields.need("classAttributes", notes, keep)?;
    let sub_class = fields.read(notes, |outer, notes| {
        let mut inner = Fields::open("subClassAttributes", sub_schema, outer, notes);
        let attributes = inner.read(notes, keep)?;
        unknown.sub_class = inner.finish(notes);
        Some(attributes)
    });
    let type_attributes = fields.need("typeAttributes", notes, |outer, notes| {
        let mut inner = Fields::open("typeAttributes", type_schema, outer, notes);
        let attributes = inner.need("its content", notes, keep)?;
        unknown.type_attributes = inner.finish(notes);
        Some(attributes)
    })?;
    unknown.object = fields.finish(notes);
    Some(Parts {
        common,
        class,
        sub_class,
        type_attributes,
        unknown,
    })
}

/// Puts a PKCS15Object together.
pub(crate) fn put_together(
    tag: u8,
    common: &CommonObjectAttributes,
    class: Vec<u8>,
    sub_class: Option<Vec<u8>>,
    type_attributes: Vec<u8>,
    unknown: &ObjectUnknown,
) -> Result<Vec<u8>, EncodeError> {
    let sub_class = sub_class.map(|attributes| {
        Writer::new()
            .element(attributes)
            .finish(0xA0, &unknown.sub_class)
    });
    let type_attributes = Writer::new()
        .element(type_attributes)
        .finish(0xA1, &unknown.type_attributes)?;
    Writer::new()
        .element(common.encode()?)
        .element(class)
        .maybe(sub_class.transpose()?)
        .element(type_attributes)
        .finish(tag, &unknown.object)
}

/// The shape of a PKCS15Object: a SEQUENCE or a context-specific alternative, with common and
/// class attributes, perhaps `[0]`, and `[1]`.
pub(crate) const fn object_shape(what: &'static str) -> Shape {
    Shape {
        what,
        tag: |tag| tag == Tag::SEQUENCE || matches!(tag.value(), 0xA0..=0xA5),
        content: |bytes| {
            let common = frame::element_len(bytes, &[0x30])?;
            let class = frame::element_len(bytes.get(common..)?, &[0x30])?;
            let sub_class = frame::element_len(bytes.get(common + class..)?, &[0xA0]);
            let before = common + class + sub_class.unwrap_or(0);
            Some(before + frame::element_len(bytes.get(before..)?, &[0xA1])?)
        },
    }
}

/// Which alternative the tag of an object chooses: `Some(None)` for the first one, which has no
/// tag of its own; `None` if it is the tag of no object.
pub(crate) fn choice(tlv: &Tlv<'_>) -> Option<Option<u8>> {
    match tlv.tag.value() {
        0x30 => Some(None),
        value @ 0xA0..=0xBE => Some(Some(value as u8 & 0x1F)),
        _ => None,
    }
}

/// The tag of an alternative.
pub(crate) const fn choice_tag(choice: Option<u8>) -> u8 {
    match choice {
        None => 0x30,
        Some(number) => 0xA0 | number & 0x1F,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdf::{Cdf, Certificate};
    use crate::common::Path;

    fn entry(label: &str, id: u8, fid: u8) -> Vec<u8> {
        let common = CommonObjectAttributes::labelled(label);
        let path = Path::file([0x43, fid]);
        let certificate = Certificate::x509(common, Id::from(vec![id]), path);
        encode_object(&certificate).expect("an entry")
    }

    #[test]
    fn records_are_parsed_as_one_file_each_by_itself() {
        let (mut one, two) = (entry("one", 1, 0x31), entry("two", 2, 0x32));
        one.resize(one.len() + 7, 0xFF);
        let file = [&one[..], &two].map(<[u8]>::to_vec);
        let read = Cdf::parse_records(&file.each_ref().map(Vec::as_slice));
        assert!(read.is_clean(), "{:?}", read.findings);
        assert_eq!(read.value.objects().count(), 2);
        // In one piece the filler is a fault.
        assert!(!Cdf::parse(&file.concat()).is_clean());
    }

    #[test]
    fn what_is_wrong_in_a_record_has_its_place_among_all_of_them() {
        let (one, same) = (entry("one", 1, 0x31), entry("two", 1, 0x31));
        let three = entry("three", 3, 0x33);
        let cut = &three[..three.len() - 4];
        let read = Cdf::parse_records(&[&one, cut, &same]);
        let told: Vec<_> = read
            .findings
            .iter()
            .map(|finding| {
                let object = finding.object.as_ref().map(|object| object.index);
                (finding.code, finding.offset, object)
            })
            .collect();
        let [second, third] = [one.len(), one.len() + cut.len()];
        assert!(
            told.contains(&(Code::Truncated, second, Some(1))),
            "{told:?}"
        );
        assert!(
            told.contains(&(Code::DuplicateId, third, Some(2))),
            "{told:?}"
        );
        assert_eq!(read.value.entries.len(), 3);
    }

    #[test]
    fn objects_are_counted_over_all_records() {
        let one = entry("one", 1, 0x31);
        let record = one.repeat(3);
        let records = vec![record.as_slice(); 254];
        let read = Cdf::parse_records(&records);
        assert_eq!(read.value.entries.len(), MAX_OBJECTS);
        let told = read
            .findings
            .iter()
            .filter(|finding| finding.code == Code::TooMany);
        assert_eq!(told.count(), 1);
    }
}
