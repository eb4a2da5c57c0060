//! What a card answered, as text.

use std::fmt;

use anstyle::Style;
use kortlab_explain::answer::Answer;
use kortlab_explain::dump::{BYTES_A_ROW, ascii, rows};

use crate::output::{DIM, SpacedHex};

/// Writes bytes in rows, filler folded.
pub fn write_rows(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for row in rows(bytes) {
        write!(f, "  {DIM}{:04X}{DIM:#}  ", row.offset)?;
        match row.folded() {
            Some(text) => {
                let last = row.offset + row.bytes.len() - 1;
                writeln!(f, "{text}, to {DIM}{last:04X}{DIM:#}")?;
            }
            None => {
                let width = BYTES_A_ROW * 3;
                let hex = SpacedHex(row.bytes).to_string();
                writeln!(f, "{hex:width$} {}", ascii(row.bytes))?;
            }
        }
    }
    Ok(())
}

/// Writes the answer, its status word in `style`.
pub fn write(f: &mut fmt::Formatter<'_>, answer: &Answer, style: Style) -> fmt::Result {
    write_rows(f, answer.data())?;
    let (status, meaning) = (answer.status(), answer.meaning());
    writeln!(f, "<- {style}{status}{style:#}  {meaning}")?;
    if let Some(file) = answer.file() {
        writeln!(f, "  {file}")?;
        for finding in file.findings() {
            let offset = finding.offset().unwrap_or_default();
            writeln!(f, "  finding: at byte {offset}: {}", finding.message())?;
        }
    }
    for object in answer.objects() {
        let indent = 2 + 2 * object.depth;
        let (tag, length, text) = (&object.tag, object.length, &object.text);
        writeln!(f, "{:indent$}{tag} ({length}){text}", "")?;
    }
    Ok(())
}
