//! Building BER-TLV with minimal (DER) lengths.

use super::Tag;

/// One data object: `tag`, the minimal length, `value`.
pub fn object(tag: impl Into<Tag>, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 8);
    push_header(&mut out, tag.into(), value.len());
    out.extend_from_slice(value);
    out
}

/// The tag and the length of a data object whose value has `length` bytes; the length is in the shortest
/// form (ISO/IEC 7816-4 §6.3).
pub fn header(tag: impl Into<Tag>, length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    push_header(&mut out, tag.into(), length);
    out
}

/// Builds a sequence of data objects.
///
/// ```
/// use kortlab_apdu::tlv::Builder;
/// let fcp = Builder::new()
///     .constructed(0x62, |fcp| fcp.primitive(0x80, &[0x01, 0x00]).primitive(0x82, &[0x01]))
///     .finish();
/// assert_eq!(fcp, [0x62, 0x07, 0x80, 0x02, 0x01, 0x00, 0x82, 0x01, 0x01]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    out: Vec<u8>,
}

impl Builder {
    /// An empty builder.
    pub const fn new() -> Self {
        Self { out: Vec::new() }
    }

    /// Appends a data object with this value.
    #[must_use]
    pub fn primitive(mut self, tag: impl Into<Tag>, value: &[u8]) -> Self {
        push_header(&mut self.out, tag.into(), value.len());
        self.out.extend_from_slice(value);
        self
    }

    /// Appends a constructed data object whose value `inner` builds.
    #[must_use]
    pub fn constructed(self, tag: impl Into<Tag>, inner: impl FnOnce(Builder) -> Builder) -> Self {
        let value = inner(Builder::new()).finish();
        self.primitive(tag, &value)
    }

    /// Appends bytes that are complete data objects already.
    #[must_use]
    pub fn raw(mut self, objects: &[u8]) -> Self {
        self.out.extend_from_slice(objects);
        self
    }

    /// Appends what `more` appends if there is a value, else nothing.
    #[must_use]
    pub fn maybe<T>(self, value: Option<T>, more: impl FnOnce(Builder, T) -> Builder) -> Self {
        match value {
            Some(value) => more(self, value),
            None => self,
        }
    }

    /// The bytes built.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

fn push_header(out: &mut Vec<u8>, tag: Tag, length: usize) {
    tag.write(out);
    if length < 0x80 {
        out.push(length as u8);
        return;
    }
    let bytes = length.to_be_bytes();
    let skip = bytes.iter().take_while(|&&byte| byte == 0).count();
    let significant = bytes.get(skip..).unwrap_or_default();
    out.push(0x80 | significant.len() as u8);
    out.extend_from_slice(significant);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::read_one;

    #[test]
    fn lengths_are_minimal_at_every_boundary() {
        for (length, header) in [(0, 2), (127, 2), (128, 3), (255, 3), (256, 4), (65_536, 5)] {
            let built = object(Tag::OCTET_STRING, &vec![0; length]);
            assert_eq!(built.len(), header + length);
            let read = read_one(&built).expect("what was built");
            assert_eq!(read.value.len(), length);
            assert!(read.minimal_length);
        }
    }
}
