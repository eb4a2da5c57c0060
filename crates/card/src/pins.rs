//! PINs: which there are, their state, and verifying, changing, unblocking them.
//!
//! Which authentication object is the PIN for authentication and which the one for signatures is
//! found out like this, the first rule that names one deciding:
//!
//! 1. The key for the role names its PIN (authId). The signature key is the private key with the
//!    identifier that the card's [`Profile`] says, else the first whose usage has nonRepudiation; the
//!    authentication key likewise, else the first without nonRepudiation.
//! 2. The PIN's label says it, in one of the profile's words.
//! 3. The first PIN of the card is for authentication, the last one for signatures.
//!
//! PUKs and the PINs of a security officer are never taken. On a card with one PIN for everything
//! both roles have the same one; [`Card::roles`] tells.
//!
//! A PIN whose rules in the AODF contradict each other is not sent before the holder knows
//! ([`Card::send_doubtful_pins`]): a wrong guess would cost a try.

use core::fmt;

use std::collections::BTreeMap;

use kortlab_apdu::{Channel, Command, FilePath, StatusWord};
use kortlab_pkcs15::{
    AuthenticationObject, Id, KeyUsage, PinAttributes, PinContradiction, PinFlags, PinType,
    PrivateKey,
};
use zeroize::Zeroizing;

use crate::card::Card;
use crate::contents::{Contents, is_final};
use crate::error::{CardError, ErrorKind};
use crate::keys::private_keys;
use crate::pin::{Pin, PinCoding, PinFormat};
use crate::pin_doubt;
use crate::pin_forms;
use crate::profile::Profile;
use crate::role::PinRole;

/// What says that a PIN goes to the card under secure messaging (ISO/IEC 7816-4 §10).
const SECURE_MESSAGING: [PinFlags; 2] = [
    PinFlags::INTEGRITY_PROTECTED,
    PinFlags::CONFIDENTIALITY_PROTECTED,
];

/// What to do with a PIN that is blocked.
const UNBLOCK: &str = "unblock it with the PUK";

/// A PIN or PUK on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinObject {
    /// Its label.
    pub label: Option<String>,
    /// Its identifier, which keys and other PINs refer to.
    pub auth_id: Id,
    /// What it is for.
    pub purpose: PinPurpose,
    /// Its reference, as the AODF gives it: P2 of VERIFY, if it fits there ([`PinObject::p2`]).
    pub reference: u32,
    /// How it is typed, coded and padded.
    pub format: PinFormat,
    /// What in the AODF's rules for it cannot be right together, so that `format` is a guess.
    pub contradictions: Vec<PinContradiction>,
    /// The flags of the AODF.
    pub flags: PinFlags,
    /// The absolute path of the DF to select before it is used; empty for none.
    pub directory: FilePath,
    /// The identifier of the PUK that unblocks it, if the AODF names one.
    pub unblocked_by: Option<Id>,
}

impl PinObject {
    /// Its reference as P2 of VERIFY. A PIN whose reference does not fit there can be neither asked
    /// for nor sent.
    pub fn p2(&self) -> Option<u8> {
        u8::try_from(self.reference).ok()
    }

    /// Why it may be sent in a form that the card does not take; nothing if the AODF leaves no doubt.
    fn doubt(&self) -> Option<FormDoubt> {
        let protections = SECURE_MESSAGING
            .into_iter()
            .filter(|&flag| self.flags.contains(flag))
            .fold(PinFlags::empty(), PinFlags::union);
        if !protections.is_empty() {
            return Some(FormDoubt::Protected(protections));
        }
        let contradictions = self.contradictions.clone();
        (!contradictions.is_empty()).then_some(FormDoubt::Contradictions(contradictions))
    }
}

/// Why the form in which a PIN is sent may be none that the card takes.
enum FormDoubt {
    /// The rules for it cannot be right together.
    Contradictions(Vec<PinContradiction>),
    /// All other PINs of the card go to it in another form.
    Other(PinFormat),
    /// It is to go to the card under secure messaging (PKCS#15 §6.8.2), which is not spoken here.
    Protected(PinFlags),
}

/// What a PIN object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinPurpose {
    /// The PIN of the card's holder, for one or for both roles.
    User,
    /// A PUK.
    Unblocking,
    /// The PIN of a security officer.
    SecurityOfficer,
}

/// The state of a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// It is not known.
    Unknown(WhyUnknown),
    /// It is verified in this session.
    Verified,
    /// It is not verified; so many tries are left.
    TriesLeft(u8),
    /// It is blocked; the PUK unblocks it.
    Blocked,
}

/// Why the state of a PIN is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyUnknown {
    /// The card was not asked: its OS is not known, and the question might cost a try.
    NotAsked,
    /// The card says that the PIN is not verified, and not how many tries are left.
    NotTold(StatusWord),
    /// The card refused the question.
    Refused(StatusWord),
    /// The PIN's DF cannot be selected.
    DirectoryRefused(StatusWord),
    /// The card was not asked: the PIN's reference in the AODF does not fit P2 of VERIFY.
    NoReference(u32),
    /// The card's answer, or the path of the PIN's DF, makes no sense.
    Nonsense,
}

impl WhyUnknown {
    /// The status word with which the card answered, if that is the reason.
    pub const fn status(self) -> Option<StatusWord> {
        match self {
            Self::NotTold(status) | Self::Refused(status) | Self::DirectoryRefused(status) => {
                Some(status)
            }
            Self::NotAsked | Self::NoReference(_) | Self::Nonsense => None,
        }
    }
}

impl fmt::Display for WhyUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str(
                "not asked: this card OS is not known, and the question might cost a try",
            ),
            Self::NotTold(status) => write!(
                f,
                "not verified; the card does not say how many tries are left ({status})"
            ),
            Self::Refused(status) => {
                write!(f, "the card answers {status} ({})", status.meaning())
            }
            Self::DirectoryRefused(status) => write!(
                f,
                "its directory cannot be selected: the card answers {status} ({})",
                status.meaning()
            ),
            Self::NoReference(reference) => write!(
                f,
                "not asked: its reference in EF(AODF), {reference}, does not fit P2 of VERIFY"
            ),
            Self::Nonsense => f.write_str("the card's answer makes no sense"),
        }
    }
}

impl<C: Channel> Card<C> {
    /// All PINs and PUKs that the card lists.
    pub fn pins(&self) -> Vec<PinObject> {
        pin_objects(self.contents()).collect()
    }

    /// The PIN for `role`.
    ///
    /// # Errors
    /// The card lists none ([`ErrorKind::NotFound`]), or what it lists could not be read to its end.
    pub fn pin(&self, role: PinRole) -> Result<PinObject, CardError> {
        find(self.contents(), role).ok_or_else(|| {
            if let Some(why) = self.contents().why_not_all_pins() {
                let what = format!("it cannot be told whether the card has a PIN for {role}");
                return why.context(&what);
            }
            CardError::new(
                ErrorKind::NotFound,
                format!("the card lists no PIN for {role}"),
            )
            .hint("its EF(AODF) is empty or damaged; see what `kortlab info` says")
        })
    }

    /// The PIN with this identifier, and the role it has, if it has one.
    pub fn pin_by_id(&self, auth_id: &Id) -> Option<(PinObject, Option<PinRole>)> {
        let contents = self.contents();
        let index = contents.pins.get_or_init(|| PinIndex::new(contents));
        let (pin, role) = index.0.get(auth_id)?;
        Some((pin.clone(), *role))
    }

    /// The roles that this PIN has: none, one, or both on a card with one PIN for everything.
    pub fn roles(&self, pin: &PinObject) -> Vec<PinRole> {
        PinRole::ALL
            .into_iter()
            .filter(|&role| certain(self.contents(), role).is_some_and(|found| found == *pin))
            .collect()
    }

    /// Whether one PIN is for both roles, as far as the directories leave no doubt.
    pub fn has_one_pin(&self) -> bool {
        let [authentication, signature] = PinRole::ALL.map(|role| certain(self.contents(), role));
        authentication.is_some() && authentication == signature
    }

    /// From now on sends PINs also where the card's rules for them contradict each other: the
    /// holder knows that one may be sent in a wrong form, which costs a try.
    pub const fn send_doubtful_pins(&mut self) {
        self.doubtful_pins = true;
    }

    /// Whether the PIN for `role` can be sent, before anybody is asked for it.
    ///
    /// # Errors
    /// The card lists no such PIN; or its rules for it contradict each other, or it is not certain
    /// that it is the one ([`ErrorKind::DoubtfulPin`]), and the holder does not know yet; or the card
    /// is gone.
    pub fn can_send_pin(&mut self, role: PinRole) -> Result<(), CardError> {
        let object = self.pin_to_send(role)?;
        self.can_send(&object, &format!("PIN for {role}"))
    }

    /// Whether the PIN called `name` can be sent as `object` says.
    pub(crate) fn can_send(&self, object: &PinObject, name: &str) -> Result<(), CardError> {
        p2(object, name)?;
        self.form(name, object.format, self.doubt_of(object).as_ref())?;
        Ok(())
    }

    /// Whether the PIN for `role` can be changed, before anybody is asked for it.
    ///
    /// # Errors
    /// As for [`Card::can_send_pin`]; or the card says that it cannot be changed.
    pub fn can_change_pin(&mut self, role: PinRole) -> Result<(), CardError> {
        self.can_send_pin(role)?;
        must_not_be_disabled(&self.pin(role)?, role, PinFlags::CHANGE_DISABLED)
    }

    /// Whether this can be the new PIN for `role`: long enough, not too long, of the characters that the
    /// card takes.
    ///
    /// # Errors
    /// It cannot ([`ErrorKind::Invalid`]); or as for [`Card::can_send_pin`].
    pub fn can_be_new_pin(&mut self, role: PinRole, new: &Pin) -> Result<(), CardError> {
        let object = self.pin_to_send(role)?;
        let name = format!("new PIN for {role}");
        let doubt = self.doubt_of(&object);
        self.encode(&name, new, object.format, doubt.as_ref())?;
        Ok(())
    }

    /// The same of the PUK that unblocks the PIN for `role`.
    ///
    /// # Errors
    /// As for [`Card::can_send_pin`]; or the card says that the PIN cannot be unblocked.
    pub fn can_send_puk(&mut self, role: PinRole) -> Result<(), CardError> {
        self.can_send_pin(role)?;
        must_not_be_disabled(&self.pin(role)?, role, PinFlags::UNBLOCK_DISABLED)?;
        let (format, doubt) = self.puk_format(&self.pin(role)?);
        self.form("PUK", format, doubt.as_ref())?;
        Ok(())
    }

    /// The PIN for `role`, if there is no doubt that it is the one, by what the directories say and
    /// what the card says of the file of the key for it.
    pub(crate) fn pin_to_send(&mut self, role: PinRole) -> Result<PinObject, CardError> {
        let pin = self.pin(role)?;
        let doubt = match pin_doubt::of_role(self.contents(), role, &pin) {
            None => self.other_reference_of_role(role, &pin)?,
            doubt => doubt,
        };
        self.certain(&format!("PIN for {role}"), doubt)?;
        Ok(pin)
    }

    /// Nothing, unless there is a doubt which PIN this is and the holder does not know of it.
    pub(crate) fn certain(&self, name: &str, doubt: Option<String>) -> Result<(), CardError> {
        match doubt {
            Some(doubt) if !self.doubtful_pins => Err(CardError::new(
                ErrorKind::DoubtfulPin,
                format!(
                    "the {name} was not sent to the card, because it is not certain which of the \
                     card's PINs it is: {doubt}"
                ),
            )
            .hint(
                "no try was lost; `kortlab cert check` says what is wrong; --doubtful-pin sends it all \
                 the same: if it is another PIN's, that costs that PIN a try",
            )),
            _ => Ok(()),
        }
    }

    /// The state of the PIN for `role`, found out without costing a try.
    ///
    /// # Errors
    /// The card lists no such PIN, or is gone.
    pub fn pin_status(&mut self, role: PinRole) -> Result<PinState, CardError> {
        let pin = self.pin(role)?;
        self.state_of(&pin)
    }

    /// Refuses what needs the PIN for `role` before anything is done, where the card says that the PIN
    /// is blocked; costs no try. A card that lists no such PIN, or does not tell, is left to what comes.
    ///
    /// # Errors
    /// It is blocked ([`ErrorKind::PinBlocked`]), or the card is gone.
    pub fn must_not_be_blocked(&mut self, role: PinRole) -> Result<(), CardError> {
        let Some(pin) = find(self.contents(), role) else {
            return Ok(());
        };
        match self.state_of(&pin)? {
            PinState::Blocked => {
                let next = format!("{UNBLOCK}: `kortlab pin unblock {}`", role.name());
                Err(is_blocked(&format!("PIN for {role}"), &next))
            }
            _ => Ok(()),
        }
    }

    /// The state of a PIN or PUK, found out without costing a try.
    ///
    /// Whatever the card answers, this is of this PIN alone.
    ///
    /// # Errors
    /// The card is gone.
    pub fn state_of(&mut self, pin: &PinObject) -> Result<PinState, CardError> {
        match pin.p2() {
            _ if !self.dialect().tells_pin_status() => Ok(PinState::Unknown(WhyUnknown::NotAsked)),
            Some(reference) => self.state_at(&pin.directory, reference),
            None => Ok(PinState::Unknown(WhyUnknown::NoReference(pin.reference))),
        }
    }

    /// The state of the PIN with this reference in this DF, which is selected first if it is not empty.
    pub(crate) fn state_at(
        &mut self,
        directory: &FilePath,
        reference: u8,
    ) -> Result<PinState, CardError> {
        let command = self.dialect().pin_status(reference);
        let doing = format!("ask for the state of the PIN {reference:02X}");
        let selected = |error: CardError| match error.status() {
            Some(status) => WhyUnknown::DirectoryRefused(status),
            None => WhyUnknown::Nonsense,
        };
        self.exclusively(|card| {
            if !directory.is_empty() {
                match card.files().select_df(directory) {
                    Ok(()) => {}
                    Err(error) if is_final(&error) => return Err(error),
                    Err(error) => return Ok(PinState::Unknown(selected(error))),
                }
            }
            let status = match card.files().send(&doing, &command) {
                Ok(response) => response.status(),
                Err(error) if is_final(&error) => return Err(error),
                Err(_) => return Ok(PinState::Unknown(WhyUnknown::Nonsense)),
            };
            Ok(match outcome(status) {
                Outcome::Done => PinState::Verified,
                Outcome::Wrong(Some(0)) | Outcome::Blocked => PinState::Blocked,
                Outcome::Wrong(Some(tries)) => PinState::TriesLeft(tries),
                Outcome::Wrong(None) => PinState::Unknown(WhyUnknown::NotTold(status)),
                Outcome::Other => PinState::Unknown(WhyUnknown::Refused(status)),
            })
        })
    }

    /// Verifies the PIN for `role`.
    ///
    /// # Errors
    /// Wrong, with the tries left; blocked; or not of the card's form, in which case it is not
    /// sent and no try is lost.
    pub fn verify(&mut self, role: PinRole, pin: &Pin) -> Result<(), CardError> {
        let object = self.pin_to_send(role)?;
        self.verify_object(&object, &format!("PIN for {role}"), pin)
    }

    /// Verifies the PIN that `object` describes, whatever the card's directories say now.
    pub(crate) fn verify_object(
        &mut self,
        object: &PinObject,
        name: &str,
        pin: &Pin,
    ) -> Result<(), CardError> {
        let coded = self.encode(name, pin, object.format, self.doubt_of(object).as_ref())?;
        let command = self.dialect().verify(p2(object, name)?, &coded);
        let doing = format!("verify the {name}");
        let status = self.send_for(object, name, &doing, &command)?;
        let judged = judge(status, &doing, &command, name, UNBLOCK)
            .map_err(|error| pin_forms::refused(self.contents(), object, error));
        self.note_verified(object, judged.is_ok());
        judged
    }

    /// Changes the PIN for `role`. The card verifies the old one on the way.
    ///
    /// # Errors
    /// As for [`Card::verify`]; the new one not of the card's form; or the card says that the PIN
    /// cannot be changed.
    pub fn change_pin(&mut self, role: PinRole, old: &Pin, new: &Pin) -> Result<(), CardError> {
        let object = self.pin_to_send(role)?;
        let name = format!("PIN for {role}");
        must_not_be_disabled(&object, role, PinFlags::CHANGE_DISABLED)?;
        let doubt = self.doubt_of(&object);
        let new = self.encode(&format!("new {name}"), new, object.format, doubt.as_ref())?;
        let old = self.encode(&name, old, object.format, doubt.as_ref())?;
        let command = self.dialect().change_pin(p2(&object, &name)?, &old, &new);
        let doing = format!("change the {name}");
        let status = self.send_for(&object, &name, &doing, &command)?;
        judge(status, &doing, &command, &name, UNBLOCK)
            .map_err(|error| pin_forms::refused(self.contents(), &object, error))
    }

    /// Unblocks the PIN for `role` with the PUK, and gives it a new value.
    ///
    /// # Errors
    /// The PUK is wrong, with the tries left if the card says them; the PUK is blocked; or one of
    /// the two is not of the card's form, in which case nothing is sent.
    pub fn unblock_pin(&mut self, role: PinRole, puk: &Pin, new: &Pin) -> Result<(), CardError> {
        let object = self.pin_to_send(role)?;
        let name = format!("PIN for {role}");
        must_not_be_disabled(&object, role, PinFlags::UNBLOCK_DISABLED)?;
        let new = self.encode(
            &format!("new {name}"),
            new,
            object.format,
            self.doubt_of(&object).as_ref(),
        )?;
        let (format, doubt) = self.puk_format(&object);
        self.certain_puk(&object, puk)?;
        let puk = self.encode("PUK", puk, format, doubt.as_ref())?;
        let command = self.dialect().unblock_pin(p2(&object, &name)?, &puk, &new);
        let doing = format!("unblock the {name}");
        let status = self.send_for(&object, "PUK", &doing, &command)?;
        let next = "a blocked PUK is the end of the card: order a new one";
        judge(status, &doing, &command, "PUK", next).map_err(|error| match self.puk_for(&object) {
            Some(puk) => pin_forms::refused(self.contents(), &puk, error),
            None => error,
        })
    }

    /// The PUK that unblocks `pin`: the one it names, else the only one there is.
    pub fn puk_for(&self, pin: &PinObject) -> Option<PinObject> {
        let puks =
            || pin_objects(self.contents()).filter(|pin| pin.purpose == PinPurpose::Unblocking);
        let named = puks().find(|puk| Some(&puk.auth_id) == pin.unblocked_by.as_ref());
        named.or_else(|| {
            let mut all = puks();
            let only = all.next();
            if all.next().is_some() { None } else { only }
        })
    }

    /// Nothing, unless the PUK is shorter than the PIN that it unblocks may be, the card says nothing of
    /// PUKs, and the holder does not know of it: then it was hardly typed to its end.
    fn certain_puk(&self, pin: &PinObject, puk: &Pin) -> Result<(), CardError> {
        let least = usize::try_from(pin.format.min_length).unwrap_or(usize::MAX);
        if self.doubtful_pins || puk.typed() >= least || self.puk_for(pin).is_some() {
            return Ok(());
        }
        Err(CardError::new(
            ErrorKind::DoubtfulPin,
            format!(
                "the PUK was not sent to the card, because it is shorter than the PIN that it unblocks, \
                 which has at least {least} characters"
            ),
        )
        .hint("no try was lost; type it again; --doubtful-pin sends it all the same, which costs a try \
               if it is wrong"))
    }

    /// How the PUK is coded: as its own object says; without one, like the PIN, of any length, and of
    /// any text: some PUKs have letters in them.
    fn puk_format(&self, pin: &PinObject) -> (PinFormat, Option<FormDoubt>) {
        match self.puk_for(pin) {
            Some(puk) => (puk.format, self.doubt_of(&puk)),
            None => {
                let format = pin.format.of_any_length().of_any_text();
                (format, self.doubt_of(pin))
            }
        }
    }

    /// Why a PIN or PUK may be sent in a form that the card does not take, by its own entry and by those of
    /// the others.
    fn doubt_of(&self, pin: &PinObject) -> Option<FormDoubt> {
        let by_others = || pin_forms::of_all_others(self.contents(), pin);
        pin.doubt().or_else(|| by_others().map(FormDoubt::Other))
    }

    /// How a PIN is coded. Where there is a doubt about that, there is an answer only if the holder
    /// knows.
    fn form(
        &self,
        name: &str,
        format: PinFormat,
        doubt: Option<&FormDoubt>,
    ) -> Result<PinFormat, CardError> {
        let of_any_length = format.of_any_length();
        let (why, next) = match doubt {
            None => return Ok(format),
            Some(FormDoubt::Protected(_) | FormDoubt::Other(_)) if self.doubtful_pins => {
                return Ok(format);
            }
            Some(FormDoubt::Contradictions(_)) if self.doubtful_pins => return Ok(of_any_length),
            Some(FormDoubt::Protected(flags)) => (
                format!("the card wants it under secure messaging (EF(AODF): {flags})"),
                "sends it in the clear: if the card takes it in another form only, that may cost a \
                 try"
                    .to_owned(),
            ),
            Some(FormDoubt::Other(usual)) => (
                format!(
                    "EF(AODF) wants it as {format}, and every other PIN of the card as {usual}: it \
                     may be damaged there"
                ),
                format!("sends it as {format}: if the card wants another form, that costs a try"),
            ),
            Some(FormDoubt::Contradictions(contradictions)) => {
                let list: Vec<_> = contradictions.iter().map(ToString::to_string).collect();
                (
                    format!(
                        "the card's rules for it (EF(AODF)) contradict each other: {}",
                        list.join("; ")
                    ),
                    format!(
                        "sends it as {of_any_length}, whatever its length: if the card wants \
                         another form, that costs a try"
                    ),
                )
            }
        };
        Err(CardError::new(
            ErrorKind::DoubtfulPin,
            format!("the {name} was not sent to the card, because {why}"),
        )
        .hint(format!("no try was lost; --doubtful-pin {next}")))
    }

    /// A PIN as the card wants it.
    fn encode(
        &self,
        name: &str,
        pin: &Pin,
        format: PinFormat,
        doubt: Option<&FormDoubt>,
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let format = self.form(name, format, doubt)?;
        pin.encode(&format).map_err(|error| {
            CardError::new(
                ErrorKind::Invalid,
                format!("the {name} was not sent to the card: {error}"),
            )
            .hint("no try was lost; type it again")
        })
    }

    /// Takes back that a PIN is verified; whether the card did that.
    pub(crate) fn unverify(&mut self, pin: &PinObject) -> Result<bool, CardError> {
        let reference = p2(pin, "PIN")?;
        let command = self.dialect().unverify(reference);
        let doing = format!("take back the PIN {reference:02X}");
        if self.send_for(pin, "PIN", &doing, &command)? == StatusWord::SUCCESS {
            return Ok(true);
        }
        if !self.dialect().tells_whether_verified() {
            return Ok(false);
        }
        // A PIN that was wrong, or is blocked, needs no taking back.
        let state = self.state_of(pin)?;
        Ok(matches!(state, PinState::TriesLeft(_) | PinState::Blocked))
    }

    /// Sends a command with the PIN or PUK called `name`, after its DF was selected.
    fn send_for(
        &mut self,
        pin: &PinObject,
        name: &str,
        doing: &str,
        command: &Command,
    ) -> Result<StatusWord, CardError> {
        self.exclusively(|card| {
            if !command.data().is_empty() {
                card.before_verifying(pin)?;
            }
            let mut files = card.files();
            if !pin.directory.is_empty() {
                files.select_df(&pin.directory).map_err(|error| {
                    if is_final(&error) {
                        return error;
                    }
                    let directory = pin.directory.to_string();
                    let hint = match error.kind() {
                        ErrorKind::NotFound => "no try was lost; the card's EF(AODF) is wrong",
                        _ => {
                            "no try was lost; the card refuses to select that directory, whatever \
                             EF(AODF) says: `kortlab info` shows what is wrong with the card"
                        }
                    };
                    error
                        .context(&format!(
                            "the {name} was not sent to the card: EF(AODF) says it belongs to \
                             {directory}"
                        ))
                        .hint(hint)
                })?;
            }
            Ok(files.send(doing, command)?.status())
        })
    }
}

/// The first PIN with each identifier, and the role it has.
#[derive(Clone, Debug)]
pub(crate) struct PinIndex(BTreeMap<Id, (PinObject, Option<PinRole>)>);

impl PinIndex {
    fn new(contents: &Contents) -> Self {
        let roles = PinRole::ALL.map(|role| (role, certain(contents, role)));
        let mut index = BTreeMap::new();
        for pin in pin_objects(contents) {
            let has = |found: &Option<PinObject>| found.as_ref() == Some(&pin);
            let role = roles.iter().find(|(_, found)| has(found));
            let role = role.map(|&(role, _)| role);
            index.entry(pin.auth_id.clone()).or_insert((pin, role));
        }
        Self(index)
    }
}

/// That the AODF does not say of the PIN for `role` what `flag` says: that it cannot be changed, or
/// unblocked (PKCS#15 §6.8.2).
fn must_not_be_disabled(pin: &PinObject, role: PinRole, flag: PinFlags) -> Result<(), CardError> {
    if !pin.flags.contains(flag) {
        return Ok(());
    }
    let what = match flag {
        PinFlags::CHANGE_DISABLED => "changed",
        _ => "unblocked",
    };
    Err(CardError::new(
        ErrorKind::Unsupported,
        format!("the PIN for {role} cannot be {what}: the card says so ({flag})"),
    )
    .hint("nothing was sent to the card; whoever issued it can tell what is to be done"))
}

/// P2 of VERIFY for the PIN called `name`.
fn p2(pin: &PinObject, name: &str) -> Result<u8, CardError> {
    pin.p2().ok_or_else(|| {
        CardError::new(
            ErrorKind::Nonsense,
            format!(
                "the {name} was not sent to the card: its reference in EF(AODF), {}, does not fit \
                 one byte",
                pin.reference
            ),
        )
        .hint("no try was lost; the card's EF(AODF) is wrong")
    })
}

enum Outcome {
    Done,
    Wrong(Option<u8>),
    Blocked,
    Other,
}

/// What a status word says after a PIN was compared (ISO/IEC 7816-4 §11.6).
fn outcome(status: StatusWord) -> Outcome {
    match status {
        StatusWord::SUCCESS => Outcome::Done,
        StatusWord::BLOCKED => Outcome::Blocked,
        _ if status.value() & 0xFFF0 == 0x63C0 => Outcome::Wrong(Some(status.sw2() & 0x0F)),
        // 6300, and what the standard gives no meaning here: 630X, which some cards send. The
        // comparison failed; a number in it is not relied on.
        _ if status.sw1() == 0x63 => Outcome::Wrong(None),
        _ => Outcome::Other,
    }
}

fn is_blocked(name: &str, what_to_do: &str) -> CardError {
    CardError::new(ErrorKind::PinBlocked, format!("the {name} is blocked")).hint(what_to_do)
}

fn judge(
    status: StatusWord,
    doing: &str,
    command: &Command,
    name: &str,
    when_blocked: &str,
) -> Result<(), CardError> {
    let error = match outcome(status) {
        Outcome::Done => return Ok(()),
        Outcome::Other => return Err(CardError::refused(doing, command, status)),
        Outcome::Wrong(Some(0)) => CardError::new(
            ErrorKind::PinBlocked,
            format!("the {name} is wrong and blocked now, or was blocked before"),
        )
        .hint(when_blocked),
        Outcome::Blocked => is_blocked(name, when_blocked),
        Outcome::Wrong(Some(tries)) => {
            let noun = if tries == 1 { "try is" } else { "tries are" };
            CardError::new(
                ErrorKind::PinWrong { tries: Some(tries) },
                format!("the {name} is wrong: {tries} {noun} left"),
            )
            .hint("check which one is asked for before trying again")
        }
        Outcome::Wrong(None) => CardError::new(
            ErrorKind::PinWrong { tries: None },
            format!("the {name} is wrong; the card does not say how many tries are left"),
        )
        .hint("check which one is asked for before trying again"),
    };
    Err(error.answered(command, status))
}

/// The authentication object for `role`; see the module's rules.
pub(crate) fn find(contents: &Contents, role: PinRole) -> Option<PinObject> {
    let users = || pin_objects(contents).filter(|pin| pin.purpose == PinPurpose::User);
    let by_key = role_key(contents, role)
        .and_then(|key| key.common.auth_id.clone())
        .and_then(|auth_id| users().find(|pin| pin.auth_id == auth_id));
    let profile = Profile::of(contents);
    let says = |pin: &PinObject| profile.role_of_label(pin.label.as_deref()?);
    by_key
        .or_else(|| users().find(|pin| says(pin) == Some(role)))
        .or_else(|| match role {
            PinRole::Authentication => users().next(),
            PinRole::Signature => users().last(),
        })
}

/// The same, unless the directories say that the key for `role` has another.
pub(crate) fn certain(contents: &Contents, role: PinRole) -> Option<PinObject> {
    let protector = role_key(contents, role).and_then(|key| key.common.auth_id.as_ref());
    find(contents, role).filter(|pin| protector.is_none_or(|id| *id == pin.auth_id))
}

/// The private key for `role`; see the module's first rule.
pub(crate) fn role_key(contents: &Contents, role: PinRole) -> Option<&PrivateKey> {
    let keys = || private_keys(contents);
    let usual = Profile::of(contents).purpose(role).key_id;
    let signs = |key: &&PrivateKey| key.usage().contains(KeyUsage::NON_REPUDIATION);
    keys()
        .find(|key| key.id().as_bytes() == usual)
        .or_else(|| match role {
            PinRole::Authentication => keys().find(|key| !signs(key)),
            PinRole::Signature => keys().find(signs),
        })
}

pub(crate) fn pin_objects(contents: &Contents) -> impl Iterator<Item = PinObject> {
    contents
        .authentication
        .iter()
        .flat_map(|file| file.directory.objects())
        .filter_map(|object| pin_object(contents, object))
}

/// The authentication objects that a card lists, each by what it is to the card's holder.
pub(crate) struct Listed<'a> {
    /// `None`: it is no PIN. Of several with one identifier what is of most use to the holder counts.
    purposes: BTreeMap<&'a Id, Option<PinPurpose>>,
    why_not_all: Option<CardError>,
}

impl<'a> Listed<'a> {
    /// Those of a card.
    pub(crate) fn of(contents: &'a Contents) -> Self {
        let use_to_holder = |purpose: Option<PinPurpose>| match purpose {
            Some(PinPurpose::User) => 3,
            Some(PinPurpose::Unblocking) => 2,
            Some(PinPurpose::SecurityOfficer) => 1,
            None => 0,
        };
        let mut purposes = BTreeMap::new();
        for object in contents
            .authentication
            .iter()
            .flat_map(|file| file.directory.objects())
        {
            let new = object.pin_attributes().map(purpose);
            let known = purposes.entry(object.auth_id()).or_insert(new);
            if use_to_holder(new) > use_to_holder(*known) {
                *known = new;
            }
        }
        Self {
            purposes,
            why_not_all: contents.why_not_all_pins(),
        }
    }

    /// What the object with this identifier is for, or that it is no PIN; `None` if none is listed.
    pub(crate) fn purpose(&self, auth_id: &Id) -> Option<Option<PinPurpose>> {
        self.purposes.get(auth_id).copied()
    }

    /// Why not all may be listed, if so.
    pub(crate) const fn why_not_all(&self) -> Option<&CardError> {
        self.why_not_all.as_ref()
    }

    /// In words, what of the object with this identifier makes it no PIN of the card's holder: "which
    /// the card does not list", say. Nothing if it is one.
    pub(crate) fn why_no_pin_of_holder(&self, auth_id: &Id) -> Option<String> {
        Some(match (self.purpose(auth_id), &self.why_not_all) {
            (Some(Some(PinPurpose::User)), _) => return None,
            (Some(Some(PinPurpose::Unblocking)), _) => "which is a PUK".to_owned(),
            (Some(Some(PinPurpose::SecurityOfficer)), _) => {
                "which is the PIN of a security officer".to_owned()
            }
            (Some(None), _) => "which is no PIN".to_owned(),
            (None, None) => "which the card does not list".to_owned(),
            (None, Some(why)) => format!("which is none of those that could be read: {why}"),
        })
    }
}

/// The PIN or PUK that an authentication object describes; `None` if it is another kind of object.
pub(crate) fn pin_object(contents: &Contents, object: &AuthenticationObject) -> Option<PinObject> {
    let attributes = object.pin_attributes()?;
    let directory = match attributes
        .path
        .as_ref()
        .filter(|path| !path.path.is_empty())
    {
        Some(path) => contents.absolute(path),
        // PKCS#15 §6.8.2: without a path, a local PIN belongs to DF(PKCS15).
        None if attributes.flags.contains(PinFlags::LOCAL) => contents.application.clone(),
        None => FilePath::EMPTY,
    };
    Some(PinObject {
        label: object.common.label.clone(),
        auth_id: object.auth_id().clone(),
        purpose: purpose(attributes),
        reference: attributes.reference,
        format: format(attributes),
        contradictions: attributes.contradictions(),
        flags: attributes.flags,
        directory,
        unblocked_by: object.common.auth_id.clone(),
    })
}

fn purpose(attributes: &PinAttributes) -> PinPurpose {
    if attributes.flags.contains(PinFlags::UNBLOCKING_PIN) {
        PinPurpose::Unblocking
    } else if attributes.flags.contains(PinFlags::SO_PIN) {
        PinPurpose::SecurityOfficer
    } else {
        PinPurpose::User
    }
}

fn format(attributes: &PinAttributes) -> PinFormat {
    let needs_padding = attributes.flags.contains(PinFlags::NEEDS_PADDING);
    PinFormat {
        coding: match attributes.pin_type {
            PinType::Bcd => PinCoding::Bcd,
            PinType::AsciiNumeric => PinCoding::AsciiNumeric,
            PinType::HalfNibbleBcd => PinCoding::HalfNibbleBcd,
            PinType::Iso9564 => PinCoding::Iso9564,
            PinType::Utf8 | PinType::Other(_) => PinCoding::Utf8,
        },
        min_length: attributes.min_length,
        max_length: attributes.max_length.filter(|&longest| longest != 0),
        stored_length: attributes.stored_length,
        // Without a padChar the form is a guess: 00, as OpenSC takes it.
        pad: needs_padding.then(|| attributes.pad_char.unwrap_or(0x00)),
    }
}
