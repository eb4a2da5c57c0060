//! PINs: which there are, their state, and verifying, changing, unblocking them.
//!
//! Which authentication object is the PIN for *Legitimering* and which the one for *Underskrift*
//! is found out like this, the first rule that names one deciding:
//!
//! 1. The key for the role names its PIN (authId). The signature key is the private key with
//!    identifier 46, else the first whose usage has nonRepudiation; the authentication key is the
//!    one with identifier 45, else the first without nonRepudiation.
//! 2. The PIN's label says it, in Swedish or English.
//! 3. The first PIN of the card is for authentication, the last one for signatures.
//!
//! PUKs and the PINs of a security officer are never taken.

use kortlab_apdu::{Channel, Command, StatusWord};
use kortlab_pkcs15::{
    AuthenticationObject, Id, KeyUsage, PinAttributes, PinFlags, PinType, PrivateKey,
};

use crate::card::Card;
use crate::contents::Contents;
use crate::error::{CardError, ErrorKind};
use crate::pin::{Pin, PinCoding, PinFormat};
use crate::role::PinRole;

/// The identifier of the authentication key on Swedish staff cards.
const AUTHENTICATION_KEY: &[u8] = &[0x45];
/// The identifier of the signature key on Swedish staff cards.
const SIGNATURE_KEY: &[u8] = &[0x46];

/// A PIN or PUK on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinObject {
    /// Its label.
    pub label: Option<String>,
    /// Its identifier, which keys and other PINs refer to.
    pub auth_id: Id,
    /// What it is for.
    pub purpose: PinPurpose,
    /// Its reference: P2 of VERIFY.
    pub reference: u8,
    /// How it is typed, coded and padded.
    pub format: PinFormat,
    /// The flags of the AODF.
    pub flags: PinFlags,
    /// The absolute path of the DF to select before it is used; empty for none.
    pub directory: Vec<u8>,
    /// The identifier of the PUK that unblocks it, if the AODF names one.
    pub unblocked_by: Option<Id>,
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
    /// The card cannot be asked without risking a try.
    Unknown,
    /// It is verified in this session.
    Verified,
    /// It is not verified; so many tries are left.
    TriesLeft(u8),
    /// It is blocked; the PUK unblocks it.
    Blocked,
}

impl<C: Channel> Card<C> {
    /// All PINs and PUKs that the card lists.
    pub fn pins(&self) -> Vec<PinObject> {
        pin_objects(self.contents()).collect()
    }

    /// The PIN for `role`.
    ///
    /// # Errors
    /// The card lists none.
    pub fn pin(&self, role: PinRole) -> Result<PinObject, CardError> {
        find(self.contents(), role).ok_or_else(|| {
            CardError::new(
                ErrorKind::NotFound,
                format!("the card lists no PIN for {role}"),
            )
            .hint("its EF(AODF) is empty or damaged; see what `kortlab info` says")
        })
    }

    /// The PIN with this identifier, and the role it has, if it has one.
    pub fn pin_by_id(&self, auth_id: &Id) -> Option<(PinObject, Option<PinRole>)> {
        let pin = pin_objects(self.contents()).find(|pin| pin.auth_id == *auth_id)?;
        let role = PinRole::ALL
            .into_iter()
            .find(|&role| find(self.contents(), role).is_some_and(|found| found == pin));
        Some((pin, role))
    }

    /// The state of the PIN for `role`, found out without costing a try.
    ///
    /// # Errors
    /// The card lists no such PIN, is gone, or answers something else than a PIN's state.
    pub fn pin_status(&mut self, role: PinRole) -> Result<PinState, CardError> {
        let pin = self.pin(role)?;
        self.state_of(&pin)
    }

    /// The state of a PIN or PUK, found out without costing a try.
    ///
    /// # Errors
    /// The card is gone, or answers something else than a PIN's state.
    pub fn state_of(&mut self, pin: &PinObject) -> Result<PinState, CardError> {
        if !self.dialect().tells_pin_status() {
            return Ok(PinState::Unknown);
        }
        let command = self.dialect().pin_status(pin.reference);
        let doing = format!("ask for the state of the PIN {:02X}", pin.reference);
        let status = self.send_for(pin, &doing, &command)?;
        Ok(match outcome(status) {
            Outcome::Done => PinState::Verified,
            Outcome::Wrong(Some(0)) | Outcome::Blocked => PinState::Blocked,
            Outcome::Wrong(Some(tries)) => PinState::TriesLeft(tries),
            Outcome::Wrong(None) => PinState::Unknown,
            Outcome::Other => match status {
                // The card does not know the question. That is no fault.
                StatusWord::WRONG_LENGTH
                | StatusWord::FUNCTION_NOT_SUPPORTED
                | StatusWord::INCORRECT_P1_P2
                | StatusWord::SECURITY_STATUS => PinState::Unknown,
                _ => return Err(CardError::refused(&doing, &command, status)),
            },
        })
    }

    /// Verifies the PIN for `role`.
    ///
    /// # Errors
    /// Wrong, with the tries left; blocked; or not of the card's form, in which case it is not
    /// sent and no try is lost.
    pub fn verify(&mut self, role: PinRole, pin: &Pin) -> Result<(), CardError> {
        let object = self.pin(role)?;
        self.verify_object(&object, &format!("PIN for {role}"), pin)
    }

    /// Verifies the PIN that `object` describes, whatever the card's directories say now.
    pub(crate) fn verify_object(
        &mut self,
        object: &PinObject,
        name: &str,
        pin: &Pin,
    ) -> Result<(), CardError> {
        let coded = encode(name, pin, &object.format)?;
        let command = self.dialect().verify(object.reference, &coded);
        let doing = format!("verify the {name}");
        let status = self.send_for(object, &doing, &command)?;
        judge(status, &doing, &command, name, "unblock it with the PUK")
    }

    /// Changes the PIN for `role`. The card verifies the old one on the way.
    ///
    /// # Errors
    /// As for [`Card::verify`]; the new one not of the card's form; or the card says that the PIN
    /// cannot be changed.
    pub fn change_pin(&mut self, role: PinRole, old: &Pin, new: &Pin) -> Result<(), CardError> {
        let object = self.pin(role)?;
        let name = format!("PIN for {role}");
        if object.flags.contains(PinFlags::CHANGE_DISABLED) {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!("the {name} cannot be changed: the card says so (change-disabled)"),
            ));
        }
        let new = encode(&format!("new {name}"), new, &object.format)?;
        let old = encode(&name, old, &object.format)?;
        let command = self.dialect().change_pin(object.reference, &old, &new);
        let doing = format!("change the {name}");
        let status = self.send_for(&object, &doing, &command)?;
        judge(status, &doing, &command, &name, "unblock it with the PUK")
    }

    /// Unblocks the PIN for `role` with the PUK, and gives it a new value.
    ///
    /// # Errors
    /// The PUK is wrong, with the tries left if the card says them; the PUK is blocked; or one of
    /// the two is not of the card's form, in which case nothing is sent.
    pub fn unblock_pin(&mut self, role: PinRole, puk: &Pin, new: &Pin) -> Result<(), CardError> {
        let object = self.pin(role)?;
        let name = format!("PIN for {role}");
        if object.flags.contains(PinFlags::UNBLOCK_DISABLED) {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!("the {name} cannot be unblocked: the card says so (unblock-disabled)"),
            ));
        }
        let new = encode(&format!("new {name}"), new, &object.format)?;
        let puk = encode("PUK", puk, &self.puk_format(&object))?;
        let command = self.dialect().unblock_pin(object.reference, &puk, &new);
        let doing = format!("unblock the {name}");
        let status = self.send_for(&object, &doing, &command)?;
        let next = "a blocked PUK is the end of the card: order a new one";
        judge(status, &doing, &command, "PUK", next)
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

    /// How the PUK is coded: as its own object says; without one, like the PIN, of any length.
    fn puk_format(&self, pin: &PinObject) -> PinFormat {
        match self.puk_for(pin) {
            Some(puk) => puk.format,
            None => PinFormat {
                min_length: 1,
                max_length: None,
                ..pin.format
            },
        }
    }

    fn send_for(
        &mut self,
        pin: &PinObject,
        doing: &str,
        command: &Command,
    ) -> Result<StatusWord, CardError> {
        self.exclusively(|card| {
            let mut files = card.files();
            if !pin.directory.is_empty() {
                files.select_silently(&pin.directory)?;
            }
            Ok(files.send(doing, command)?.status())
        })
    }
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
        StatusWord::VERIFICATION_FAILED => Outcome::Wrong(None),
        StatusWord::BLOCKED => Outcome::Blocked,
        _ if status.value() & 0xFFF0 == 0x63C0 => Outcome::Wrong(Some(status.sw2() & 0x0F)),
        _ => Outcome::Other,
    }
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
            format!("the {name} is wrong, and is now blocked"),
        )
        .hint(when_blocked),
        Outcome::Blocked => CardError::new(ErrorKind::PinBlocked, format!("the {name} is blocked"))
            .hint(when_blocked),
        Outcome::Wrong(Some(tries)) => {
            let noun = if tries == 1 { "try is" } else { "tries are" };
            CardError::new(
                ErrorKind::PinWrong { tries: Some(tries) },
                format!("the {name} is wrong: {tries} {noun} left"),
            )
            .hint("check which PIN is asked for before trying again")
        }
        Outcome::Wrong(None) => CardError::new(
            ErrorKind::PinWrong { tries: None },
            format!("the {name} is wrong; the card does not say how many tries are left"),
        )
        .hint("check which PIN is asked for before trying again"),
    };
    Err(error.answered(command, status))
}

fn encode(
    name: &str,
    pin: &Pin,
    format: &PinFormat,
) -> Result<zeroize::Zeroizing<Vec<u8>>, CardError> {
    pin.encode(format).map_err(|error| {
        CardError::new(
            ErrorKind::Invalid,
            format!("the {name} was not sent to the card: {error}"),
        )
        .hint("no try was lost; type it again")
    })
}

/// The authentication object for `role`; see the module's rules.
pub(crate) fn find(contents: &Contents, role: PinRole) -> Option<PinObject> {
    let users = || pin_objects(contents).filter(|pin| pin.purpose == PinPurpose::User);
    let by_key = role_key(contents, role)
        .and_then(|key| key.common.auth_id.clone())
        .and_then(|auth_id| users().find(|pin| pin.auth_id == auth_id));
    by_key
        .or_else(|| users().find(|pin| label_role(pin.label.as_deref()) == Some(role)))
        .or_else(|| match role {
            PinRole::Authentication => users().next(),
            PinRole::Signature => users().last(),
        })
}

/// The private key for `role`; see the module's first rule.
pub(crate) fn role_key(contents: &Contents, role: PinRole) -> Option<&PrivateKey> {
    let keys = || {
        contents
            .private_keys
            .iter()
            .flat_map(|file| file.directory.objects())
    };
    let usual = match role {
        PinRole::Authentication => AUTHENTICATION_KEY,
        PinRole::Signature => SIGNATURE_KEY,
    };
    let signs = |key: &&PrivateKey| key.usage().contains(KeyUsage::NON_REPUDIATION);
    keys()
        .find(|key| key.id().as_bytes() == usual)
        .or_else(|| match role {
            PinRole::Authentication => keys().find(|key| !signs(key)),
            PinRole::Signature => keys().find(signs),
        })
}

fn label_role(label: Option<&str>) -> Option<PinRole> {
    const AUTHENTICATION: [&str; 4] = ["legitimering", "autent", "authent", "identifi"];
    const SIGNATURE: [&str; 4] = ["underskrift", "signer", "signat", "oavvis"];
    let label = label?.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| label.contains(word));
    match (says(&AUTHENTICATION), says(&SIGNATURE)) {
        (true, false) => Some(PinRole::Authentication),
        (false, true) => Some(PinRole::Signature),
        _ => None,
    }
}

fn pin_objects(contents: &Contents) -> impl Iterator<Item = PinObject> {
    contents
        .authentication
        .iter()
        .flat_map(|file| file.directory.objects())
        .filter_map(|object| pin_object(contents, object))
}

fn pin_object(contents: &Contents, object: &AuthenticationObject) -> Option<PinObject> {
    let attributes = object.pin_attributes()?;
    let purpose = if attributes.flags.contains(PinFlags::UNBLOCKING_PIN) {
        PinPurpose::Unblocking
    } else if attributes.flags.contains(PinFlags::SO_PIN) {
        PinPurpose::SecurityOfficer
    } else {
        PinPurpose::User
    };
    let directory = match attributes
        .path
        .as_ref()
        .filter(|path| !path.path.is_empty())
    {
        Some(path) => contents.absolute(path),
        // PKCS#15 §6.8.2: without a path, a local PIN belongs to DF(PKCS15).
        None if attributes.flags.contains(PinFlags::LOCAL) => contents.application.clone(),
        None => Vec::new(),
    };
    Some(PinObject {
        label: object.common.label.clone(),
        auth_id: object.auth_id().clone(),
        purpose,
        reference: attributes.p2()?,
        format: format(attributes),
        flags: attributes.flags,
        directory,
        unblocked_by: object.common.auth_id.clone(),
    })
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
        max_length: attributes.max_length,
        stored_length: attributes.stored_length,
        pad: needs_padding.then(|| attributes.pad_char.unwrap_or(0xFF)),
    }
}
