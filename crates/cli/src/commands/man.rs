//! `kortlab man`: manual pages, made from the same definitions as `--help`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;
use kortlab_terminal::new_file;

use super::Context;
use crate::args::Cli;
use crate::failure::{Exit, Failure};

/// Print a manual page, or write all of them into a directory
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab man | man -l -
  kortlab man cert write | man -l -
  kortlab man --dir ~/.local/share/man/man1")]
pub struct Arguments {
    /// The command the page is about; without it, the page of kortlab itself
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Write the pages of all commands into this directory, which is made if need be
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

/// Prints one page or writes all.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let mut root = Cli::command();
    root.build();
    if let Some(directory) = arguments.dir {
        fs::create_dir_all(&directory)
            .map_err(|error| Failure::file("make the directory", &directory, &error))?;
        write_pages(&root, "kortlab", &directory)?;
        return Ok(Exit::Done);
    }

    let mut command = &root;
    let mut title = String::from("kortlab");
    for name in &arguments.command {
        command = command.find_subcommand(name).ok_or_else(|| {
            Failure::usage(format!("{title} has no command {name}"))
                .hint(format!("`{title} --help` lists its commands"))
        })?;
        title.push(' ');
        title.push_str(command.get_name());
    }
    let page = page(command, &title.replace(' ', "-"))?;
    context.output.bytes(&page)?;
    Ok(Exit::Done)
}

fn write_pages(command: &clap::Command, name: &str, directory: &Path) -> Result<(), Failure> {
    let path = directory.join(format!("{name}.1"));
    new_file::write(&path, &page(command, name)?, true)?;
    for command in command.get_subcommands() {
        if command.get_name() != "help" {
            write_pages(
                command,
                &format!("{name}-{}", command.get_name()),
                directory,
            )?;
        }
    }
    Ok(())
}

/// One page: what clap knows, and the parts of the help's end as sections of their own.
fn page(command: &clap::Command, name: &str) -> Result<Vec<u8>, Failure> {
    let failed =
        |error: io::Error| Failure::failed(format!("cannot make the manual page: {error}"));
    let end = command.get_after_help().map(ToString::to_string);
    let sections = sections(&end.unwrap_or_default());
    // clap wants names that live as long as the program; a page is made once.
    let named = command
        .clone()
        .name(name.to_owned())
        // Help leaves some lists out for their length; here they are looked up.
        .mut_args(|argument| argument.hide_possible_values(false));
    let named_codes = sections.iter().any(|(title, _)| title == EXIT_STATUS);
    let has_commands = named.get_subcommands().next().is_some();
    let man = Man::new(named);
    let mut page = Vec::new();
    man.render_title(&mut page).map_err(failed)?;
    man.render_name_section(&mut page).map_err(failed)?;
    man.render_synopsis_section(&mut page).map_err(failed)?;
    man.render_description_section(&mut page).map_err(failed)?;
    man.render_options_section(&mut page).map_err(failed)?;
    if has_commands {
        man.render_subcommands_section(&mut page).map_err(failed)?;
    }
    for (title, text) in &sections {
        verbatim(&mut page, title, text);
    }
    if !named_codes {
        let root = Cli::command().get_after_help().map(ToString::to_string);
        let codes = self::sections(&root.unwrap_or_default())
            .into_iter()
            .find(|(title, _)| title == EXIT_STATUS);
        if let Some((title, text)) = codes {
            verbatim(&mut page, &title, &text);
        }
    }
    verbatim(&mut page, "ENVIRONMENT", ENVIRONMENT);
    man.render_version_section(&mut page).map_err(failed)?;
    Ok(page)
}

const EXIT_STATUS: &str = "EXIT STATUS";

const ENVIRONMENT: &str = "\
  KORTLAB_CARD    the card, where --card is not given
  KORTLAB_BUDGET  how much is read, where --budget is not given
  COLUMNS         how wide tables may be; else the terminal decides, and where
                  standard output is none, a table has one line a row
  NO_COLOR        if set to anything, no colours
  XDG_STATE_HOME  where changes of a card are noted down while they are under
                  way, in kortlab/transactions, its HCCs while a renewal has
                  none on it, in kortlab/renewals, and the history of
                  `kortlab shell`, in kortlab/history; else ~/.local/state";

/// The parts of the text at the end of a help: title and text. A part begins with a line that is
/// not moved to the right.
fn sections(end: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in end.lines() {
        let title = line.split_once(':').filter(|_| !line.starts_with(' '));
        match (title, sections.last_mut()) {
            (Some((title, rest)), _) => {
                let title = match title {
                    "Exit codes" => EXIT_STATUS.to_owned(),
                    title => title.to_uppercase(),
                };
                let rest = rest.trim();
                let text = match rest {
                    "" => String::new(),
                    rest => format!("  {rest}\n"),
                };
                sections.push((title, text));
            }
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    sections
}

/// A section whose lines stay as they are.
fn verbatim(page: &mut Vec<u8>, title: &str, text: &str) {
    let mut roff = format!(".SH {title}\n.nf\n");
    for line in text.trim_end().lines() {
        let line = line.strip_prefix("  ").unwrap_or(line);
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A full stop or an apostrophe at the start would be a request, and a quote in words that
        // are to be typed must stay one.
        let line = line.replace('\'', "\\(aq");
        if line.starts_with('.') {
            roff.push_str("\\&");
        }
        roff.push_str(&line);
        roff.push('\n');
    }
    roff.push_str(".fi\n");
    page.extend_from_slice(roff.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_help_becomes_sections_that_stay_as_they_are() {
        let end = "Examples:\n  kortlab a 'b'\n  .x\n\nExit codes: 0 done, 1 not.";
        let sections = sections(end);
        assert_eq!(sections[0].0, "EXAMPLES");
        assert_eq!(
            sections[1],
            ("EXIT STATUS".into(), "  0 done, 1 not.\n".into())
        );
        let mut page = Vec::new();
        verbatim(&mut page, &sections[0].0, &sections[0].1);
        let page = String::from_utf8(page).expect("text");
        assert_eq!(
            page,
            ".SH EXAMPLES\n.nf\nkortlab a \\(aqb\\(aq\n\\&.x\n.fi\n"
        );
    }
}
