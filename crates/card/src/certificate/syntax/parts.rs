//! The elements that an element holds, taken one after the other: [`Parts`].

use kortlab_apdu::ByteCount;
use kortlab_apdu::tlv::{Reader, Tag, Tlv};

use crate::certificate::fault::Faults;

/// The elements of a SEQUENCE, taken one after the other.
pub(crate) struct Parts<'a> {
    what: &'static str,
    elements: Vec<Tlv<'a>>,
    next: usize,
    end: usize,
}

impl<'a> Parts<'a> {
    /// What cannot be read of it is told by [`der_rules::check`] already.
    pub(crate) fn of(what: &'static str, outer: &Tlv<'a>, faults: &mut Faults) -> Self {
        if !outer.tag.is_constructed() {
            faults.error(
                outer.offset,
                format_args!("{what} is not what must be here"),
            );
        }
        Self {
            what,
            elements: outer.children().map_while(Result::ok).collect(),
            next: 0,
            end: outer.value_offset() + outer.value.len(),
        }
    }

    /// The next element, if it has this tag.
    pub(crate) fn take(&mut self, tag: Tag) -> Option<Tlv<'a>> {
        let element = *self.elements.get(self.next)?;
        if element.tag != tag {
            return None;
        }
        self.next += 1;
        Some(element)
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Option<Tlv<'a>> {
        let element = *self.elements.get(self.next)?;
        self.next += 1;
        Some(element)
    }

    /// The next element, which must have this tag.
    pub(crate) fn need(&mut self, tag: Tag, name: &str, faults: &mut Faults) -> Option<Tlv<'a>> {
        let element = self.take(tag);
        if element.is_none() {
            let at = self.elements.get(self.next);
            faults.error(
                at.map_or(self.end, |element| element.offset),
                format_args!("{}: {name} is not where it must be", self.what),
            );
        }
        element
    }

    /// There must be no more.
    pub(crate) fn end(self, faults: &mut Faults) {
        if let Some(element) = self.elements.get(self.next) {
            let message = format_args!("{} has an element too many", self.what);
            faults.error(element.offset, message);
        }
    }
}

/// The one element with this tag that `bytes` must be.
pub(super) fn inner<'a>(
    what: &str,
    tag: Tag,
    bytes: &'a [u8],
    base: usize,
    faults: &mut Faults,
) -> Option<Tlv<'a>> {
    let mut elements = Reader::new(bytes).at(base);
    let first = elements.next().and_then(Result::ok);
    let Some(element) = first.filter(|element| element.tag == tag) else {
        faults.error(base, format_args!("this is not {what}"));
        return None;
    };
    let more = elements.rest().len();
    if more > 0 {
        faults.error(
            elements.offset(),
            format_args!("{} behind {what}", ByteCount(more)),
        );
    }
    Some(element)
}

/// The list must have an element.
pub(super) fn not_empty(what: &str, list: &Tlv<'_>, faults: &mut Faults) {
    if list.value.is_empty() {
        faults.error(list.offset, format_args!("{what} is empty"));
    }
}

/// All elements of the list must have this tag.
pub(super) fn all_are(what: &str, tag: Tag, list: &Tlv<'_>, faults: &mut Faults) {
    for element in list.children().map_while(Result::ok) {
        if element.tag != tag {
            let message = format_args!("{what} has an element that does not belong there");
            faults.error(element.offset, message);
        }
    }
}
