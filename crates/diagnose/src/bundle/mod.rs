//! A card and what is wrong with it in one document to share, without the person it belongs to.
//!
//! | file | what it does |
//! |---|---|
//! | `personal` | what in the bytes of a card is about a person |
//! | `personal_number` | Swedish personal numbers |
//! | `keys` | private keys in readable files, which are left out |
//! | `label` | the card's number and the labels in directories, and which of those may be a name |
//! | `passed` | which file or data object each answer of a trace is of |
//! | `values` | where texts in DER end |
//! | `stand_in` | what stands in its place: of the same length, the same for the same |
//! | `check_digit` | the last digit of numbers, which stays right |
//! | `fasc_n` | the number of a PIV card, which stays one |
//! | `spread` | each place of it, in each encoding, in bytes and in text |
//! | `answers` | the same in the answers of a trace, where it may be cut between two of them |

mod answers;
mod check_digit;
mod fasc_n;
mod keys;
mod label;
mod passed;
mod personal;
mod personal_number;
mod spellings;
mod spread;
mod stand_in;
mod values;

use std::collections::BTreeMap;

use kortlab_emulator::{CardRng, Image, ImageError};
use serde_json::{Value, json};

use keys::Keys;
use personal::Personal;
use spread::Spread;

pub use personal::Kind;

/// The field of an image that has the answer to reset.
const ATR: &str = "atr";

/// The version of the document.
const VERSION: u32 = 1;

/// Fields of an image and of findings that have words of Kortlab's own, in which nothing of a person is.
const OWN_WORDS: [&str; 14] = [
    "format",
    "model",
    "protocol",
    "memory",
    "life_cycle",
    "kind",
    "application",
    "encoding",
    "rule",
    "code",
    "severity",
    "explanation",
    "program",
    "status_word",
];

/// What goes into a bundle.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// The programs and their versions, for people.
    pub versions: Value,
    /// What was found to be wrong.
    pub findings: Value,
    /// The card, if it could be read.
    pub image: Option<Image>,
    /// Whether reading ended before all of the card was looked at.
    pub cut_short: bool,
    /// What passed between program and card: the lines of an `.apdu` trace.
    pub trace: String,
    /// What else is to be replaced, in words.
    pub also: Vec<String>,
}

/// A document to share.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The document.
    pub document: Value,
    /// What was replaced: how many different things of each kind, and at how many places.
    pub replaced: Vec<Replaced>,
    /// Whether the card was not read to its end, so that more may be about a person than is known.
    pub cut_short: bool,
}

/// What was replaced of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// What they are.
    pub kind: Kind,
    /// How many different ones.
    pub different: usize,
    /// At how many places.
    pub places: usize,
}

/// Makes the document. `rng` chooses what stands in the place of what is about a person; without its
/// seed nobody can find back.
///
/// # Errors
/// With what stands in the place of names the card makes no image any more, which is a fault of this crate.
pub fn bundle(mut contents: Contents, rng: CardRng) -> Result<Bundle, ImageError> {
    let mut image: Value = match &contents.image {
        Some(image) => serde_json::from_str(&image.to_json()).unwrap_or_default(),
        None => Value::Null,
    };
    let mut keys = Keys::of(&image, &contents.trace);
    keys.leave_out(&mut image);
    keys.leave_out(&mut contents.findings);
    contents.trace = keys.leave_out_of_trace(contents.trace);
    let mut personal = Personal::default();
    personal.of_image(&image);
    personal.of_findings(&contents.findings);
    personal.of_trace(&contents.trace);
    let cut_short = contents.cut_short || contents.image.is_none();
    if cut_short {
        personal.of_labels(&image, &contents.trace);
    }
    for text in contents.also {
        personal.add(Kind::Given, &text);
    }
    let mut spread = Spread::new(personal, rng);
    let image = spread.value(image, &OWN_WORDS);
    let findings = spread.value(contents.findings, &OWN_WORDS);
    let trace = answers::replaced(&contents.trace, &mut spread);
    let trace: Vec<_> = trace
        .lines()
        .map(|line| Value::from(line.trim_end()))
        .collect();
    if !image.is_null() {
        // What does not play is of no use to anybody.
        Image::from_json(image.to_string().as_bytes())?;
    }
    let mut replaced = spread.counts();
    replaced.extend(keys.count());
    let told: Vec<_> = replaced.iter().map(|one| one.to_json()).collect();
    let document = json!({
        "format": "kortlab-bundle",
        "version": VERSION,
        "versions": contents.versions,
        "replaced": told,
        "left": match cut_short {
            true => format!("{LEFT}. {NOT_READ}"),
            false => LEFT.to_owned(),
        },
        "findings": findings,
        "image": image,
        "trace": trace,
    });
    Ok(Bundle {
        document,
        replaced,
        cut_short,
    })
}

/// What a bundle has as it is on the card, for those who think of sharing one.
const LEFT: &str = "as on the card: public keys, signatures, serial numbers of certificates, names of \
                    issuers and organisations, and a word of the holder's name in the answer to \
                    reset, where it is the card's; whoever has the issuer's directory can find the holder by \
                    them. The certificates' signatures fit no more, since names in them were replaced. \
                    Private keys and the values of PINs are not in it: they never leave a card, and a private \
                    key that is found in a file of one is zeros here";

/// What a bundle says further of a card that was not read to its end.
const NOT_READ: &str = "The reading was cut short: who the holder is was taken from what had been read by then, and \
                        labels that are no words of the trade were taken for names";

impl Replaced {
    fn to_json(self) -> Value {
        json!({ "kind": self.kind.name(), "different": self.different, "places": self.places })
    }
}

/// The image in a bundle, as the text of a card image.
///
/// # Errors
/// It is no bundle, or one without a card that plays; the text says which.
pub fn image_of(text: &[u8]) -> Result<Image, String> {
    let document: Value =
        serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
    if document.get("format").and_then(Value::as_str) != Some("kortlab-bundle") {
        return Err("it is no bundle: its format is not \"kortlab-bundle\"".to_owned());
    }
    match document.get("image") {
        None | Some(Value::Null) => Err("it has no card in it: none could be read".to_owned()),
        Some(image) => {
            let text = image.to_string();
            Image::from_json(text.as_bytes()).map_err(|error| error.to_string())
        }
    }
}

/// How many different things of each kind there are, and at how many places.
fn sums(counts: impl IntoIterator<Item = (Kind, usize)>) -> Vec<Replaced> {
    let mut sums = BTreeMap::<Kind, (usize, usize)>::new();
    for (kind, places) in counts {
        let sum = sums.entry(kind).or_default();
        sum.0 += 1;
        sum.1 += places;
    }
    let each = sums
        .into_iter()
        .map(|(kind, (different, places))| Replaced {
            kind,
            different,
            places,
        });
    each.collect()
}
