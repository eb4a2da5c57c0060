//! What the PKCS#15 application says of the card: which files it names, its PINs, its number.

use kortlab_apdu::{Channel, Fid, FilePath};
use kortlab_card::files::Budget;
use kortlab_card::problem::code;
use kortlab_card::{
    CardError, Contents, ErrorKind, FoundPin, PinState, Session, Token, WhyUnknown,
};
use kortlab_explain::card::serial;
use kortlab_explain::pkcs15;

use super::tree::Place;
use super::walk::is_final;

/// The AID under which the files are that begin with `3FFF`.
const APPLICATION: FilePath = FilePath::CURRENT_DF;

/// What names the files that say what is on the card.
pub(super) const BY_THE_CARD: &str = "the card";

/// What the PKCS#15 application says.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The files that it names, and by which of them.
    pub names: Vec<(Place, String)>,
    /// What those files are whose kind is known.
    pub kinds: Vec<(Place, pkcs15::File)>,
    /// The PINs that it lists, with their states.
    pub pins: Vec<FoundPin>,
    /// The card's number, for people.
    pub serial: Option<String>,
    /// Whether reading its directories was stopped; what they name behind that is missing.
    pub cut_short: bool,
    /// What of its answers made no sense, so that something may be missing here.
    pub nonsense: Option<String>,
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
            let nonsense = Some(none.error()).filter(|error| error.kind() == ErrorKind::Nonsense);
            let nonsense = none.nonsense().or(nonsense).map(ToString::to_string);
            let listed = Listed {
                cut_short,
                nonsense,
                ..Listed::default()
            };
            return (none.into_session(), listed, error);
        }
    };
    let mut listed = Listed {
        names: files(card.contents()),
        kinds: kinds(card.contents()),
        serial: card
            .serial_number()
            .map(serial)
            .filter(|text| !text.is_empty()),
        cut_short: card.contents().is_cut_short(),
        nonsense: nonsense(card.contents()),
        ..Listed::default()
    };
    let error = match card.pin_states() {
        Ok(pins) => {
            let unknown = PinState::Unknown(WhyUnknown::Nonsense);
            if pins.iter().any(|found| found.state == unknown) {
                let why = "the card's answer to the question for the tries of a PIN makes no sense";
                listed.nonsense.get_or_insert_with(|| why.to_owned());
            }
            listed.pins = pins;
            None
        }
        Err(error) => Some(error).filter(is_final),
    };
    (card.into_session(), listed, error)
}

/// The first answer that made no sense while the directories were read.
fn nonsense(contents: &Contents) -> Option<String> {
    if let Some(error) = contents.nonsense() {
        return Some(error.to_string());
    }
    let mut problems = contents.problems.iter();
    let found = problems.find(|problem| problem.code() == code::NONSENSE_ANSWER)?;
    Some(format!("{}: {}", found.file(), found.message()))
}

fn place(contents: &Contents, path: &FilePath) -> Place {
    match (&contents.selected, path.strip_prefix(&APPLICATION)) {
        (Some(aid), Some(below)) => Place::in_application(aid, below),
        (Some(aid), None) => Place::in_file_system_of(aid, path),
        (None, _) => Place::of_path(path),
    }
}

fn kinds(contents: &Contents) -> Vec<(Place, pkcs15::File)> {
    use pkcs15::File;
    let keys = contents.private_keys.iter().map(|file| &file.path);
    let public = contents.public_keys.iter().map(|file| &file.path);
    let secret = contents.secret_keys.iter().map(|file| &file.path);
    let certificates = contents.certificates.iter().map(|file| &file.path);
    let pins = contents.authentication.iter().map(|file| &file.path);
    let data = contents.data.iter().map(|file| &file.path);
    let unused = contents.unused_space.iter().map(|file| &file.path);
    let mut named: Vec<(&FilePath, File)> = keys.map(|path| (path, File::PrivateKeys)).collect();
    named.extend(public.map(|path| (path, File::PublicKeys)));
    named.extend(secret.map(|path| (path, File::SecretKeys)));
    named.extend(certificates.map(|path| (path, File::Certificates)));
    named.extend(pins.map(|path| (path, File::AuthObjects)));
    named.extend(data.map(|path| (path, File::DataObjects)));
    named.extend(unused.map(|path| (path, File::UnusedSpace)));
    named.push((&FilePath::EF_DIR, File::Dir));
    let odf = contents.application.child(Fid(0x5031));
    named.push((&odf, File::Odf));
    named.push((&contents.token_info_path, File::TokenInfo));
    let place = |(path, kind): (&FilePath, File)| (place(contents, path), kind);
    named.into_iter().map(place).collect()
}

fn files(contents: &Contents) -> Vec<(Place, String)> {
    let place = |path: &FilePath| place(contents, path);
    let own = contents.sources.iter();
    let own = own.map(|source| (place(&source.path), BY_THE_CARD.to_owned()));
    let named = contents.named_files().into_iter();
    let named = named.map(|(path, by)| (place(&path), by.to_string()));
    let whole = |(place, _): &(Place, String)| place.below.is_whole();
    own.chain(named).filter(whole).collect()
}
