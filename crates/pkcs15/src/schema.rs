//! What fields a SEQUENCE has, for those who read it and those who write it.

use kortlab_apdu::tlv::Tag;

/// For each field the tags it may have.
pub(crate) type Schema = &'static [&'static [u8]];

/// Whether a field that may have these tags may have this one.
pub(crate) fn has(tags: &[u8], tag: Tag) -> bool {
    tags.iter().any(|&one| u32::from(one) == tag.value())
}

/// One field that is being written.
pub(crate) enum Field {
    /// It is not there.
    Absent,
    /// It is there.
    Present(Vec<u8>),
    /// It has its DEFAULT value, which DER leaves out. It is written all the same where a
    /// superfluous element with its tag follows, which would be read in its place; but not behind
    /// an element that `Fields::read` would stop at before it comes to this one.
    Default(Vec<u8>),
}
