//! What can be asked of a running `run`, `pcscd` or `emulate`: one JSON object a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::refusal::{NoRequest, check_object};

/// One request. Where `reader` is left out, the only reader is meant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Tell what there is: of one reader, or of all.
    #[serde(alias = "list")]
    State {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
    },
    /// Put a card in: that of this image, or the one that was removed.
    Insert {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
        /// The image; a relative path begins where the service was started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<PathBuf>,
    },
    /// Take the card out.
    Remove {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
    },
    /// Take the card out, and put that of this image in.
    Swap {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
        /// The image.
        image: PathBuf,
    },
    /// Tear the card out during a command.
    Tear {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
        /// When: `after-bytes=N`, `before-command=N` or `before-answer=N`, counted from now.
        #[serde(default = "at_once")]
        at: String,
    },
    /// Let something go wrong from now on.
    AddFault {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
        /// What, as `--fault` takes it.
        fault: String,
    },
    /// Let it go wrong no more.
    RemoveFault {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
        /// The fault's number; all of them if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u32>,
    },
    /// Keep the card as it is now.
    Snapshot {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
        /// What it is to be called.
        #[serde(default = "unnamed")]
        name: String,
    },
    /// Make the card what it was.
    Restore {
        /// Which reader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
        /// What the snapshot is called.
        #[serde(default = "unnamed")]
        name: String,
    },
    /// Add a reader, with the card of this image or empty.
    AddReader {
        /// Its name.
        reader: String,
        /// The image.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<PathBuf>,
    },
    /// Take a reader away.
    RemoveReader {
        /// Its name.
        reader: String,
    },
}

/// The next command is carried out, and not answered.
fn at_once() -> String {
    "before-answer=1".to_owned()
}

fn unnamed() -> String {
    "snapshot".to_owned()
}

impl Request {
    /// Reads one line.
    ///
    /// # Errors
    /// It is no JSON object with a request in it.
    pub fn parse(line: &[u8]) -> Result<Self, NoRequest> {
        check_object(line)?;
        serde_json::from_slice(line).map_err(|error| NoRequest::from_json(&error))
    }

    /// The reader that is named.
    pub fn reader(&self) -> Option<&str> {
        match self {
            Self::State { reader }
            | Self::Insert { reader, .. }
            | Self::Remove { reader }
            | Self::Swap { reader, .. }
            | Self::Tear { reader, .. }
            | Self::AddFault { reader, .. }
            | Self::RemoveFault { reader, .. }
            | Self::Snapshot { reader, .. }
            | Self::Restore { reader, .. } => reader.as_deref(),
            Self::AddReader { reader, .. } | Self::RemoveReader { reader } => Some(reader),
        }
    }

    /// The same request about this reader, if it names none.
    #[must_use]
    pub fn about(mut self, name: &str) -> Self {
        match &mut self {
            Self::State { reader }
            | Self::Insert { reader, .. }
            | Self::Remove { reader }
            | Self::Swap { reader, .. }
            | Self::Tear { reader, .. }
            | Self::AddFault { reader, .. }
            | Self::RemoveFault { reader, .. }
            | Self::Snapshot { reader, .. }
            | Self::Restore { reader, .. } => {
                reader.get_or_insert_with(|| name.to_owned());
            }
            Self::AddReader { .. } | Self::RemoveReader { .. } => {}
        }
        self
    }

    /// The same request with paths that mean the same wherever it is read.
    #[must_use]
    pub fn with_absolute_paths(mut self) -> Self {
        let image = match &mut self {
            Self::Swap { image, .. } => Some(image),
            Self::Insert { image, .. } | Self::AddReader { image, .. } => image.as_mut(),
            _ => None,
        };
        if let Some(image) = image
            && let Ok(absolute) = std::path::absolute(&*image)
        {
            *image = absolute;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_request_is_said_without_the_digits_in_it() {
        for (line, what) in [
            (r#"["remove",null]"#, "no JSON object"),
            ("", "no JSON object"),
            (r#"{"do":"press","pin":"987654"#, "EOF"),
            (r#"{"do":"987654"}"#, "unknown variant"),
            (r#"{"do":"remove-fault","number":"987654"}"#, "invalid type"),
        ] {
            let failure = Request::parse(line.as_bytes()).expect_err(line);
            let text = failure.to_string();
            assert!(text.contains(what) && !text.contains("9876"), "{text}");
        }
    }

    #[test]
    fn requests_are_read_as_they_are_written() {
        for line in [
            r#"{"do":"state"}"#,
            r#"{"do":"insert","reader":"Desk","image":"card.json"}"#,
            r#"{"do":"swap","image":"card.json"}"#,
            r#"{"do":"tear","at":"after-bytes=7"}"#,
            r#"{"do":"add-fault","fault":"sw:sw=6F00"}"#,
            r#"{"do":"remove-fault","number":1}"#,
            r#"{"do":"snapshot","name":"fresh"}"#,
            r#"{"do":"add-reader","reader":"Second"}"#,
        ] {
            let request = Request::parse(line.as_bytes()).expect(line);
            assert_eq!(serde_json::to_string(&request).expect("JSON"), line);
        }
        assert_eq!(
            Request::parse(br#"{"do":"tear"}"#),
            Ok(Request::Tear {
                reader: None,
                at: "before-answer=1".to_owned()
            })
        );
    }

    #[test]
    fn what_is_no_request_is_refused_in_one_line() {
        let deep = "[".repeat(100_000);
        for line in [
            "",
            "state",
            "[]",
            "{}",
            r#"{"do":"dance"}"#,
            r#"{"do":"state","colour":"blue"}"#,
            r#"{"do":"swap"}"#,
            r#"{"do":"remove-fault","number":-1}"#,
            r#"{"do":"state"} {"do":"state"}"#,
            "{\"do\":\"state\u{0}\"}",
            r#"{"do":"a\nb"}"#,
            &deep,
        ] {
            let failure = Request::parse(line.as_bytes()).expect_err(line);
            assert!(!failure.to_string().contains('\n'), "{failure:?}");
        }
        assert!(Request::parse(&[0xFF; 16]).is_err());
    }
}
