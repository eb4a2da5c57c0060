//! `kortlab man`: manual pages, made from the same definitions as `--help`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

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
    fs::write(&path, page(command, name)?)
        .map_err(|error| Failure::file("write", &path, &error))?;
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

fn page(command: &clap::Command, name: &str) -> Result<Vec<u8>, Failure> {
    // clap wants names that live as long as the program; a page is made once.
    let named = command.clone().name(name.to_owned());
    let mut page = Vec::new();
    Man::new(named)
        .render(&mut page)
        .map_err(|error| Failure::failed(format!("cannot make the manual page: {error}")))?;
    Ok(page)
}
