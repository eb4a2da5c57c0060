//! OBJECT IDENTIFIERs (X.690 §8.19).

use core::fmt;
use core::str::FromStr;

use crate::error::EncodeError;

/// The most content bytes of an OBJECT IDENTIFIER that are read.
const MAX_LEN: usize = 128;

/// An OBJECT IDENTIFIER. `Display` and `FromStr` use the dotted form.
///
/// ```
/// use kortlab_pkcs15::Oid;
/// let oid: Oid = "1.2.752.34.2.1".parse()?;
/// assert_eq!(oid.content(), [0x2A, 0x85, 0x70, 0x22, 0x02, 0x01]);
/// assert_eq!(oid.to_string(), "1.2.752.34.2.1");
/// # Ok::<(), kortlab_pkcs15::EncodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    content: Vec<u8>,
}

impl Oid {
    /// The OBJECT IDENTIFIER with this content (without tag and length), if it is one: whole
    /// arcs of at most 64 bits in their shortest form.
    pub fn from_content(content: &[u8]) -> Option<Self> {
        arcs(content)?;
        Some(Self {
            content: content.to_vec(),
        })
    }

    /// The content bytes, without tag and length.
    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for arc in arcs(&self.content).unwrap_or_default() {
            write!(f, "{separator}{arc}")?;
            separator = ".";
        }
        Ok(())
    }
}

impl FromStr for Oid {
    type Err = EncodeError;

    fn from_str(text: &str) -> Result<Self, EncodeError> {
        let refuse = || EncodeError::value("OBJECT IDENTIFIER", format!("{text:?} is not one"));
        let arcs: Vec<u64> = text
            .split('.')
            .map(|arc| arc.parse().map_err(|_| refuse()))
            .collect::<Result<_, _>>()?;
        let [first, second, rest @ ..] = arcs.as_slice() else {
            return Err(refuse());
        };
        if *first > 2 || (*first < 2 && *second > 39) {
            return Err(refuse());
        }
        let head = (first * 40).checked_add(*second).ok_or_else(refuse)?;
        let mut content = Vec::new();
        for arc in core::iter::once(&head).chain(rest) {
            push_arc(&mut content, *arc);
        }
        Self::from_content(&content).ok_or_else(refuse)
    }
}

fn arcs(content: &[u8]) -> Option<Vec<u64>> {
    if content.is_empty() || content.len() > MAX_LEN {
        return None;
    }
    let mut arcs = Vec::new();
    let mut arc = None;
    for &byte in content {
        if arc.is_none() && byte == 0x80 {
            return None;
        }
        let so_far = arc.unwrap_or(0_u64);
        if so_far >> 57 != 0 {
            return None;
        }
        let value = so_far << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 != 0 {
            arc = Some(value);
            continue;
        }
        arc = None;
        if arcs.is_empty() {
            let first = (value / 40).min(2);
            arcs.push(first);
            arcs.push(value - first * 40);
        } else {
            arcs.push(value);
        }
    }
    arc.is_none().then_some(arcs)
}

fn push_arc(content: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        content.push((arc >> (7 * group)) as u8 & 0x7F | more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_an_oid_is_refused() {
        for content in ["", "80", "8001", "2A80", "2AFFFFFFFFFFFFFFFFFFFF7F"] {
            let content = hex::decode(content).expect("hex");
            assert_eq!(Oid::from_content(&content), None, "{content:02X?}");
        }
        for text in [
            "",
            "1",
            "3.1",
            "1.40",
            "1..2",
            "1.2.x",
            "2.18446744073709551615",
        ] {
            assert!(text.parse::<Oid>().is_err(), "{text}");
        }
        assert_eq!("2.999".parse::<Oid>().expect("valid").to_string(), "2.999");
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_der_crate_reads(content in proptest::collection::vec(any::<u8>(), 1..12)) {
            let theirs = der::oid::ObjectIdentifier::from_bytes(&content).map(|oid| oid.to_string());
            if let (Some(ours), Ok(theirs)) = (Oid::from_content(&content), theirs) {
                prop_assert_eq!(ours.to_string(), theirs);
            }
        }

        #[test]
        fn dotted_and_binary_form_agree(content in proptest::collection::vec(any::<u8>(), 1..12)) {
            if let Some(oid) = Oid::from_content(&content) {
                prop_assert_eq!(oid.to_string().parse::<Oid>().expect("dotted"), oid);
            }
        }
    }
}
