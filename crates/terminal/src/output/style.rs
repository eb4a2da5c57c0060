//! The few colours there are. Blue and pink are the ones the card holder's guide speaks of.

use anstyle::{AnsiColor, Color, RgbColor, Style};

/// Carrier certificates, and what belongs to them.
pub const BLUE: Style = colour(Color::Ansi(AnsiColor::BrightBlue)).bold();
/// HCC certificates. ANSI has no pink of its own.
pub const PINK: Style = colour(Color::Rgb(RgbColor(0xFF, 0x69, 0xB4))).bold();
/// What is as it should be.
pub const GOOD: Style = colour(Color::Ansi(AnsiColor::Green));
/// What needs attention.
pub const WARNING: Style = colour(Color::Ansi(AnsiColor::Yellow)).bold();
/// What failed.
pub const ERROR: Style = colour(Color::Ansi(AnsiColor::Red)).bold();
/// What to do next.
pub const HINT: Style = colour(Color::Ansi(AnsiColor::Cyan)).bold();
/// Headings.
pub const BOLD: Style = Style::new().bold();
/// What one may skip.
pub const DIM: Style = Style::new().dimmed();

const fn colour(colour: Color) -> Style {
    Style::new().fg_color(Some(colour))
}
