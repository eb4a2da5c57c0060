//! The states of all PINs of a card, and what is wrong where one cannot be found out.

use kortlab_apdu::{Channel, FilePath, StatusWord};
use kortlab_pkcs15::{ObjectRef, Severity};

use crate::card::Card;
use crate::contents::is_final;
use crate::error::CardError;
use crate::pins::{self, PinObject, PinPurpose, PinState, WhyUnknown};
use crate::problem::{Problem, code};
use crate::role::PinRole;

/// The most PINs of a DF that are asked for.
const MAX_UNLISTED: usize = 32;

/// A PIN or PUK, and its state.
#[derive(Clone, Debug)]
pub struct FoundPin {
    /// What the AODF says of it.
    pub pin: PinObject,
    /// The AODF that lists it, and which of its objects it is.
    pub listed_in: (FilePath, ObjectRef),
    /// The roles that it has: none, one, or both on a card with one PIN for everything.
    pub roles: Vec<PinRole>,
    /// Its state.
    pub state: PinState,
    /// Why its state is not known, if that is not said by the problem of a file
    /// ([`Contents::problems`](crate::Contents)) already.
    pub problem: Option<Problem>,
}

/// A PIN or PUK that the card has, by what it says of the DF of its application, and that no EF(AODF)
/// lists: the PUK of many cards.
#[derive(Clone, Debug)]
pub struct UnlistedPin {
    /// Its reference: P2 of VERIFY.
    pub reference: u8,
    /// The DF that has it.
    pub directory: FilePath,
    /// Its state.
    pub state: PinState,
}

impl<C: Channel> Card<C> {
    /// The PINs and PUKs that the DF of the application has and no EF(AODF) lists, with their states, found
    /// out without costing a try; none on a card that does not say which a DF has.
    ///
    /// # Errors
    /// The card is gone.
    pub fn unlisted_pin_states(&mut self) -> Result<Vec<UnlistedPin>, CardError> {
        let directory = self.contents().application.clone();
        let listed: Vec<_> = self.pins().iter().map(PinObject::p2).collect();
        self.exclusively(|card| {
            let info = match card.files().select(&directory) {
                Ok(info) => info,
                Err(error) if is_final(&error) => return Err(error),
                // That is told where the application is read.
                Err(_) => return Ok(Vec::new()),
            };
            let references = card.dialect().pin_references(&info);
            let unlisted = references
                .into_iter()
                .filter(|reference| !listed.contains(&Some(*reference)));
            let found = unlisted.take(MAX_UNLISTED).map(|reference| {
                Ok(UnlistedPin {
                    reference,
                    state: card.state_at(&directory, reference)?,
                    directory: directory.clone(),
                })
            });
            found.collect()
        })
    }

    /// All PINs and PUKs that the card lists, with their states, found out without costing a try.
    ///
    /// # Errors
    /// The card is gone.
    pub fn pin_states(&mut self) -> Result<Vec<FoundPin>, CardError> {
        let contents = self.contents();
        let roles = PinRole::ALL.map(|role| (role, pins::certain(contents, role)));
        let mut listed = Vec::new();
        for file in &contents.authentication {
            for (index, object) in file.directory.listed() {
                let Some(pin) = pins::pin_object(contents, object) else {
                    continue;
                };
                let about = ObjectRef::of(index, &object.common, Some(object.auth_id()));
                listed.push((pin, file.path.clone(), about));
            }
        }
        self.exclusively(|card| {
            let mut found = Vec::with_capacity(listed.len());
            for (pin, file, about) in listed {
                let state = card.state_of(&pin)?;
                let has = |known: &&(PinRole, Option<PinObject>)| known.1.as_ref() == Some(&pin);
                let roles: Vec<_> = roles.iter().filter(has).map(|(role, _)| *role).collect();
                let problem = match state {
                    PinState::Unknown(why) => {
                        problem(&file, why, pin.purpose, roles.first().copied())
                    }
                    PinState::Verified | PinState::TriesLeft(_) | PinState::Blocked => None,
                };
                found.push(FoundPin {
                    roles,
                    state,
                    problem: problem.map(|problem| problem.about(about.clone())),
                    listed_in: (file, about),
                    pin,
                });
            }
            Ok(found)
        })
    }
}

/// Nothing is wrong with a card that does not say how many tries are left, or whose OS is not
/// known; all the same nobody knows whether the PIN is blocked.
fn problem(
    file: &FilePath,
    why: WhyUnknown,
    purpose: PinPurpose,
    role: Option<PinRole>,
) -> Option<Problem> {
    let verify;
    let (severity, next) = match why {
        // Of these the file's own problems tell: `dangling-path`, `bad-value`.
        WhyUnknown::DirectoryRefused(StatusWord::FILE_NOT_FOUND) | WhyUnknown::NoReference(_) => {
            return None;
        }
        // These are verified by nobody here.
        WhyUnknown::NotAsked | WhyUnknown::NotTold(_) if purpose != PinPurpose::User => (
            Severity::Note,
            "nothing needs to be done: the card's holder does not use it by itself",
        ),
        WhyUnknown::NotAsked | WhyUnknown::NotTold(_) => {
            let before = match why {
                WhyUnknown::NotAsked => "",
                _ => "the card tells no more; ",
            };
            verify = match role {
                Some(role) => format!(
                    "{before}`kortlab pin verify {}` tells whether the PIN works, and spends a try if it \
                     is wrong",
                    role.name()
                ),
                None => format!(
                    "{before}the program that uses the PIN tells whether it works, and spends a try if \
                     it is wrong"
                ),
            };
            (Severity::Note, verify.as_str())
        }
        WhyUnknown::Refused(_) => (
            Severity::Warning,
            "whoever issued the card must tell whether the PIN was ever set, or was taken out of \
             use; nothing that needs it works before",
        ),
        WhyUnknown::DirectoryRefused(_) | WhyUnknown::Nonsense => (
            Severity::Warning,
            "ask again; if it stays so, the path of the PIN in EF(AODF) is wrong, or the card is \
             broken, and whoever issued it must replace it",
        ),
    };
    let message = format!("the state of the PIN could not be found out: {why}");
    let problem = Problem::new(severity, code::PIN_STATE_UNKNOWN, "EF(AODF)", file, message);
    Some(problem.hint(next))
}
