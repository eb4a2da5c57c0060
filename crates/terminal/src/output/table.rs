//! Tables for people: columns as wide as their widest cell, headings in bold. Where that is wider
//! than the terminal, each row is a block of its own, one line a column, and no word is broken.

use std::fmt;

use anstyle::Style;

use super::columns::columns_of;
use super::width::{self, words_within};
use super::{BOLD, DIM, printable};

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

    fn width(&self) -> usize {
        columns_of(&self.text)
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
    headings: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
    columns: Option<Option<usize>>,
    /// What is said in the place of headings with nothing under them.
    instead: Option<&'static str>,
}

impl Table {
    /// A table with these headings. A column without one stands in front of what tells the rows
    /// apart.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self {
            headings: headings
                .map(|heading| Cell::from(heading).styled(BOLD))
                .into(),
            ..Self::plain()
        }
    }

    /// A list without headings, for name and value.
    pub const fn plain() -> Self {
        Self {
            headings: Vec::new(),
            rows: Vec::new(),
            indent: 0,
            columns: None,
            instead: None,
        }
    }

    /// The same table, each line moved to the right.
    #[must_use]
    pub const fn indented(mut self, columns: usize) -> Self {
        self.indent = columns;
        self
    }

    /// The same table for so many columns, or for as many as it likes; else it is standard output
    /// that decides.
    #[must_use]
    pub const fn within(mut self, columns: Option<usize>) -> Self {
        self.columns = Some(columns);
        self
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) -> &mut Self {
        self.rows.push(cells.into());
        self
    }

    /// Headings, if there are any, and rows.
    fn lines(&self) -> impl Iterator<Item = &Vec<Cell>> {
        let headings = Some(&self.headings).filter(|headings| !headings.is_empty());
        headings.into_iter().chain(&self.rows)
    }

    /// The same table, which says this where it has no rows.
    #[must_use]
    pub const fn or(mut self, text: &'static str) -> Self {
        self.instead = Some(text);
        self
    }

    /// How wide each column is.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in self.lines() {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }

    fn fits(&self, widths: &[usize], columns: usize) -> bool {
        self.lines().all(|row| {
            let last = row.iter().rposition(|cell| !cell.text.is_empty());
            let before: usize = widths.iter().take(last.unwrap_or(0)).map(|w| w + 2).sum();
            let last = last.and_then(|last| row.get(last)).map_or(0, Cell::width);
            self.indent + before + last <= columns
        })
    }

    fn in_columns(&self, f: &mut fmt::Formatter<'_>, widths: &[usize]) -> fmt::Result {
        for row in self.lines() {
            write!(f, "{:indent$}", "", indent = self.indent)?;
            // The last cell is not padded: no line ends in blanks.
            let last = row.iter().rposition(|cell| !cell.text.is_empty());
            for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
                if last.is_none_or(|last| index > last) {
                    break;
                }
                let style = cell.style;
                write!(f, "{style}{}{style:#}", cell.text)?;
                if Some(index) != last {
                    let padding = width.saturating_sub(cell.width()) + 2;
                    write!(f, "{:padding$}", "")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }

    /// One block a row: what tells it apart, then a line for each other column that has something.
    fn in_blocks(&self, f: &mut fmt::Formatter<'_>, columns: usize) -> fmt::Result {
        let title = self
            .headings
            .iter()
            .position(|heading| !heading.text.is_empty())
            .unwrap_or(0);
        let beside = self.headings.iter().skip(title + 1);
        let beside = beside.map(Cell::width).max().unwrap_or(0);
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let indent = self.indent;
            write!(f, "{:indent$}", "")?;
            let mut parts = Vec::new();
            for (cell, heading) in row.iter().zip(&self.headings).take(title + 1) {
                let style = cell.style;
                // Beside a mark it goes without saying what it is.
                let heading = match heading.text.as_str() {
                    text if title == 0 => format!("{DIM}{text}{DIM:#} "),
                    _ => String::new(),
                };
                if !cell.text.is_empty() {
                    parts.push(format!("{heading}{style}{}{style:#}", cell.text));
                }
            }
            writeln!(f, "{}", parts.join("  "))?;
            for (cell, heading) in row.iter().zip(&self.headings).skip(title + 1) {
                if !cell.text.is_empty() {
                    let name = heading.clone().styled(DIM);
                    pair(f, indent + 2, &name, beside, cell, columns)?;
                }
            }
        }
        Ok(())
    }

    /// Name and value, the value on as many lines as it takes.
    fn in_pairs(&self, f: &mut fmt::Formatter<'_>, columns: usize) -> fmt::Result {
        let beside = self.widths().first().copied().unwrap_or(0);
        for row in &self.rows {
            if let [name, value] = row.as_slice() {
                pair(f, self.indent, name, beside, value, columns)?;
            }
        }
        Ok(())
    }
}

/// A name and a value beside it, within so many columns.
fn pair(
    f: &mut fmt::Formatter<'_>,
    indent: usize,
    name: &Cell,
    beside: usize,
    value: &Cell,
    columns: usize,
) -> fmt::Result {
    let start = indent + beside + 2;
    let (named, style) = (name.style, value.style);
    let padding = beside.saturating_sub(name.width()) + 2;
    write!(
        f,
        "{:indent$}{named}{}{named:#}{:padding$}",
        "", name.text, ""
    )?;
    let room = columns.saturating_sub(start).max(1);
    for (index, line) in words_within(&value.text, room).iter().enumerate() {
        if index > 0 {
            write!(f, "{:start$}", "")?;
        }
        writeln!(f, "{style}{line}{style:#}")?;
    }
    Ok(())
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.instead.filter(|_| self.rows.is_empty()) {
            return writeln!(f, "{text}");
        }
        let widths = self.widths();
        let columns = self.columns.unwrap_or_else(width::of_standard_output);
        match columns.filter(|&columns| !self.fits(&widths, columns)) {
            None => self.in_columns(f, &widths),
            Some(columns) if self.headings.is_empty() => self.in_pairs(f, columns),
            Some(columns) => self.in_blocks(f, columns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(table: &Table) -> String {
        anstream::adapter::strip_str(&table.to_string()).to_string()
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_blanks() {
        let mut table = Table::new(["ID", "Name"]).within(None);
        table.row(["45".into(), "Åsa".into()]);
        table.row(["4".into(), Cell::default()]);
        assert_eq!(text(&table), "ID  Name\n45  Åsa\n4\n");
    }

    #[test]
    fn a_table_that_is_too_wide_is_one_block_a_row_and_no_word_is_broken() {
        let mut table = Table::new(["", "ID", "Holder", "State"]);
        table.row([
            "● blue".into(),
            "4331".into(),
            "Åsa Ödmjuk von Övningsfält".into(),
            "valid".into(),
        ]);
        table.row([
            "● pink".into(),
            "4333".into(),
            Cell::default(),
            "expired".into(),
        ]);
        let wide = "        ID    Holder                      State\n\
                    ● blue  4331  Åsa Ödmjuk von Övningsfält  valid\n\
                    ● pink  4333                              expired\n";
        assert_eq!(text(&table.clone().within(Some(49))), wide);
        let narrow = "● blue  4331\n  \
                      Holder  Åsa Ödmjuk von\n          \
                      Övningsfält\n  \
                      State   valid\n\n\
                      ● pink  4333\n  \
                      State   expired\n";
        assert_eq!(text(&table.within(Some(25))), narrow);
    }

    #[test]
    fn names_and_values_go_on_below_the_value() {
        let mut table = Table::plain().indented(2).within(Some(24));
        table.row(["State".into(), "valid".into()]);
        table.row(["ATR".into(), "3B 7D 96 00 00 80 31 80".into()]);
        assert_eq!(
            text(&table),
            "  State  valid\n  ATR    3B 7D 96 00 00\n         80 31 80\n"
        );
    }
}
