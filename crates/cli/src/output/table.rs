//! Tables for people: columns as wide as their widest cell, headings in bold.

use std::fmt;

use anstyle::Style;

use super::{BOLD, printable};

/// One cell: text, and the style it is shown in.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// The same cell in a style.
    #[must_use]
    pub fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: printable(&text.into()).into_owned(),
            style: Style::new(),
        }
    }
}

/// Rows under headings.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
    indent: usize,
}

impl Table {
    /// A table with these headings.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        let headings = headings.map(|heading| Cell::from(heading).styled(BOLD));
        Self {
            rows: vec![headings.into()],
            indent: 0,
        }
    }

    /// A list without headings, for name and value.
    pub const fn plain() -> Self {
        Self {
            rows: Vec::new(),
            indent: 0,
        }
    }

    /// The same table, each line moved to the right.
    #[must_use]
    pub const fn indented(mut self, columns: usize) -> Self {
        self.indent = columns;
        self
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) -> &mut Self {
        self.rows.push(cells.into());
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
        for row in &self.rows {
            write!(f, "{:indent$}", "", indent = self.indent)?;
            // The last cell is not padded: no line ends in blanks.
            let last = row.iter().rposition(|cell| !cell.text.is_empty());
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if last.is_none_or(|last| index > last) {
                    break;
                }
                let style = cell.style;
                write!(f, "{style}{}{style:#}", cell.text)?;
                if Some(index) != last {
                    let padding = width.saturating_sub(cell.text.chars().count()) + 2;
                    write!(f, "{:padding$}", "")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_in_blanks() {
        let mut table = Table::new(["ID", "Name"]);
        table.row(["45".into(), "Åsa".into()]);
        table.row(["4".into(), Cell::default()]);
        let text = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(text, "ID  Name\n45  Åsa\n4\n");
    }
}
