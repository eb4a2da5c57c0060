//! `path:`: a path that leads elsewhere.

use kortlab_apdu::{ChannelError, FilePath};

use crate::objects::{Objects, is_path};
use crate::parameters::{FaultError, Parameters};
use crate::{Mutation, Strike, Vector};

/// Bytes of a path that is longer than any table of paths.
const LONG: usize = 130;

/// A path of PKCS#15 (§6.1.7) leads elsewhere: to a key file, to nothing, to the file that it stands in, to its own directory; or it is odd, empty or too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    to: To,
    objects: Objects,
}

impl Mutation for Path {
    const NAME: &'static str = "path";
    const PARAMETERS: &'static str = "to=PATH|empty|odd|long|parent|self[,at=N]";
    const DOES: &'static str = "a path leads there; self is the file that it stands in";
    const VECTOR: Vector = Vector::answers(
        "path:to=3F004B01",
        &[(
            &[0x00, 0xCA, 0x01, 0x01, 0x00],
            &[
                0x30, 0x0B, 0x30, 0x09, 0x04, 0x04, 0x50, 0x15, 0x44, 0x04, 0x02, 0x01, 0x00, 0x90,
                0x00,
            ],
            &[
                0x30, 0x0B, 0x30, 0x09, 0x04, 0x04, 0x3F, 0x00, 0x4B, 0x01, 0x02, 0x01, 0x00, 0x90,
                0x00,
            ],
        )],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            to: parameters.required(
                "to",
                "a path, or one of empty, odd, long, parent, self",
                To::parse,
            )?,
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        let file = strike.file();
        strike.content(|content| {
            self.objects
                .replace_value(content, is_path, |value| match &self.to {
                    To::Path(path) => path.as_bytes().to_vec(),
                    To::Empty => Vec::new(),
                    To::Odd => value
                        .split_last()
                        .map_or(vec![0x3F], |(_, rest)| rest.to_vec()),
                    To::Long => value.iter().copied().cycle().take(LONG).collect(),
                    To::Parent => value
                        .get(..value.len().saturating_sub(2))
                        .unwrap_or_default()
                        .to_vec(),
                    To::Oneself => file.as_bytes().to_vec(),
                });
        })
    }
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Path(FilePath),
    Empty,
    Odd,
    Long,
    Parent,
    Oneself,
}

impl To {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "empty" => Self::Empty,
            "odd" => Self::Odd,
            "long" => Self::Long,
            "parent" => Self::Parent,
            "self" => Self::Oneself,
            path => Self::Path(path.parse().ok()?),
        })
    }
}
