//! `kortlab run --in-process`: the cards in the program's own process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kortlab_faults::MAX_FAULTS;
use kortlab_pcsc::in_process::{CARDS, FAULTS, READERS};

use super::library::Library;
use super::program::Program;
use crate::channel::check_image;
use crate::commands::Context;
use crate::desk::ReaderArguments;
use crate::failure::{Exit, Failure};
use crate::output::note;

/// Runs the program, and ends as it does.
///
/// # Errors
/// A card cannot be used, something was asked for that cannot be in another process, or the library
/// is not there.
pub fn run(
    context: &Context,
    images: &[PathBuf],
    readers: &ReaderArguments,
    program: &Program,
) -> Result<Exit, Failure> {
    let images = context.images(images);
    if images.is_empty() {
        return Err(Failure::usage("--in-process needs a card image")
            .hint("name one; a card in a reader, or on a socket, is served without --in-process"));
    }
    let faults = context.layers.only_faults()?;
    if faults.len() > MAX_FAULTS {
        return Err(Failure::usage(format!(
            "there are {} faults, and there can be at most {MAX_FAULTS}",
            faults.len()
        )));
    }
    let library = Library::find()?;
    let mut cards = Vec::new();
    for image in &images {
        check_image(image)?;
        cards.push(line(image)?);
    }
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let variables = [
        library.variable(),
        (CARDS, cards.join("\n").into()),
        (READERS, readers.names(images.len())?.join("\n").into()),
        (FAULTS, faults.join("\n").into()),
    ];
    if !context.ephemeral {
        note("with --in-process, what is changed on a card is forgotten");
    }
    let variables: Vec<(&'static str, &Path)> = variables
        .iter()
        .map(|(name, value): &(_, OsString)| (*name, Path::new(value)))
        .collect();
    program.ready()?.run(&variables)
}

/// The path of an image as a line, from wherever the program reads it.
fn line(image: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(image)
        .map_err(|error| Failure::file("use the card image", image, &error))?;
    let text = path.to_str().filter(|text| !text.contains('\n'));
    text.map(str::to_owned).ok_or_else(|| {
        Failure::failed(format!(
            "{} cannot be told to the program: it is not UTF-8, or has several lines",
            path.display()
        ))
        .hint("copy the image to a path that is")
    })
}
