//! BER made DER (X.690): PKCS#12 files may have lengths without a number and strings in pieces, as
//! Mozilla's NSS writes them.

use zeroize::Zeroizing;

use crate::CredentialError;

/// How deep values may lie in each other.
const DEPTH: usize = 24;
/// The class bits and the bit for "constructed" of an identifier octet.
const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING: u8 = 0x04;
/// What a definite length may take more than an indefinite one.
const HEADER: usize = 16;

/// The same value with definite, shortest lengths and each OCTET STRING in one piece. DER stays as
/// it is.
///
/// # Errors
/// It is not one value of BER.
pub(crate) fn to_der(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let mut reader = Reader { bytes, position: 0 };
    // Room at once, so that growth leaves no copy of a key behind.
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() + HEADER));
    reader.value(&mut out, 0)?;
    if reader.position != bytes.len() {
        return Err(reader.error("something follows its end"));
    }
    Ok(out)
}

/// The contents of the OCTET STRINGs in a row, DER.
pub(crate) fn joined(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let mut reader = Reader { bytes, position: 0 };
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len()));
    while reader.position < bytes.len() {
        let (tag, length) = reader.header()?;
        match (tag, length) {
            ([OCTET_STRING], Some(length)) => out.extend(reader.take(length)?),
            _ => return Err(reader.error("a piece of a string is no OCTET STRING")),
        }
    }
    Ok(out)
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Copies the value here. Each byte is copied once a level, and levels are few.
    fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), CredentialError> {
        if depth == DEPTH {
            return Err(self.error("values lie too deep in each other"));
        }
        let (tag, length) = self.header()?;
        let is_constructed = tag.first().is_some_and(|first| first & CONSTRUCTED != 0);
        if !is_constructed {
            let length = length.ok_or_else(|| self.error("a length is missing"))?;
            let contents = self.take(length)?;
            write(out, tag, contents);
            return Ok(());
        }
        let rest = self.bytes.len().saturating_sub(self.position) + HEADER;
        let mut contents = Zeroizing::new(Vec::with_capacity(length.unwrap_or(rest).min(rest)));
        match length {
            Some(length) => {
                let end = self
                    .position
                    .checked_add(length)
                    .filter(|end| *end <= self.bytes.len())
                    .ok_or_else(|| self.error("it ends too early"))?;
                while self.position < end {
                    self.value(&mut contents, depth + 1)?;
                }
                if self.position != end {
                    return Err(self.error("a value is longer than what it is in"));
                }
            }
            None => {
                while self
                    .bytes
                    .get(self.position..)
                    .is_some_and(|rest| !rest.starts_with(&[0, 0]))
                {
                    self.value(&mut contents, depth + 1)?;
                }
                self.take(2)?;
            }
        }
        if tag == [OCTET_STRING | CONSTRUCTED] {
            write(out, &[OCTET_STRING], &joined(&contents)?);
        } else {
            write(out, tag, &contents);
        }
        Ok(())
    }

    /// Identifier octets, and the length if there is one.
    fn header(&mut self) -> Result<(&'a [u8], Option<usize>), CredentialError> {
        let start = self.position;
        let first = self.byte()?;
        if first & 0x1F == 0x1F {
            while self.byte()? & 0x80 != 0 {
                if self.position - start > 4 {
                    return Err(self.error("a tag is too long"));
                }
            }
        }
        let tag = self.bytes.get(start..self.position).unwrap_or_default();
        let length = match self.byte()? {
            0x80 => None,
            short @ 0..0x80 => Some(usize::from(short)),
            long => {
                let mut length = 0_usize;
                for byte in self.take(usize::from(long & 0x7F))? {
                    length = length
                        .checked_mul(256)
                        .and_then(|length| length.checked_add(usize::from(*byte)))
                        .ok_or_else(|| self.error("a length is too great"))?;
                }
                Some(length)
            }
        };
        Ok((tag, length))
    }

    fn byte(&mut self) -> Result<u8, CredentialError> {
        match self.take(1)? {
            [byte] => Ok(*byte),
            _ => Err(self.error("it ends too early")),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CredentialError> {
        let taken = self
            .bytes
            .get(self.position..)
            .and_then(|rest| rest.get(..length))
            .ok_or_else(|| self.error("it ends too early"))?;
        self.position += length;
        Ok(taken)
    }

    fn error(&self, why: &str) -> CredentialError {
        CredentialError::Malformed {
            what: "the file",
            why: format!("{why}, at byte {}", self.position),
        }
    }
}

fn write(out: &mut Vec<u8>, tag: &[u8], contents: &[u8]) {
    out.extend(tag);
    let length = contents.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
        let digits = bytes.get(first..).unwrap_or_default();
        out.push(0x80 | digits.len() as u8);
        out.extend(digits);
    }
    out.extend(contents);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indefinite_lengths_and_strings_in_pieces_become_der() {
        let ber = [
            0x30, 0x80, // SEQUENCE without a length
            0x24, 0x80, 0x04, 0x01, 0xAA, 0x04, 0x02, 0xBB, 0xCC, 0x00, 0x00, // in pieces
            0x02, 0x81, 0x01, 0x05, // a length in more bytes than it needs
            0x00, 0x00,
        ];
        let der = [0x30, 0x08, 0x04, 0x03, 0xAA, 0xBB, 0xCC, 0x02, 0x01, 0x05];
        assert_eq!(*to_der(&ber).expect("DER"), der);
        assert_eq!(*to_der(&der).expect("DER"), der);
    }

    #[test]
    fn what_is_cut_off_too_deep_or_too_long_is_refused() {
        let whole = [0x30, 0x06, 0x02, 0x01, 0x05, 0x04, 0x01, 0xAA];
        for end in 0..whole.len() {
            assert!(to_der(&whole[..end]).is_err(), "{end}");
        }
        assert!(to_der(&[0x30, 0x80].repeat(10_000)).is_err());
        assert!(to_der(&[0x04, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
        assert!(to_der(&[0x30, 0x02, 0x04, 0x05]).is_err());
        assert!(to_der(&[0x05, 0x00, 0x00]).is_err());
        assert!(to_der(&[0x24, 0x03, 0x02, 0x01, 0x05]).is_err());
    }
}
