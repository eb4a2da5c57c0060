//! `kortlab card unpack`: the card of a bundle, as an image that plays.

use std::path::PathBuf;

use clap::Args;
use kortlab_diagnose::bundle::image_of;
use kortlab_terminal::new_file::write_image;

use super::new::check_place;
use crate::commands::{Context, Done};
use crate::failure::{Exit, Failure};
use crate::files;

/// The longest bundle, in bytes: an image, and a trace of as many commands as a budget has.
const MAX_BUNDLE: usize = 256 << 20;

/// Make a card image of the card in a bundle that `diagnose --bundle` has written
///
/// The image plays with `emulate`, `run` and --card as the card did from which it was read, but for
/// names and numbers, which are replaced, keys and PINs, which it has not, and the signatures of
/// certificates, which fit no more.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab card unpack bundle.json -o copy.json
  kortlab card unpack bundle.json -o copy.json --force")]
pub struct Arguments {
    /// The bundle; - is standard input
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,

    /// Where to write the image; the name must end in .json
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
}

/// Writes it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let path = &arguments.output;
    check_place(path, arguments.force)?;
    let text = files::read(&arguments.bundle, MAX_BUNDLE)?;
    let image = image_of(&text).map_err(|why| {
        Failure::failed(format!("{}: {why}", arguments.bundle.display()))
            .of_kind("invalid")
            .hint("give a file that `kortlab diagnose --bundle` has written")
    })?;
    write_image(path, &image, arguments.force)?;
    let shown = path.display().to_string();
    context
        .output
        .report(&Done::new("unpacked", shown.clone(), shown))?;
    Ok(Exit::Done)
}
