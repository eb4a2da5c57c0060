//! What the PKCS#15 application says of the card: which files it names, its PINs, its number.

use kortlab_apdu::{Channel, FilePath};
use kortlab_card::files::Budget;
use kortlab_card::{CardError, Contents, ErrorKind, FoundPin, Session, Token};
use kortlab_explain::card::serial;

use super::tree::Place;
use super::walk::is_final;

/// The AID under which the files are that begin with `3FFF`.
const APPLICATION: FilePath = FilePath::CURRENT_DF;

/// What the PKCS#15 application says.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The files that it names, and by which of them.
    pub files: Vec<(Place, String)>,
    /// The PINs that it lists, with their states.
    pub pins: Vec<FoundPin>,
    /// The card's number, for people.
    pub serial: Option<String>,
    /// Whether reading its directories was stopped; what they name behind that is missing.
    pub cut_short: bool,
}

/// Opens the PKCS#15 application, if there is one, and gives the session back.
///
/// An error is given beside it if nothing more can be read from the card.
pub(super) fn listed<C: Channel>(
    session: Session<C>,
    budget: Budget,
) -> (Session<C>, Listed, Option<CardError>) {
    let mut card = match session.open_token(budget) {
        Ok(Token::Pkcs15(card)) => *card,
        Err(none) => {
            let error = Some(none.error().clone()).filter(is_final);
            let cut_short = none.error().kind() == ErrorKind::Budget;
            let listed = Listed {
                cut_short,
                ..Listed::default()
            };
            return (none.into_session(), listed, error);
        }
    };
    let mut listed = Listed {
        files: files(card.contents()),
        serial: card
            .serial_number()
            .map(serial)
            .filter(|text| !text.is_empty()),
        cut_short: card.contents().is_cut_short(),
        ..Listed::default()
    };
    let error = match card.pin_states() {
        Ok(pins) => {
            listed.pins = pins;
            None
        }
        Err(error) => Some(error).filter(is_final),
    };
    (card.into_session(), listed, error)
}

fn files(contents: &Contents) -> Vec<(Place, String)> {
    let place = |path: &FilePath| match (&contents.selected, path.strip_prefix(&APPLICATION)) {
        (Some(aid), Some(below)) => Place::in_application(aid, below),
        _ => Place::of_path(path),
    };
    let own = contents.sources.iter();
    let own = own.map(|source| (place(&source.path), "the card".to_owned()));
    let named = contents.named_files().into_iter();
    let named = named.map(|(path, by)| (place(&path), by.to_string()));
    let whole = |(place, _): &(Place, String)| place.below.is_whole();
    own.chain(named).filter(whole).collect()
}
