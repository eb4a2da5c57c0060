//! Whether the PIN that the directories name for a key is the one by which the card lets the key be
//! used. A card OS may say in the description of a key's file which PIN that is, whatever EF(PrKDF)
//! and EF(AODF) say.

use core::fmt;
use std::collections::BTreeMap;

use kortlab_apdu::tlv::{Tag, read_one};
use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{AuthenticationObject, Directory, Id, ObjectRef, PrivateKey, Severity};

use crate::card::Card;
use crate::contents::{Contents, DirectoryFile, is_final};
use crate::error::CardError;
use crate::files::FileInfo;
use crate::pins::{PinObject, PinPurpose, find, pin_object, role_key};
use crate::problem::{Problem, code};
use crate::role::PinRole;

/// pinReference in PinAttributes (PKCS#15 §6.8.2).
const PIN_REFERENCE: Tag = Tag::context(0, false);
/// typeAttributes of an object (PKCS#15 §6.1.1).
const TYPE_ATTRIBUTES: Tag = Tag::context(1, true);

/// By which PINs a key is used, as its file's description says it: one way or more, each the
/// references of the PINs of which all must be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ways(Vec<Vec<u8>>);

impl Ways {
    /// Whether the PIN with this reference has a part in using the key, or none has.
    fn allow(&self, reference: u32) -> bool {
        let has = |way: &Vec<u8>| way.iter().any(|&pin| u32::from(pin) == reference);
        self.0.iter().any(|way| way.is_empty() || has(way))
    }

    /// Whether this PIN is named.
    fn name(&self, reference: u32) -> bool {
        self.0
            .iter()
            .flatten()
            .any(|&pin| u32::from(pin) == reference)
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |way: &Vec<u8>| {
            let pins: Vec<_> = way.iter().map(|pin| format!("PIN {pin:02X}")).collect();
            pins.join(" and ")
        };
        let ways: Vec<_> = self.0.iter().map(way).collect();
        f.write_str(&ways.join(" or "))
    }
}

impl<C: Channel> Card<C> {
    /// Why this is not the PIN for `role`, by the descriptions of the files of the keys that it
    /// protects. The key for the role decides, if its file tells.
    ///
    /// # Errors
    /// The card is gone.
    pub(crate) fn other_reference_of_role(
        &mut self,
        role: PinRole,
        pin: &PinObject,
    ) -> Result<Option<String>, CardError> {
        let contents = self.contents();
        let first = role_key(contents, role).into_iter();
        let others = private_keys(contents);
        let others = others.filter(|key| key.common.auth_id.as_ref() == Some(&pin.auth_id));
        let keys: Vec<_> = first
            .chain(others)
            .filter_map(|key| Some((key.id().clone(), path(contents, key)?)))
            .collect();
        for (id, path) in keys {
            if let Some(ways) = self.ways_to_use(&path)? {
                return Ok((!ways.allow(pin.reference)).then(|| doubt(&id, &path, &ways, pin)));
            }
        }
        Ok(None)
    }

    /// The same of the PIN that protects the key `id`, whose file is at `path`.
    ///
    /// # Errors
    /// As for [`Card::other_reference_of_role`].
    pub(crate) fn other_reference_of_key(
        &mut self,
        id: &Id,
        path: &FilePath,
        pin: &PinObject,
    ) -> Result<Option<String>, CardError> {
        if path.is_empty() {
            return Ok(None);
        }
        let ways = self.ways_to_use(path)?;
        let ways = ways.filter(|ways| !ways.allow(pin.reference));
        Ok(ways.map(|ways| doubt(id, path, &ways, pin)))
    }

    /// By which PINs the key in the file at `path` is used; `None` where that is not told. The card
    /// is asked once, and only where its OS has an answer.
    fn ways_to_use(&mut self, path: &FilePath) -> Result<Option<Ways>, CardError> {
        if !self.dialect().describes_use_of_keys() {
            return Ok(None);
        }
        if let Some(known) = self.uses_of_keys.get(path) {
            return Ok(known.clone());
        }
        let told = match self.exclusively(|card| card.files().select(path)) {
            Ok(info) => self.dialect().pins_of_key(&info).map(Ways),
            Err(error) if is_final(&error) => return Err(error),
            // That the file cannot be described is told where it is checked.
            Err(_) => None,
        };
        self.uses_of_keys.insert(path.clone(), told.clone());
        Ok(told)
    }

    /// The PINs in EF(AODF) that are others than those by which their keys are used, the keys in
    /// EF(PrKDF) that name a PIN which is right for others, and the PUKs that have the reference of a
    /// PIN. `files` are the keys' files as the card describes them.
    pub(crate) fn wrong_references(
        &self,
        files: &BTreeMap<FilePath, Option<FileInfo>>,
    ) -> Vec<Problem> {
        let contents = self.contents();
        let mut used = Vec::new();
        for file in &contents.private_keys {
            for (index, key) in file.directory.listed() {
                let path = path(contents, key);
                let info = path.as_ref().and_then(|path| files.get(path)?.as_ref());
                let ways = info.and_then(|info| self.dialect().pins_of_key(info));
                if let (Some(path), Some(ways)) = (path, ways) {
                    used.push(Used {
                        file,
                        index,
                        key,
                        path,
                        ways: Ways(ways),
                    });
                }
            }
        }
        // Two keys at one place are a finding of their own, and only one of them is there.
        let at = |path: &FilePath| used.iter().filter(|other| other.path == *path).count();
        let alone: Vec<_> = used.iter().filter(|used| at(&used.path) == 1).collect();
        let mut problems = Vec::new();
        for file in &contents.authentication {
            for (index, object) in file.directory.listed() {
                let Some(pin) = pin_object(contents, object) else {
                    continue;
                };
                let listed = (file, index, object);
                if pin.purpose == PinPurpose::Unblocking {
                    let puk = alone.iter().find_map(|used| used.of_puk(&pin));
                    problems.extend(puk.map(|message| of_pin(listed, message)));
                    continue;
                }
                let own = alone
                    .iter()
                    .filter(|used| used.is_protected_by(contents, &pin));
                let (right, wrong): (Vec<&Used<'_>>, Vec<&Used<'_>>) =
                    own.partition(|used| used.ways.allow(pin.reference));
                match (right.is_empty(), wrong.first()) {
                    (true, Some(used)) => {
                        problems.push(of_pin(
                            listed,
                            doubt(used.key.id(), &used.path, &used.ways, &pin),
                        ));
                    }
                    _ => problems.extend(wrong.iter().map(|used| used.of_key(&pin))),
                }
            }
        }
        problems
    }
}

/// A private key, where it is listed, and by which PINs it is used.
struct Used<'a> {
    file: &'a DirectoryFile<PrivateKey>,
    index: usize,
    key: &'a PrivateKey,
    path: FilePath,
    ways: Ways,
}

impl Used<'_> {
    /// Whether this is the PIN that would be verified before the key is used.
    fn is_protected_by(&self, contents: &Contents, pin: &PinObject) -> bool {
        if let Some(auth_id) = &self.key.common.auth_id {
            return *auth_id == pin.auth_id;
        }
        PinRole::ALL.into_iter().any(|role| {
            role_key(contents, role).is_some_and(|key| core::ptr::eq(key, self.key))
                && find(contents, role).as_ref() == Some(pin)
        })
    }

    /// That the key names a PIN which is another than its own, and right for other keys.
    fn of_key(&self, pin: &PinObject) -> Problem {
        let message = doubt(self.key.id(), &self.path, &self.ways, pin);
        let code = code::PIN_REFERENCE_MISMATCH;
        let (path, bytes) = (&self.file.path, &self.file.bytes);
        let problem = Problem::new(Severity::Error, code, "EF(PrKDF)", path, message);
        let object = ObjectRef::of(self.index, &self.key.common, Some(self.key.id()));
        let starts = Directory::<PrivateKey>::offsets(bytes);
        let start = starts.get(self.index).copied();
        let place = start.map(|start| place(bytes, start, &[Tag::SEQUENCE, Tag::OCTET_STRING]));
        match place {
            Some(offset) => problem.about(object).at(offset),
            None => problem.about(object),
        }
    }

    /// That this PUK has the reference of a PIN of the key.
    fn of_puk(&self, puk: &PinObject) -> Option<String> {
        self.ways.name(puk.reference).then(|| {
            format!(
                "the reference {:02X} of the PUK {} is that of the PIN by which the key {} in {} is \
                 used, as the access conditions of its file say: what the card tells of it is told \
                 of that PIN",
                puk.reference,
                puk.auth_id,
                self.key.id(),
                self.path
            )
        })
    }
}

/// An authentication object, and where it is listed.
type ListedPin<'a> = (
    &'a DirectoryFile<AuthenticationObject>,
    usize,
    &'a AuthenticationObject,
);

/// That a PIN has the reference of another.
fn of_pin((file, index, object): ListedPin<'_>, message: String) -> Problem {
    let code = code::PIN_REFERENCE_MISMATCH;
    let problem = Problem::new(Severity::Error, code, "EF(AODF)", &file.path, message);
    let id = object.auth_id();
    let problem = problem.about(ObjectRef::of(index, &object.common, Some(id)));
    let starts = Directory::<AuthenticationObject>::offsets(&file.bytes);
    let way = [TYPE_ATTRIBUTES, Tag::SEQUENCE, PIN_REFERENCE];
    match starts.get(index) {
        Some(&start) => problem.at(place(&file.bytes, start, &way)),
        None => problem,
    }
}

fn private_keys(contents: &Contents) -> impl Iterator<Item = &PrivateKey> {
    let files = contents.private_keys.iter();
    files.flat_map(|file| file.directory.objects())
}

/// The absolute path of a key's file, if the card says one.
fn path(contents: &Contents, key: &PrivateKey) -> Option<FilePath> {
    let path = key.path().filter(|path| !path.path.is_empty())?;
    Some(contents.absolute(path))
}

fn doubt(key: &Id, path: &FilePath, ways: &Ways, pin: &PinObject) -> String {
    format!(
        "the key {key} in {path} is used by {ways}, as the access conditions of its file say, and \
         the authentication object {} for it has the reference {:02X}: that is another PIN, or \
         EF(PrKDF) names another object or another file for the key than it should",
        pin.auth_id, pin.reference
    )
}

/// Where in the file the element stands to which these tags lead in the object that begins at
/// `start`; where the object begins, if it is not there.
fn place(file: &[u8], start: usize, way: &[Tag]) -> usize {
    let found = || {
        let mut element = read_one(file.get(start..)?).ok()?;
        for tag in way {
            element = element.child(*tag).ok()??;
        }
        Some(start + element.offset)
    };
    found().unwrap_or(start)
}
