//! Bytes as rows, filler folded.

/// How many bytes are shown a row.
pub const BYTES_A_ROW: usize = 16;

/// One row of a dump: some bytes, or many of filler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Where it starts.
    pub offset: usize,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl Row<'_> {
    /// `FF, 176 times`, if it stands for more rows than one.
    pub fn folded(&self) -> Option<String> {
        filler(self.bytes).filter(|_| self.bytes.len() > BYTES_A_ROW)
    }
}

/// The rows of a dump; rows of nothing but the same filler are one.
pub fn rows(bytes: &[u8]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (index, chunk) in bytes.chunks(BYTES_A_ROW).enumerate() {
        let offset = index * BYTES_A_ROW;
        if let Some(last) = rows.last_mut()
            && is_same_filler(last.bytes, chunk)
            && let Some(joined) = bytes.get(last.offset..offset + chunk.len())
        {
            last.bytes = joined;
            continue;
        }
        rows.push(Row {
            offset,
            bytes: chunk,
        });
    }
    rows
}

/// Whether a row goes on with the next 16 bytes. What is one row already need not be looked
/// through again.
fn is_same_filler(row: &[u8], next: &[u8]) -> bool {
    let is_filler = row.len() > BYTES_A_ROW || filler(row).is_some();
    is_filler && filler(next).is_some() && row.first() == next.first()
}

/// `FF, 176 times`, if the bytes are one byte of filler again and again.
pub fn filler(bytes: &[u8]) -> Option<String> {
    let first = bytes.first().filter(|byte| matches!(byte, 0x00 | 0xFF))?;
    let same = bytes.iter().all(|byte| byte == first);
    same.then(|| format!("{first:02X}, {} times", bytes.len()))
}

/// Printable ASCII, everything else as dots: nothing from a card reaches the terminal as it is.
pub fn ascii(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| {
            if (0x20..0x7F).contains(&byte) {
                char::from(byte)
            } else {
                '.'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<(usize, usize)> {
        let rows = rows(bytes);
        rows.iter()
            .map(|row| (row.offset, row.bytes.len()))
            .collect()
    }

    #[test]
    fn filler_is_one_line_however_long_and_what_is_between_is_not_lost() {
        let mut bytes = vec![0xAA; 20];
        bytes.resize(200, 0xFF);
        bytes.push(0x30);
        bytes.resize(260, 0x00);
        // 20 bytes and their neighbours, FF from 0020, the line with 30, 00 to the end.
        let expected = [(0, 16), (16, 16), (32, 160), (192, 16), (208, 52)];
        assert_eq!(lines(&bytes), expected);
        assert_eq!(lines(&bytes).iter().map(|line| line.1).sum::<usize>(), 260);
        assert_eq!(lines(&[0xFF; 255]), [(0, 255)]);
        assert_eq!(lines(&[0x00; 16]), [(0, 16)]);
        // 00 and FF are not the same filler.
        let both = [[0x00; 32], [0xFF; 32]].concat();
        assert_eq!(lines(&both), [(0, 32), (32, 32)]);
        assert_eq!(lines(&[]), []);
        assert_eq!(filler(&[0x41; 99]), None);
    }
}
