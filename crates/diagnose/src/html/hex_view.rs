//! Bytes as rows, those of a finding marked.

use core::fmt::{self, Write as _};

use kortlab_explain::dump::{BYTES_A_ROW, ascii};

use super::escape::Escaped;
use crate::finding::Marked;

/// How many rows are shown before and behind those of the finding.
const AROUND: usize = 2;

/// Writes the rows around the bytes of finding `number`.
pub(super) fn write(page: &mut String, number: usize, bytes: &Marked) -> fmt::Result {
    let (start, end) = (bytes.span.offset, bytes.span.end());
    let first = (start / BYTES_A_ROW).saturating_sub(AROUND);
    let last = end.saturating_sub(1) / BYTES_A_ROW + AROUND;
    writeln!(
        page,
        "<figure>\n<figcaption>Bytes {start} to {} of {}, marked</figcaption>\n<pre tabindex=\"0\" \
         role=\"region\" aria-label=\"Bytes of finding {number}\">",
        end.saturating_sub(1),
        bytes.all.len()
    )?;
    let rows = bytes.all.chunks(BYTES_A_ROW).enumerate();
    for (row, chunk) in rows.skip(first).take(last - first + 1) {
        let offset = row * BYTES_A_ROW;
        write!(page, "{offset:04X} ")?;
        let mut marking = false;
        for (index, byte) in chunk.iter().enumerate() {
            let is_marked = (start..end).contains(&(offset + index));
            if is_marked != marking {
                page.push_str(if is_marked { " <mark>" } else { "</mark> " });
            } else {
                page.push(' ');
            }
            marking = is_marked;
            write!(page, "{byte:02X}")?;
        }
        if marking {
            page.push_str("</mark>");
        }
        let blank = 3 * (BYTES_A_ROW - chunk.len());
        writeln!(page, "{:blank$}  {}", "", Escaped(&ascii(chunk)))?;
    }
    page.push_str("</pre>\n</figure>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_explain::Span;

    fn shown(all: Vec<u8>, span: Span) -> String {
        let mut page = String::new();
        write(&mut page, 1, &Marked { all, span }).expect("written");
        page
    }

    #[test]
    fn the_bytes_of_a_finding_are_marked_across_rows_and_no_others() {
        let page = shown((0..=0xFF).collect(), Span::new(0x4E, 4));
        assert!(page.contains("0040  40 41"), "{page}");
        assert!(page.contains("4C 4D <mark>4E 4F</mark>"), "{page}");
        assert!(page.contains("0050  <mark>50 51</mark> 52"), "{page}");
        assert_eq!(
            page.matches("<mark>").count(),
            page.matches("</mark>").count()
        );
        // Two rows around those two.
        assert_eq!(page.lines().filter(|line| line.contains("  ")).count(), 6);
        let marked: Vec<_> = page
            .split("<mark>")
            .skip(1)
            .map(|rest| &rest[..5])
            .collect();
        assert_eq!(marked, ["4E 4F", "50 51"]);
    }

    #[test]
    fn text_beside_the_bytes_is_no_markup() {
        let page = shown(b"<script>&".to_vec(), Span::new(0, 1));
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("&lt;script&gt;&amp;"), "{page}");
    }
}
