//! Paths of files.

use core::fmt;
use core::str::FromStr;
use std::borrow::Cow;

use crate::fid::Fid;

/// A path: file identifiers one after the other (ISO/IEC 7816-4 §7.3.2), as a card or a person gives
/// it. It is absolute if it begins with `3F00`, and of the current DF if it begins with `3FFF`.
///
/// `Display` writes `3F00/5015/4403`. `FromStr` reads that, and the other forms in which people and
/// programs write a path: `3F0050154403`, `3F005015:4403`, in digits of either case.
///
/// The bytes of a card are kept as they are, also where they are no whole identifiers: such a path
/// is shown, and given back, but it names no file ([`FilePath::is_whole`]).
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(Cow<'static, [u8]>);

impl FilePath {
    /// The path that has no identifier, of nothing.
    pub const EMPTY: Self = Self(Cow::Borrowed(&[]));
    /// The master file, `3F00`.
    pub const MASTER_FILE: Self = Self(Cow::Borrowed(&[0x3F, 0x00]));
    /// EF.DIR, `3F00/2F00` (§8.2.1.1).
    pub const EF_DIR: Self = Self(Cow::Borrowed(&[0x3F, 0x00, 0x2F, 0x00]));
    /// The current DF, `3FFF`.
    pub const CURRENT_DF: Self = Self(Cow::Borrowed(&[0x3F, 0xFF]));

    /// The path of these bytes, two for each file.
    pub const fn of_static(bytes: &'static [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }

    /// The path as it goes over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it names nothing at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has two bytes for each file.
    pub fn is_whole(&self) -> bool {
        self.0.len().is_multiple_of(2)
    }

    /// Whether it begins at the MF, `3F00`.
    pub fn is_absolute(&self) -> bool {
        self.starts_with(&Self::MASTER_FILE)
    }

    /// The identifiers on the way, the file's own the last; half of one at the end is left out.
    pub fn fids(&self) -> impl DoubleEndedIterator<Item = Fid> + '_ {
        let (pairs, _) = self.0.as_chunks::<2>();
        pairs.iter().map(|pair| Fid::from(*pair))
    }

    /// The identifier of the file itself: the last one.
    pub fn fid(&self) -> Option<Fid> {
        Some(self.split_last()?.1)
    }

    /// The path of the DF and the identifier of the file in it; `None` if it names no file.
    pub fn split_last(&self) -> Option<(Self, Fid)> {
        let (directory, last) = self.0.split_last_chunk::<2>()?;
        let whole = self.is_whole().then(|| Self::from(directory));
        Some((whole?, Fid::from(*last)))
    }

    /// The path of the file `fid` in this DF.
    #[must_use]
    pub fn child(&self, fid: impl Into<Fid>) -> Self {
        [self.as_bytes(), &fid.into().bytes()].concat().into()
    }

    /// This path, and then `rest`.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        [self.as_bytes(), rest.as_bytes()].concat().into()
    }

    /// Whether it begins with all of `start`.
    pub fn starts_with(&self, start: &Self) -> bool {
        self.0.starts_with(&start.0)
    }

    /// Whether it ends with all of `end`.
    pub fn ends_with(&self, end: &Self) -> bool {
        self.0.ends_with(&end.0)
    }

    /// What follows `start`; `None` if it does not begin with that.
    pub fn strip_prefix(&self, start: &Self) -> Option<Self> {
        self.0.strip_prefix(start.as_bytes()).map(Self::from)
    }

    /// What follows `3F00`, which SELECT by path leaves out (§7.3.2); all of it if it does not begin
    /// there.
    pub fn below_master_file(&self) -> &[u8] {
        let start = Self::MASTER_FILE;
        self.0.strip_prefix(start.as_bytes()).unwrap_or(&self.0)
    }
}

impl From<Vec<u8>> for FilePath {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Cow::Owned(bytes))
    }
}

impl From<&[u8]> for FilePath {
    fn from(bytes: &[u8]) -> Self {
        Self(Cow::Owned(bytes.to_vec()))
    }
}

impl<const N: usize> From<[u8; N]> for FilePath {
    fn from(bytes: [u8; N]) -> Self {
        Self(Cow::Owned(bytes.to_vec()))
    }
}

impl FromIterator<Fid> for FilePath {
    fn from_iter<I: IntoIterator<Item = Fid>>(fids: I) -> Self {
        let bytes: Vec<u8> = fids.into_iter().flat_map(Fid::bytes).collect();
        bytes.into()
    }
}

impl From<Fid> for FilePath {
    fn from(fid: Fid) -> Self {
        fid.bytes().into()
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for file in self.0.chunks(2) {
            f.write_str(separator)?;
            for byte in file {
                write!(f, "{byte:02X}")?;
            }
            separator = "/";
        }
        Ok(())
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digits in a row: `3F0050154403`, as JSON has a path.
impl fmt::UpperHex for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// Text that is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a path: {part:?} is not four hexadecimal digits for each file, such as \
     3F00/5015/4403"
)]
pub struct NotAPath {
    text: String,
    part: String,
}

impl FromStr for FilePath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let mut bytes = Vec::with_capacity(text.len() / 2);
        for part in text.split(['/', ':']) {
            let whole = !part.is_empty() && part.len().is_multiple_of(4);
            let decoded = whole.then(|| hex::decode(part).ok()).flatten();
            bytes.extend(decoded.ok_or_else(|| NotAPath {
                text: text.to_owned(),
                part: part.to_owned(),
            })?);
        }
        Ok(bytes.into())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for FilePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:X}"))
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for FilePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = hex::decode(text).map_err(serde::de::Error::custom)?;
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_in_every_form_in_which_people_write_it() {
        let cdf = FilePath::from([0x3F, 0x00, 0x50, 0x15, 0x44, 0x03]);
        let forms = [
            "3F00/5015/4403",
            "3f0050154403",
            "3F005015:4403",
            "3F00:5015:4403",
        ];
        for text in forms {
            assert_eq!(text.parse(), Ok(cdf.clone()), "{text}");
        }
        assert_eq!(cdf.to_string(), "3F00/5015/4403");
        assert_eq!(format!("{cdf:X}"), "3F0050154403");
        assert_eq!(cdf.fid(), Some(Fid(0x4403)));
        let df = FilePath::MASTER_FILE.child(0x5015);
        assert_eq!(cdf.split_last(), Some((df, Fid(0x4403))));
    }

    #[test]
    fn text_that_is_no_path_is_refused_with_the_part_at_fault() {
        for (text, part) in [
            ("", ""),
            ("/3F00", ""),
            ("3F00/", ""),
            ("3F00/50", "50"),
            ("3F00/501G", "501G"),
            ("3F00 5015", "3F00 5015"),
            ("+F00", "+F00"),
        ] {
            let error = text.parse::<FilePath>().expect_err(text).to_string();
            assert!(error.contains(&format!("{part:?} is not")), "{error}");
        }
    }

    #[test]
    fn half_an_identifier_is_kept_and_shown_and_names_no_file() {
        let odd = FilePath::from([0x3F, 0x00, 0x50]);
        assert!(odd.is_absolute() && !odd.is_whole());
        assert_eq!(odd.to_string(), "3F00/50");
        assert_eq!(odd.as_bytes(), [0x3F, 0x00, 0x50]);
        assert_eq!((odd.fid(), odd.split_last()), (None, None));
        assert_eq!(odd.fids().collect::<Vec<_>>(), [Fid::MASTER_FILE]);
    }

    #[test]
    fn paths_are_put_together_and_taken_apart_at_whole_files() {
        let df = FilePath::MASTER_FILE.child(0x5015);
        let rest = FilePath::from(Fid(0x4403));
        assert_eq!(df.join(&rest), df.child(0x4403));
        assert_eq!(df.join(&rest).strip_prefix(&df), Some(rest.clone()));
        assert_eq!(rest.strip_prefix(&df), None);
        assert_eq!(df.below_master_file(), [0x50, 0x15]);
        assert_eq!(rest.below_master_file(), [0x44, 0x03]);
        assert!(FilePath::EMPTY.is_empty() && FilePath::default().is_empty());
    }
}
