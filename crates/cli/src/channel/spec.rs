//! `--card`: which card is meant.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The card that a command works with, as named on the command line or in `KORTLAB_CARD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardSpec {
    /// The one PC/SC reader that holds a card.
    OnlyReader,
    /// The PC/SC reader with this number, counted from 0, or with this in its name.
    Reader(String),
    /// A virtual card in process, from its image.
    Image(PathBuf),
    /// A running `kortlab emulate --socket`.
    Socket(PathBuf),
    /// A recorded session.
    Replay {
        /// The trace.
        path: PathBuf,
        /// Whether what differs does not end it.
        lenient: bool,
    },
}

const KINDS: &str = "pcsc, pcsc:NAME-OR-INDEX, a card image FILE.json, socket:PATH, or \
                     replay:TRACE[,lenient]";

impl CardSpec {
    /// Parses the value of `--card`.
    ///
    /// # Errors
    /// It is none of the kinds there are; the text lists them.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("pcsc", "")) => Err("pcsc: needs the reader's name or number after it; \
                 `kortlab readers` lists them"
                .to_owned()),
            Some(("pcsc", reader)) => Ok(Self::Reader(reader.to_owned())),
            Some(("socket", "")) => Err("socket: needs the path of the socket after it".to_owned()),
            Some(("socket", path)) => Ok(Self::Socket(path.into())),
            Some(("replay", trace)) => Self::replay(trace),
            _ if text == "pcsc" => Ok(Self::OnlyReader),
            _ if is_image(Path::new(text)) => Ok(Self::Image(text.into())),
            _ => Err(format!("no such kind of card; there are: {KINDS}")),
        }
    }

    fn replay(trace: &str) -> Result<Self, String> {
        let (path, lenient) = match trace.strip_suffix(",lenient") {
            Some(path) => (path, true),
            None => (trace.strip_suffix(",strict").unwrap_or(trace), false),
        };
        match path {
            "" => Err("replay: needs the path of the trace after it".to_owned()),
            path => Ok(Self::Replay {
                path: path.into(),
                lenient,
            }),
        }
    }
}

/// Refuses a name by which `--card` would not find an image: one without the ending, or one that it
/// takes for another kind of card.
///
/// # Errors
/// It is such a name.
pub fn check_image_name(path: &Path) -> Result<(), Failure> {
    let name = path.to_str();
    if name.map(CardSpec::parse) == Some(Ok(CardSpec::Image(path.to_owned()))) {
        return Ok(());
    }
    let shown = path.display();
    Err(if name.is_none() {
        Failure::usage(format!("{shown}: the name of a card image is UTF-8"))
            .hint("--card takes no other")
    } else if is_image(path) {
        Failure::usage(format!(
            "{shown}: --card takes this for another kind of card"
        ))
        .hint(format!("give ./{shown}"))
    } else {
        Failure::usage(format!(
            "{shown}: a card image has a name that ends in .json"
        ))
        .hint("--card knows images by that ending")
    })
}

fn is_image(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_card_is_told_apart() {
        assert_eq!(CardSpec::parse("pcsc"), Ok(CardSpec::OnlyReader));
        assert_eq!(
            CardSpec::parse("pcsc:Virtual PCD 00 00"),
            Ok(CardSpec::Reader("Virtual PCD 00 00".into()))
        );
        assert_eq!(
            CardSpec::parse("a:b/card.JSON"),
            Ok(CardSpec::Image("a:b/card.JSON".into()))
        );
        assert_eq!(
            CardSpec::parse("socket:/run/card"),
            Ok(CardSpec::Socket("/run/card".into()))
        );
        for (text, path, lenient) in [
            ("replay:a,b.json", "a,b.json", false),
            ("replay:t.apdu,strict", "t.apdu", false),
            ("replay:t.apdu,lenient", "t.apdu", true),
        ] {
            let path = path.into();
            assert_eq!(
                CardSpec::parse(text),
                Ok(CardSpec::Replay { path, lenient })
            );
        }
    }

    #[test]
    fn an_image_may_have_any_name_by_which_it_is_found_again() {
        for name in ["card.json", "a:b/card.JSON", "./pcsc:x.json", "x y/ö.json"] {
            assert!(check_image_name(Path::new(name)).is_ok(), "{name}");
        }
        for name in [
            "card",
            "card.bin",
            ".json",
            "",
            "pcsc:x.json",
            "socket:x.json",
            "replay:x.json",
        ] {
            assert!(check_image_name(Path::new(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_no_kind_of_card_is_refused_with_the_list() {
        for text in [
            "",
            "card.bin",
            "replay:",
            "replay:,lenient",
            "pcsc:",
            "socket:",
            ".json/",
        ] {
            assert!(CardSpec::parse(text).is_err(), "{text}");
        }
        let error = CardSpec::parse("card.bin").expect_err("no such kind");
        assert!(error.contains("socket:PATH") && error.contains("replay:TRACE"));
    }
}
