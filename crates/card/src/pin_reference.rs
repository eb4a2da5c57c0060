//! Whether the PIN that the directories name for a key is the one by which the card lets the key be
//! used. A card OS may say in the description of a key's file which PIN that is, whatever EF(PrKDF)
//! and EF(AODF) say.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use kortlab_apdu::tlv::{Tag, read_one};
use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{AuthenticationObject, Directory, Id, ObjectRef, PrivateKey, Severity};

use crate::card::Card;
use crate::contents::{Contents, DirectoryFile, is_final};
use crate::error::{CardError, ErrorKind};
use crate::files::FileInfo;
use crate::keys::private_keys;
use crate::pins::{PinObject, PinPurpose, find, pin_object, role_key};
use crate::problem::{Problem, code};
use crate::role::PinRole;

/// pinReference in PinAttributes (PKCS#15 §6.8.2).
const PIN_REFERENCE: Tag = Tag::context(0, false);
/// typeAttributes of an object (PKCS#15 §6.1.1).
const TYPE_ATTRIBUTES: Tag = Tag::context(1, true);

/// Of how many keys the card is asked before a PIN is sent: a card that tells does so of the first.
const MAX_ASKED: usize = 4;

/// By which PINs a key is used, as its file's description says it: one way or more, each the
/// references of the PINs of which all must be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ways(Vec<Vec<u8>>);

impl Ways {
    /// These ways.
    pub(crate) const fn new(ways: Vec<Vec<u8>>) -> Self {
        Self(ways)
    }

    /// Whether there is no way without a PIN.
    pub(crate) fn always_want_a_pin(&self) -> bool {
        !self.0.is_empty() && !self.0.iter().any(Vec::is_empty)
    }

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
        if !self.asks_of_references(pin) {
            return Ok(None);
        }
        let contents = self.contents();
        let first = role_key(contents, role);
        let is_other = |key: &&PrivateKey| !first.is_some_and(|first| std::ptr::eq(first, *key));
        let others = private_keys(contents).filter(is_other);
        let others = others.filter(|key| key.common.auth_id.as_ref() == Some(&pin.auth_id));
        let keys: Vec<_> = first
            .into_iter()
            .chain(others)
            .filter_map(|key| Some((key.id().clone(), path(contents, key)?)))
            .take(MAX_ASKED)
            .collect();
        let known = keys
            .iter()
            .all(|(_, path)| self.uses_of_keys.contains_key(path));
        let ask = |card: &mut Self| {
            for (id, path) in &keys {
                if let Some(ways) = card.ways_to_use(path)? {
                    return Ok((!ways.allow(pin.reference)).then(|| doubt(id, path, &ways, pin)));
                }
            }
            Ok(None)
        };
        // Held once for all of them: each time the card is held anew, its application may have to be
        // selected.
        match known {
            true => ask(self),
            false => self.exclusively(ask),
        }
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
        if path.is_empty() || !self.asks_of_references(pin) {
            return Ok(None);
        }
        let ways = self.ways_to_use(path)?;
        let ways = ways.filter(|ways| !ways.allow(pin.reference));
        Ok(ways.map(|ways| doubt(id, path, &ways, pin)))
    }

    /// Whether a doubt of this PIN's reference would keep it from being sent. One that fits no command
    /// is told when a command is made.
    fn asks_of_references(&self, pin: &PinObject) -> bool {
        !self.doubtful_pins && pin.p2().is_some()
    }

    /// By which PINs the key in the file at `path` is used; `None` where that is not told. The card
    /// is asked once.
    fn ways_to_use(&mut self, path: &FilePath) -> Result<Option<Ways>, CardError> {
        if let Some(known) = self.uses_of_keys.get(path) {
            return Ok(known.clone());
        }
        let described = self.exclusively(|card| {
            let info = card.files().select(path)?;
            card.with_rules(path, info)
        });
        let told = match described {
            Ok((info, _)) => self.dialect().pins_of_key(&info).map(Ways),
            Err(error) if is_final(&error) => return Err(error),
            // That the file cannot be described is told where it is checked.
            Err(_) => None,
        };
        self.uses_of_keys.insert(path.clone(), told.clone());
        Ok(told)
    }

    /// Whether what EF(AODF) says of the PINs is of the PINs by which the keys are used, as far as the
    /// card tells of the files of its first keys: else the states of the PINs are those of others.
    ///
    /// # Errors
    /// The card is gone.
    pub fn pins_of_others(&mut self) -> Result<Vec<Problem>, CardError> {
        let contents = self.contents();
        let keys = private_keys(contents).filter_map(|key| path(contents, key));
        let paths: BTreeSet<_> = keys.take(MAX_ASKED).collect();
        if paths.is_empty() || contents.authentication.is_empty() {
            return Ok(Vec::new());
        }
        self.exclusively(|card| {
            let mut files = BTreeMap::new();
            for path in paths {
                let described = card.describe_file(&path);
                match described.and_then(|info| card.with_rules(&path, info)) {
                    Ok((info, _)) => files.insert(path, Some(info)),
                    Err(error) if is_final(&error) => return Err(error),
                    // That it cannot be selected is told where it is checked.
                    Err(error) if error.kind() == ErrorKind::Budget => break,
                    Err(_) => files.insert(path, None),
                };
            }
            Ok(card.wrong_references(&files))
        })
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
            let starts = Directory::<PrivateKey>::offsets(&file.bytes);
            for (index, key) in file.directory.listed() {
                let path = path(contents, key);
                let info = path.as_ref().and_then(|path| files.get(path)?.as_ref());
                let ways = info.and_then(|info| self.dialect().pins_of_key(info));
                if let (Some(path), Some(ways)) = (path, ways) {
                    used.push(Used {
                        file,
                        index,
                        start: starts.get(index).copied(),
                        key,
                        path,
                        ways: Ways(ways),
                    });
                }
            }
        }
        // Two keys at one place are a finding of their own, and only one of them is there.
        let mut at = BTreeMap::<&FilePath, usize>::new();
        for one in &used {
            *at.entry(&one.path).or_default() += 1;
        }
        let is_alone = |one: &&Used<'_>| at.get(&one.path) == Some(&1);
        let alone: Vec<_> = used.iter().filter(is_alone).collect();
        let protected = Protected::new(contents, &alone);
        let mut problems = Vec::new();
        for file in &contents.authentication {
            let starts = Directory::<AuthenticationObject>::offsets(&file.bytes);
            for (index, object) in file.directory.listed() {
                let Some(pin) = pin_object(contents, object) else {
                    continue;
                };
                let listed = ListedPin {
                    file,
                    index,
                    start: starts.get(index).copied(),
                    object,
                };
                if pin.purpose == PinPurpose::Unblocking {
                    let puk = alone.iter().find_map(|used| used.of_puk(&pin));
                    problems.extend(puk.map(|message| listed.problem(message)));
                    continue;
                }
                let own = protected.by(&pin);
                let (right, wrong): (Vec<&Used<'_>>, Vec<&Used<'_>>) =
                    own.partition(|used| used.ways.allow(pin.reference));
                match (right.is_empty(), wrong.first()) {
                    (true, Some(used)) => {
                        let message = doubt(used.key.id(), &used.path, &used.ways, &pin);
                        problems.push(listed.problem(message));
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
    /// Where in the file it begins.
    start: Option<usize>,
    key: &'a PrivateKey,
    path: FilePath,
    ways: Ways,
}

impl Used<'_> {
    /// That the key names a PIN which is another than its own, and right for other keys.
    fn of_key(&self, pin: &PinObject) -> Problem {
        let message = doubt(self.key.id(), &self.path, &self.ways, pin);
        let code = code::PIN_REFERENCE_MISMATCH;
        let (path, bytes) = (&self.file.path, &self.file.bytes);
        let problem = Problem::new(Severity::Error, code, "EF(PrKDF)", path, message);
        let object = ObjectRef::of(self.index, &self.key.common, Some(self.key.id()));
        let way = [Tag::SEQUENCE, Tag::OCTET_STRING];
        let place = self.start.map(|start| place(bytes, start, &way));
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

/// Which PIN would be verified before each key is used.
struct Protected<'a> {
    keys: &'a [&'a Used<'a>],
    /// Which of them name their PIN, by its identifier.
    named: BTreeMap<&'a Id, Vec<usize>>,
    /// Which of them name none, and the PIN for what they are used for.
    by_role: Vec<(PinObject, usize)>,
}

impl<'a> Protected<'a> {
    fn new(contents: &Contents, keys: &'a [&'a Used<'a>]) -> Self {
        let mut named = BTreeMap::<_, Vec<_>>::new();
        let roles = PinRole::ALL.map(|role| (role_key(contents, role), find(contents, role)));
        let mut by_role = Vec::new();
        for (number, used) in keys.iter().enumerate() {
            if let Some(auth_id) = &used.key.common.auth_id {
                named.entry(auth_id).or_default().push(number);
                continue;
            }
            for (key, pin) in &roles {
                if key.is_some_and(|key| core::ptr::eq(key, used.key)) {
                    by_role.extend(pin.iter().map(|pin| (pin.clone(), number)));
                }
            }
        }
        Self {
            keys,
            named,
            by_role,
        }
    }

    /// The keys before whose use this PIN would be verified, as they are listed.
    fn by(&self, pin: &PinObject) -> impl Iterator<Item = &'a Used<'a>> {
        let named = self.named.get(&pin.auth_id).into_iter().flatten().copied();
        let by_role = self.by_role.iter().filter(|(other, _)| other == pin);
        let numbers: BTreeSet<_> = named.chain(by_role.map(|(_, number)| *number)).collect();
        let keys = self.keys;
        numbers
            .into_iter()
            .filter_map(move |number| keys.get(number).copied())
    }
}

/// An authentication object, and where it is listed.
struct ListedPin<'a> {
    file: &'a DirectoryFile<AuthenticationObject>,
    index: usize,
    /// Where in the file it begins.
    start: Option<usize>,
    object: &'a AuthenticationObject,
}

impl ListedPin<'_> {
    /// That it has the reference of another.
    fn problem(&self, message: String) -> Problem {
        let code = code::PIN_REFERENCE_MISMATCH;
        let path = &self.file.path;
        let problem = Problem::new(Severity::Error, code, "EF(AODF)", path, message);
        let id = self.object.auth_id();
        let problem = problem.about(ObjectRef::of(self.index, &self.object.common, Some(id)));
        let way = [TYPE_ATTRIBUTES, Tag::SEQUENCE, PIN_REFERENCE];
        match self.start {
            Some(start) => problem.at(place(&self.file.bytes, start, &way)),
            None => problem,
        }
    }
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
