//! Where the objects of a file start and end, found even when lengths lie.
//!
//! A file is objects one after the other, `00` or `FF` filler allowed anywhere between them. When
//! an object's length is wrong, its content tells where it ends; when that fails too, the next
//! place is sought that looks like an object through and through. A place is judged by a bounded
//! number of headers, and there are at most [`MAX_OBJECTS`] objects, so the whole takes linear
//! time.

use kortlab_apdu::Error;
use kortlab_apdu::tlv::{Tag, Tlv, read_one};

use crate::fields::is_indefinite;
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

/// Cuts a file into pieces. Filler is left out. A transparent file is one record; of a file of
/// records each is cut by itself, and offsets count from the start of the first, as if they stood
/// in a row.
pub(crate) fn cut<'a>(records: &[&'a [u8]], shape: Shape, notes: &mut Notes) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let (mut start, mut objects) = (0, 0);
    for record in records {
        let (cut, too_many) = cut_record(record, start, objects, shape, notes);
        let is_object = |piece: &&Piece<'_>| !matches!(piece, Piece::Garbage { .. });
        objects += cut.iter().filter(is_object).count();
        pieces.extend(cut);
        start += record.len();
        if too_many {
            break;
        }
    }
    pieces
}

/// Cuts the record that starts at byte `base` of the file; `objects` were in those before it. Gives
/// as well whether there are too many.
fn cut_record<'a>(
    record: &'a [u8],
    mut base: usize,
    objects: usize,
    shape: Shape,
    notes: &mut Notes,
) -> (Vec<Piece<'a>>, bool) {
    let mut bytes = record;
    for _ in 0..MAX_WRAPPERS {
        let Some(wrapper) = wrapper(bytes, shape, MAX_WRAPPERS) else {
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
        objects,
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
    /// The pieces, and whether there are more objects than are read.
    fn cut(mut self, notes: &mut Notes) -> (Vec<Piece<'a>>, bool) {
        let mut position = 0;
        let mut told_filler = false;
        loop {
            let filler = filler(self.from(position));
            let after_filler = filler > 0;
            position += filler;
            if self.from(position).is_empty() {
                return (self.pieces, false);
            }
            if self.objects == MAX_OBJECTS {
                let message = format_args!(
                    "more than {MAX_OBJECTS} {}s; the rest is not read",
                    self.shape.what
                );
                notes.error(Code::TooMany, self.base + position, message);
                self.push_garbage(position, self.bytes.len());
                return (self.pieces, true);
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
            notes.end_object();
        }
    }

    /// Reads the piece that starts at `start`; returns where the next one starts.
    fn next_piece(&mut self, start: usize, notes: &mut Notes) -> usize {
        let rest = self.from(start);
        let read = read_one(rest);
        let tag = Tag::parse(rest).ok().map(|(tag, _)| tag);
        let right_tag = tag.is_some_and(|tag| (self.shape.tag)(tag));
        if right_tag && let Some((header_len, content_len)) = self.extent(start, read) {
            let whole = header_len + content_len;
            let raw = rest.get(..whole).unwrap_or_default();
            let as_told = read.is_ok_and(|tlv| tlv.raw.len() == whole);
            let tlv = Tlv {
                tag: tag.unwrap_or(Tag::SEQUENCE),
                value: raw.get(header_len..).unwrap_or_default(),
                offset: self.base + start,
                header_len,
                raw,
                minimal_length: !as_told || read.is_ok_and(|tlv| tlv.minimal_length),
            };
            if !as_told {
                self.tell_length(start, read, notes);
            } else if !tlv.minimal_length {
                length_note(&tlv, notes);
            }
            return self.push_object(tlv, start + whole + self.end_of_contents(start, whole));
        }
        // A whole element of another kind: perhaps an object of a later version.
        if let Ok(tlv) = read
            && !right_tag
            && tlv.tag.is_constructed()
            && fits(&tlv)
            && self.goes_on(start + tlv.raw.len())
        {
            let tlv = Tlv {
                offset: self.base + start,
                ..tlv
            };
            return self.push_object(tlv, start + tlv.raw.len());
        }
        let next = self.next_start(start + 1);
        let bytes = rest.get(..next - start).unwrap_or_default();
        let offset = self.base + start;
        if right_tag {
            self.tell_broken(start, read, notes);
            self.objects += 1;
            self.pieces.push(Piece::Broken { offset, bytes });
        } else {
            notes.end_object();
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

    /// How long header and content of the object at `start` are. Its length is believed if what
    /// it spans reads well, or if the file goes on behind it; else its content is.
    fn extent(&self, start: usize, read: Result<Tlv<'a>, Error>) -> Option<(usize, usize)> {
        let header_len = header_len(self.from(start))?;
        if let (Ok(tlv), true) = (read, starts_object(self.from(start), self.shape)) {
            return Some((header_len, tlv.value.len()));
        }
        let after_header = start + header_len;
        let told = read.ok().map(|tlv| tlv.value.len());
        let content = (self.shape.content)(self.from(after_header));
        let goes_on = |length: usize| self.goes_on(after_header + length);
        let reads_well = read.is_ok_and(|tlv| fits(&tlv));
        let length = match (told, content) {
            // The length swallows the next object, or the object has elements of a later version.
            (Some(told), Some(content)) if told > content => {
                let next = self.from(after_header + content);
                if starts_object(next, self.shape) || (!reads_well && goes_on(content)) {
                    content
                } else if reads_well || goes_on(told) {
                    told
                } else {
                    return None;
                }
            }
            // The length stops short of the content, unless the next object stands right there.
            (Some(told), Some(content))
                if !reads_well
                    && goes_on(content)
                    && !begins_object(self.from(after_header + told), self.shape) =>
            {
                content
            }
            (Some(told), _) if reads_well || goes_on(told) => told,
            (None, Some(content)) if goes_on(content) => content,
            _ => return None,
        };
        // Something of the object is missing, and the next one stands where it should be.
        let swallows = told == Some(length)
            && !reads_well
            && self.next_start(start + 1) < after_header + length;
        (!swallows).then_some((header_len, length))
    }

    /// How long the end-of-contents is that stands behind an object of indefinite length
    /// (ITU-T X.690 §8.1.5): part of the object, no filler.
    fn end_of_contents(&self, start: usize, whole: usize) -> usize {
        let rest = self.from(start);
        let length = Tag::parse(rest).ok().and_then(|(_, tag)| rest.get(tag));
        let marker = rest.get(whole..whole + 2);
        if length == Some(&0x80) && marker == Some(&[0x00, 0x00]) {
            2
        } else {
            0
        }
    }

    fn push_object(&mut self, tlv: Tlv<'a>, end: usize) -> usize {
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

    fn from(&self, position: usize) -> &'a [u8] {
        self.bytes.get(position..).unwrap_or_default()
    }

    /// Whether the file can go on at `position`: with its end or an object, filler before it.
    fn goes_on(&self, position: usize) -> bool {
        let rest = self.from(position);
        let rest = rest.get(filler(rest)..).unwrap_or_default();
        rest.is_empty() || begins_object(rest, self.shape)
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
        match read {
            Err(error) if is_indefinite(error) => notes.warn(
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
                let code = match is_indefinite(error) {
                    true => Code::IndefiniteLength,
                    false => Code::Truncated,
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

/// The element around all objects, perhaps with others inside it, if there is one.
fn wrapper(bytes: &[u8], shape: Shape, levels: usize) -> Option<Tlv<'_>> {
    let levels = levels.checked_sub(1)?;
    let outer = read_one(bytes).ok()?;
    let around = outer.tag == Tag::SEQUENCE
        && (starts_object(outer.value, shape) || wrapper(outer.value, shape, levels).is_some());
    // What follows must be filler, or it was not around all of them.
    let after = bytes.get(outer.raw.len()..).unwrap_or_default();
    (around && filler(after) == after.len()).then_some(outer)
}

/// Whether an object starts here that is right through and through.
fn starts_object(bytes: &[u8], shape: Shape) -> bool {
    let Ok((tag, _)) = Tag::parse(bytes) else {
        return false;
    };
    (shape.tag)(tag)
        && read_one(bytes).is_ok_and(|tlv| (shape.content)(tlv.value) == Some(tlv.value.len()))
}

/// Whether an object begins here, whatever its length says.
fn begins_object(bytes: &[u8], shape: Shape) -> bool {
    Tag::parse(bytes).is_ok_and(|(tag, _)| (shape.tag)(tag))
        && header_len(bytes)
            .and_then(|header| bytes.get(header..))
            .is_some_and(|content| (shape.content)(content).is_some())
}

/// Whether the elements in `tlv` fill it exactly.
fn fits(tlv: &Tlv<'_>) -> bool {
    // A tag of 00 is filler that was taken in.
    tlv.children()
        .all(|child| child.is_ok_and(|child| child.tag.value() != 0))
}

/// How many bytes of `00` and `FF` filler `bytes` begin with.
pub(crate) fn filler(bytes: &[u8]) -> usize {
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

/// Whether the tags at the start of `bytes`, each in the value of the one before, are these.
pub(crate) fn nests(mut bytes: &[u8], tags: &[u8]) -> bool {
    for &tag in tags {
        if bytes.first() != Some(&tag) {
            return false;
        }
        let Some(inside) = header_len(bytes).and_then(|header| bytes.get(header..)) else {
            return false;
        };
        bytes = inside;
    }
    true
}
