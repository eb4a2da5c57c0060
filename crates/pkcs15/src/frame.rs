//! Where the objects of a file start and end, found even when lengths lie.
//!
//! A file is objects one after the other, `00` or `FF` filler allowed anywhere between them. When
//! an object's length is wrong, its content tells where it ends; when that fails too, the next
//! place is sought that looks like an object through and through. Each step looks at a bounded
//! number of headers, so the whole takes linear time.

use kortlab_apdu::Error;
use kortlab_apdu::error::ErrorKind;
use kortlab_apdu::tlv::{Tag, Tlv, read_one};

use crate::fields::length_note;
use crate::finding::{Code, Notes};

/// The most objects of one file that are read.
pub const MAX_OBJECTS: usize = 512;

/// The most elements around all objects that are looked through.
const MAX_WRAPPERS: usize = 4;

/// What the objects of a kind of file look like from outside.
#[derive(Clone, Copy)]
pub struct Shape {
    /// What one object is called.
    pub(crate) what: &'static str,
    /// Whether an object may have this tag.
    pub(crate) tag: fn(Tag) -> bool,
    /// How many bytes the content takes that starts here, by its pattern alone; `None` if there
    /// is no such pattern.
    pub(crate) content: fn(&[u8]) -> Option<usize>,
}

/// A stretch of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    /// An object. Its value goes as far as its content does, whatever its length says.
    Object(Tlv<'a>),
    /// Bytes that start like an object and cannot be read as one.
    Broken { offset: usize, bytes: &'a [u8] },
    /// Bytes that belong to no object.
    Garbage { offset: usize, bytes: &'a [u8] },
}

/// Cuts `file` into pieces. Filler is left out.
pub(crate) fn cut<'a>(file: &'a [u8], shape: Shape, notes: &mut Notes) -> Vec<Piece<'a>> {
    let mut base = 0;
    let mut bytes = file;
    for _ in 0..MAX_WRAPPERS {
        let Some(wrapper) = wrapper(bytes, shape) else {
            break;
        };
        let message = format_args!(
            "a SEQUENCE around the {}s; the standard has none there, and strict middleware \
             cannot read the file",
            shape.what
        );
        notes.warn(Code::ExtraSequence, base, message);
        base += wrapper.header_len;
        bytes = wrapper.value;
    }
    Cutter {
        bytes,
        base,
        shape,
        pieces: Vec::new(),
        objects: 0,
    }
    .cut(notes)
}

struct Cutter<'a> {
    bytes: &'a [u8],
    base: usize,
    shape: Shape,
    pieces: Vec<Piece<'a>>,
    objects: usize,
}

impl<'a> Cutter<'a> {
    fn cut(mut self, notes: &mut Notes) -> Vec<Piece<'a>> {
        let mut position = 0;
        let mut told_filler = false;
        loop {
            let filler = filler(self.from(position));
            let after_filler = filler > 0 && position > 0;
            position += filler;
            if self.from(position).is_empty() {
                return self.pieces;
            }
            if self.objects == MAX_OBJECTS {
                let message = format_args!(
                    "more than {MAX_OBJECTS} {}s; the rest is not read",
                    self.shape.what
                );
                notes.error(Code::TooMany, self.base + position, message);
                self.push_garbage(position, self.bytes.len());
                return self.pieces;
            }
            let before = self.objects;
            let start = position;
            notes.begin_object(self.objects);
            position = self.next_piece(position, notes);
            if after_filler && self.objects > before && !told_filler {
                told_filler = true;
                let message = format_args!(
                    "filler before this {}: middleware that stops at the first 00 or FF, such as \
                     OpenSC, does not see it and what follows",
                    self.shape.what
                );
                notes.warn(Code::ObjectAfterFiller, self.base + start, message);
            }
            notes.end_object(None);
        }
    }

    /// Reads the piece that starts at `start`; returns where the next one starts.
    fn next_piece(&mut self, start: usize, notes: &mut Notes) -> usize {
        let rest = self.from(start);
        let read = read_one(rest);
        let right_tag = Tag::parse(rest).is_ok_and(|(tag, _)| (self.shape.tag)(tag));
        if let Ok(tlv) = read {
            let end = start + tlv.raw.len();
            if right_tag && (fits(&tlv) || self.goes_on(end)) {
                if !tlv.minimal_length {
                    length_note(&self.placed(tlv, start), notes);
                }
                return self.push_object(tlv, start, end);
            }
            // A whole element of another kind: perhaps an object of a later version.
            if !right_tag && tlv.tag.is_constructed() && fits(&tlv) && self.goes_on(end) {
                return self.push_object(tlv, start, end);
            }
        }
        if right_tag && let Some((header_len, end)) = self.end_by_content(start) {
            self.tell_length(start, read, notes);
            let raw = rest.get(..end - start).unwrap_or_default();
            let value = raw.get(header_len..).unwrap_or_default();
            let (value, end) = match (read, self.from(end)) {
                // The end-of-contents of an indefinite length.
                (Err(_), [0x00, 0x00, ..]) if rest.get(header_len - 1) == Some(&0x80) => {
                    (value, end + 2)
                }
                _ => (value, end),
            };
            let tag = Tag::parse(rest).map_or(Tag::SEQUENCE, |(tag, _)| tag);
            let tlv = Tlv {
                tag,
                value,
                offset: 0,
                header_len,
                raw: rest.get(..end - start).unwrap_or_default(),
                minimal_length: true,
            };
            return self.push_object(tlv, start, end);
        }
        let next = self.next_start(start + 1);
        let bytes = rest.get(..next - start).unwrap_or_default();
        let offset = self.base + start;
        if right_tag {
            self.tell_broken(start, read, notes);
            self.objects += 1;
            self.pieces.push(Piece::Broken { offset, bytes });
        } else {
            let message = format_args!(
                "{} bytes that belong to no {}: neither an object nor 00 or FF filler",
                bytes.len(),
                self.shape.what
            );
            notes.warn(Code::Garbage, offset, message);
            self.push_garbage(start, next);
        }
        next
    }

    fn push_object(&mut self, tlv: Tlv<'a>, start: usize, end: usize) -> usize {
        let tlv = self.placed(tlv, start);
        self.pieces.push(Piece::Object(tlv));
        self.objects += 1;
        end
    }

    fn push_garbage(&mut self, start: usize, end: usize) {
        self.pieces.push(Piece::Garbage {
            offset: self.base + start,
            bytes: self.bytes.get(start..end).unwrap_or_default(),
        });
    }

    fn placed(&self, tlv: Tlv<'a>, start: usize) -> Tlv<'a> {
        Tlv {
            offset: self.base + start,
            ..tlv
        }
    }

    fn from(&self, position: usize) -> &'a [u8] {
        self.bytes.get(position..).unwrap_or_default()
    }

    /// Where the object at `start` ends by its content, whatever its length says: the length of
    /// its header, and the end.
    fn end_by_content(&self, start: usize) -> Option<(usize, usize)> {
        let rest = self.from(start);
        let header_len = header_len(rest)?;
        let content = (self.shape.content)(rest.get(header_len..)?)?;
        let end = start + header_len + content;
        self.goes_on(end).then_some((header_len, end))
    }

    /// Whether the file can go on at `position`: with its end, filler, or an object.
    fn goes_on(&self, position: usize) -> bool {
        match self.from(position) {
            [] | [0x00 | 0xFF, ..] => true,
            rest => {
                Tag::parse(rest).is_ok_and(|(tag, _)| (self.shape.tag)(tag))
                    && header_len(rest)
                        .and_then(|header| rest.get(header..))
                        .is_some_and(|content| (self.shape.content)(content).is_some())
            }
        }
    }

    /// The first place from `position` on where an object starts that is right through and
    /// through; the end of the file if there is none.
    fn next_start(&self, position: usize) -> usize {
        (position..self.bytes.len())
            .find(|&place| starts_object(self.from(place), self.shape))
            .unwrap_or(self.bytes.len())
    }

    fn tell_length(&self, start: usize, read: Result<Tlv<'_>, Error>, notes: &mut Notes) {
        let offset = self.base + start;
        let what = self.shape.what;
        match read.map_err(|error| error.kind()) {
            Err(ErrorKind::Invalid {
                what: "length",
                found: 0x80,
            }) => notes.warn(
                Code::IndefiniteLength,
                offset,
                format_args!("the {what} has an indefinite length; DER allows none"),
            ),
            _ => notes.error(
                Code::LengthMismatch,
                offset,
                format_args!(
                    "the length of the {what} says more or less than its content takes; \
                     the content was read, strict middleware will not find it or what follows"
                ),
            ),
        }
    }

    fn tell_broken(&self, start: usize, read: Result<Tlv<'_>, Error>, notes: &mut Notes) {
        let offset = self.base + start;
        let what = self.shape.what;
        match read {
            Err(error) => {
                let code = match error.kind() {
                    ErrorKind::Invalid {
                        what: "length",
                        found: 0x80,
                    } => Code::IndefiniteLength,
                    _ => Code::Truncated,
                };
                let message = format_args!(
                    "the {what} cannot be read: {}; the file was cut short, or a length is wrong",
                    error.kind()
                );
                notes.error(code, offset, message);
            }
            Ok(_) => notes.error(
                Code::LengthMismatch,
                offset,
                format_args!("the {what} cannot be read: lengths in it contradict each other"),
            ),
        }
    }
}

/// The element around all objects, if there is one.
fn wrapper(bytes: &[u8], shape: Shape) -> Option<Tlv<'_>> {
    let outer = read_one(bytes).ok()?;
    if outer.tag != Tag::SEQUENCE || !starts_object(outer.value, shape) {
        return None;
    }
    // What follows must be filler, or it was not around all of them.
    let after = bytes.get(outer.raw.len()..).unwrap_or_default();
    (filler(after) == after.len()).then_some(outer)
}

/// Whether an object starts here that is right through and through.
fn starts_object(bytes: &[u8], shape: Shape) -> bool {
    let Ok((tag, _)) = Tag::parse(bytes) else {
        return false;
    };
    (shape.tag)(tag)
        && read_one(bytes).is_ok_and(|tlv| (shape.content)(tlv.value) == Some(tlv.value.len()))
}

/// Whether the elements in `tlv` fill it exactly.
fn fits(tlv: &Tlv<'_>) -> bool {
    tlv.children().all(|child| child.is_ok())
}

fn filler(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, 0x00 | 0xFF))
        .count()
}

/// How long the tag and length at the start of `bytes` are, whatever the length says; an
/// indefinite length counts as one byte.
fn header_len(bytes: &[u8]) -> Option<usize> {
    let (_, tag_len) = Tag::parse(bytes).ok()?;
    let length_len = match *bytes.get(tag_len)? {
        0x00..=0x80 => 1,
        first @ 0x81..=0x84 => 1 + usize::from(first & 0x7F),
        _ => return None,
    };
    Some(tag_len + length_len)
}

/// The length of the element at the start of `bytes`, if it is complete and has one of `tags`.
pub(crate) fn element_len(bytes: &[u8], tags: &[u8]) -> Option<usize> {
    let tlv = read_one(bytes).ok()?;
    tags.iter()
        .any(|&tag| u32::from(tag) == tlv.tag.value())
        .then_some(tlv.raw.len())
}
