//! Zero-copy reading of BER-TLV data objects in linear time.

use super::Tag;
use crate::error::{Error, ErrorKind};

/// Whether `00` and `FF` bytes before, between and after data objects are skipped
/// (ISO/IEC 7816-4 §5.2.2.1 allows them in files that were changed or erased).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filler {
    /// A `00` or `FF` is read as a tag.
    #[default]
    Reject,
    /// `00` and `FF` between objects are skipped.
    Skip,
}

/// One data object: a borrowed view of its value, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag.
    pub tag: Tag,
    /// The value field.
    pub value: &'a [u8],
    /// Where the tag starts, in bytes from the start of the outermost input.
    pub offset: usize,
    /// How many bytes tag and length take.
    pub header_len: usize,
    /// The whole object: tag, length and value, as it stands.
    pub raw: &'a [u8],
    /// Whether the length is encoded in the fewest bytes, as DER demands.
    pub minimal_length: bool,
}

impl<'a> Tlv<'a> {
    /// Where the value starts, in bytes from the start of the outermost input.
    pub const fn value_offset(&self) -> usize {
        self.offset + self.header_len
    }

    /// The data objects inside a constructed value. On a primitive object the reader reads its
    /// value as objects all the same: some tags of ISO 7816-4 are coded primitive and still hold
    /// objects.
    pub const fn children(&self) -> Reader<'a> {
        Reader {
            bytes: self.value,
            position: 0,
            base: self.value_offset(),
            filler: Filler::Reject,
            failed: false,
        }
    }

    /// The first child with this tag.
    ///
    /// # Errors
    /// A malformed child before it.
    pub fn child(&self, tag: impl Into<Tag>) -> Result<Option<Tlv<'a>>, Error> {
        self.children().find_tag(tag)
    }
}

/// An iterator over the data objects in a byte string. Stops after the first error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    base: usize,
    filler: Filler,
    failed: bool,
}

impl<'a> Reader<'a> {
    /// Reads the objects in `bytes`; a filler byte is read as a tag.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            base: 0,
            filler: Filler::Reject,
            failed: false,
        }
    }

    /// The same reader with offsets counted from `base`: where `bytes` stand in an outer value.
    #[must_use]
    pub const fn at(mut self, base: usize) -> Self {
        self.base = base;
        self
    }

    /// The same reader, with this treatment of filler bytes.
    #[must_use]
    pub const fn filler(mut self, filler: Filler) -> Self {
        self.filler = filler;
        self
    }

    /// Where the next object starts, counted like [`Tlv::offset`].
    pub const fn offset(&self) -> usize {
        self.base + self.position
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// The next object with this tag, skipping others.
    ///
    /// # Errors
    /// A malformed object before it.
    pub fn find_tag(&mut self, tag: impl Into<Tag>) -> Result<Option<Tlv<'a>>, Error> {
        let tag = tag.into();
        for object in self {
            let object = object?;
            if object.tag == tag {
                return Ok(Some(object));
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Tlv<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.filler == Filler::Skip {
            let filler = self
                .rest()
                .iter()
                .take_while(|byte| matches!(byte, 0x00 | 0xFF))
                .count();
            self.position += filler;
        }
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        match read_one(rest) {
            Ok(object) => {
                let offset = self.offset();
                self.position += object.raw.len();
                Some(Ok(Tlv { offset, ..object }))
            }
            Err(error) => {
                self.failed = true;
                Some(Err(error.nested(self.offset())))
            }
        }
    }
}

impl core::iter::FusedIterator for Reader<'_> {}

/// Reads the one data object at the start of `bytes`; what follows it is left alone.
///
/// # Errors
/// A tag or length field that is cut short or too long, an indefinite length (ISO/IEC 7816-4
/// does not use it), or a value longer than what remains.
pub fn read_one(bytes: &[u8]) -> Result<Tlv<'_>, Error> {
    #[cfg(feature = "counted")]
    super::counted::one();
    let (tag, tag_len) = Tag::parse(bytes)?;
    let after_tag = bytes.get(tag_len..).unwrap_or_default();
    let (length, length_len) = length(after_tag).map_err(|error| error.nested(tag_len))?;
    let header_len = tag_len + length_len;
    let available = bytes.len() - header_len;
    let raw = header_len
        .checked_add(length)
        .and_then(|total| bytes.get(..total))
        .ok_or(Error::new(
            ErrorKind::Truncated {
                what: "value",
                needed: length,
                available,
            },
            header_len,
        ))?;
    Ok(Tlv {
        tag,
        value: raw.get(header_len..).unwrap_or_default(),
        offset: 0,
        header_len,
        raw,
        minimal_length: length_len == minimal_length_len(length),
    })
}

/// One step of [`walk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit<'a> {
    /// How many constructed objects stand around this one; 0 at the top.
    pub depth: usize,
    /// The object.
    pub object: Tlv<'a>,
}

/// Every data object in `bytes`, parents before children, in linear time and without recursion.
/// Descends into constructed objects down to `max_depth` levels; what nests deeper is an error.
pub fn walk(bytes: &[u8], max_depth: usize) -> Walk<'_> {
    Walk {
        stack: vec![Reader::new(bytes)],
        max_depth,
    }
}

/// The iterator that [`walk`] returns.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    stack: Vec<Reader<'a>>,
    max_depth: usize,
}

impl<'a> Walk<'a> {
    /// The same walk, with this treatment of filler bytes at the top level.
    #[must_use]
    pub fn filler(mut self, filler: Filler) -> Self {
        for reader in &mut self.stack {
            reader.filler = filler;
        }
        self
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Visit<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.stack.last_mut()?.next() {
                None => {
                    self.stack.pop();
                }
                Some(Err(error)) => {
                    self.stack.clear();
                    return Some(Err(error));
                }
                Some(Ok(object)) => {
                    let depth = self.stack.len() - 1;
                    if object.tag.is_constructed() && !object.value.is_empty() {
                        if depth >= self.max_depth {
                            self.stack.clear();
                            let kind = ErrorKind::TooDeep {
                                limit: self.max_depth,
                            };
                            return Some(Err(Error::new(kind, object.value_offset())));
                        }
                        self.stack.push(object.children());
                    }
                    return Some(Ok(Visit { depth, object }));
                }
            }
        }
    }
}

/// The length field at the start of `bytes`: the length and how many bytes the field takes.
fn length(bytes: &[u8]) -> Result<(usize, usize), Error> {
    let truncated = |needed| {
        Error::new(
            ErrorKind::Truncated {
                what: "length",
                needed,
                available: bytes.len(),
            },
            0,
        )
    };
    let &first = bytes.first().ok_or(truncated(1))?;
    match first {
        0x00..=0x7F => Ok((usize::from(first), 1)),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7F);
            let field = bytes.get(1..=count).ok_or(truncated(1 + count))?;
            let value = field
                .iter()
                .fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
            Ok((usize::try_from(value).unwrap_or(usize::MAX), 1 + count))
        }
        _ => Err(Error::new(
            ErrorKind::Invalid {
                what: "length",
                found: u32::from(first),
            },
            0,
        )),
    }
}

const fn minimal_length_len(length: usize) -> usize {
    match length {
        0..=0x7F => 1,
        0x80..=0xFF => 2,
        0x100..=0xFFFF => 3,
        0x1_0000..=0xFF_FFFF => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).expect("hex")
    }

    #[test]
    fn objects_are_read_with_their_offsets() {
        let input = bytes("6F07 84 02 AABB 8A 01 05");
        let fci = read_one(&input).expect("an object");
        let children: Vec<_> = fci.children().collect::<Result<_, _>>().expect("children");
        assert_eq!(children.len(), 2);
        assert_eq!(children[1].offset, 6);
        assert_eq!(children[1].value_offset(), 8);
        assert_eq!(children[1].value, [0x05]);
    }

    #[test]
    fn non_minimal_lengths_are_read_and_marked() {
        let input = bytes("04 82 0001 AA");
        let object = read_one(&input).expect("an object");
        assert_eq!(object.value, [0xAA]);
        assert!(!object.minimal_length);
    }

    #[test]
    fn a_length_beyond_the_input_is_an_error_at_the_value() {
        let error = Reader::new(&bytes("04 01 AA 30 05 01"))
            .nth(1)
            .expect("two objects")
            .expect_err("too long");
        assert_eq!(error.offset(), 5);
    }

    #[test]
    fn indefinite_and_five_byte_lengths_are_refused() {
        assert!(read_one(&bytes("30 80 0000")).is_err());
        assert!(read_one(&bytes("30 85 0000000001 00")).is_err());
        assert!(read_one(&bytes("30 84 FFFFFFFF 00")).is_err());
    }

    #[test]
    fn filler_is_skipped_only_when_asked() {
        let input = bytes("00 00 04 01 AA FF FF 04 00 00");
        let count = Reader::new(&input).filler(Filler::Skip).count();
        assert_eq!(count, 2);
        let first = Reader::new(&input).next().expect("one").expect("an object");
        assert_eq!(first.tag.value(), 0);
    }

    #[test]
    fn walking_stops_at_the_depth_limit_without_recursion() {
        let mut deep = Vec::new();
        for _ in 0..20_000 {
            let mut outer = super::super::object(Tag::SEQUENCE, &deep);
            core::mem::swap(&mut deep, &mut outer);
            if deep.len() > 60_000 {
                break;
            }
        }
        let limited = walk(&deep, 32).last().expect("a step");
        assert!(matches!(
            limited.expect_err("too deep").kind(),
            ErrorKind::TooDeep { limit: 32 }
        ));
        assert!(walk(&deep, usize::MAX).all(|step| step.is_ok()));
    }
}
