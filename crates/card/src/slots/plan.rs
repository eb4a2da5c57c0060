//! What a change of the slots will do, worked out before anything is touched.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use kortlab_apdu::{Channel, Fid, FilePath};
use kortlab_pkcs15::{
    Certificate, CommonObjectAttributes, Directory, Edit, EncodeError, Id, ObjectFlags, ObjectKind,
    Path, PrivateKey, PublicKey, Unknown,
};

use super::guard::uncertain;
use super::journal::{DirectoryChange, NewContent, PinUse, Transaction};
use super::names::Names;
use super::{Slot, invalid, switch};
use crate::card::Card;
use crate::contents::{DirectoryFile, Scope};
use crate::dialect::NewFile;
use crate::directory_ranges;
use crate::error::{CardError, ErrorKind};
use crate::files::APPLICATION;
use crate::pins;
use crate::problem::{Problem, code};
use crate::role::PinRole;

/// The most file identifiers that are tried for a new file.
const MAX_TRIES: u16 = 64;

/// A certificate to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The identifier of the key it is for.
    pub key_id: Id,
    /// What it is called in the directory.
    pub label: String,
    /// Whether it is an authority's, which has no key on the card.
    pub authority: bool,
    /// What may speak against it, and it is written all the same. What was overridden is in
    /// [`Plan::warnings`].
    pub exceptions: BTreeSet<Exception>,
}

/// What speaks against writing a certificate, and can be overridden one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exception {
    /// It is not strict DER.
    NotStrictDer,
    /// It is DER, and has in it what makes programs refuse it.
    Refused,
    /// It is for another key, or the card does not tell its own.
    OtherKey,
    /// It, or its issuer's certificate, is not valid at the time of the change.
    NotValidNow,
    /// Its signature is not by the key of the issuer that it names.
    NotByItsIssuer,
    /// It is on the card already, or is to be written twice.
    OnCardAlready,
}

impl Exception {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NotStrictDer,
        Self::Refused,
        Self::OtherKey,
        Self::NotValidNow,
        Self::NotByItsIssuer,
        Self::OnCardAlready,
    ];
}

impl NewCertificate {
    /// A certificate of the card's holder for the key `key_id`.
    pub fn new(der: impl Into<Vec<u8>>, key_id: impl Into<Id>, label: impl Into<String>) -> Self {
        Self {
            der: der.into(),
            key_id: key_id.into(),
            label: label.into(),
            authority: false,
            exceptions: BTreeSet::new(),
        }
    }

    /// The same certificate, which is written although this speaks against it.
    #[must_use]
    pub fn except(mut self, exceptions: impl IntoIterator<Item = Exception>) -> Self {
        self.exceptions.extend(exceptions);
        self
    }
}

/// A change of the slots: certificates to remove and certificates to write, all or none of them.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Change {
    pub(super) remove: Vec<Slot>,
    pub(super) write: Vec<NewCertificate>,
    pub(super) now: Option<SystemTime>,
    pub(super) issuers: Vec<Vec<u8>>,
}

impl Change {
    /// A change of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same change, which also removes this certificate.
    pub fn remove(mut self, slot: Slot) -> Self {
        self.remove.push(slot);
        self
    }

    /// The same change, which also writes this certificate.
    pub fn write(mut self, new: NewCertificate) -> Self {
        self.write.push(new);
        self
    }

    /// The same change at this time: a new certificate that is not valid then is refused. Without
    /// a time, validity is not looked at.
    pub fn at(mut self, now: SystemTime) -> Self {
        self.now = Some(now);
        self
    }

    /// The same change with the certificate, in DER, of an authority that may have issued the new
    /// ones. Those on the card are known anyway.
    pub fn issuer(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.issuers.push(der.into());
        self
    }

    fn purpose(&self) -> String {
        match (self.write.len(), self.remove.len()) {
            (new, 0) => format!("write {new}"),
            (0, old) => format!("remove {old}"),
            (new, old) => format!("write {new}, remove {old}"),
        }
    }
}

/// What is certain about a change, whenever the card is pulled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// The change takes effect with one single byte, at the end of the directory: a reader that
    /// stops at the first `00`, as OpenSC does, sees the old certificates up to it and the new
    /// ones from it on. On memory that erases whole pages, recovery may be needed in between.
    OneByte,
    /// The directory is rewritten in place. If the card is pulled out during that, it may be
    /// unreadable until it was recovered from the journal; then all is old or all is new.
    Journal,
}

impl Guarantee {
    /// A stable name for programs, in kebab case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneByte => "one-byte",
            Self::Journal => "journal",
        }
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneByte => "the change takes effect with one byte",
            Self::Journal => {
                "the directory is rewritten in place; an interruption is recovered from the journal"
            }
        })
    }
}

/// A change, worked out for the card as it is. [`Card::execute`] does what it says, and nothing
/// else; nobody can change it in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(super) transaction: Transaction,
    pub(super) guarantee: Guarantee,
    pub(super) warnings: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// What will be done, as the journal keeps it.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What is certain about it, whenever it is interrupted.
    pub const fn guarantee(&self) -> Guarantee {
        self.guarantee
    }

    /// What was overridden with [`NewCertificate::exceptions`], or cannot be done, in words.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What could not be checked, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl<C: Channel> Card<C> {
    /// Checks a change and plans it, for the directories as [`Card::contents`] has them. Nothing on
    /// the card is changed. Should it have been changed since by another program,
    /// [`Card::execute`] refuses, and reads it anew.
    ///
    /// Whether the card's memory has room for the new files is not known yet: no command tells.
    /// [`Card::execute`] creates them all before it changes what was there.
    ///
    /// # Errors
    /// A new certificate is not strict DER, its public key is not that of the key, it is not valid
    /// now, it is not signed by its issuer, it is on the card already, or there is no such key
    /// ([`ErrorKind::Invalid`], [`ErrorKind::NotFound`]); a certificate to remove is not where its
    /// slot says; the directory has no room ([`ErrorKind::Full`]) or cannot be rewritten; or this
    /// card OS cannot create files.
    pub fn plan(&mut self, change: &Change) -> Result<Plan, CardError> {
        self.exclusively(|card| card.plan_known(change))
    }

    fn plan_known(&mut self, change: &Change) -> Result<Plan, CardError> {
        if change.write.is_empty() && change.remove.is_empty() {
            return Err(invalid("there is nothing to change"));
        }
        if self.scope != Scope::Everything {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                "this session has not read what the card holds beside PINs and keys",
            ));
        }
        if self.contents().is_cut_short() {
            return Err(CardError::new(
                ErrorKind::Budget,
                "the card was not read to its end, so nothing was changed: what was not read may \
                 name the same files",
            )
            .hint("`--budget 10` lets reading go on to ten times as much"));
        }
        let listed = super::listed(self);
        for slot in &change.remove {
            let same = |other: &Slot| same_place(other, slot);
            if !listed.iter().any(same) {
                return Err(CardError::new(
                    ErrorKind::NotFound,
                    format!(
                        "the certificate {} is no longer where it was listed; nothing was changed",
                        slot.name()
                    ),
                )
                .hint("list the certificates again"));
            }
        }
        let mut plan = Plan {
            transaction: self.empty_transaction(change.purpose())?,
            guarantee: Guarantee::Journal,
            warnings: Vec::new(),
            notes: Vec::new(),
        };
        self.admit(change, &mut plan)?;
        for new in &change.write {
            let file = self.new_file(new, &plan)?;
            plan.transaction.create.push(file);
        }
        plan.transaction.directories = self.plan_directories(change, &plan)?;
        self.plan_release(change, &mut plan)?;
        plan.guarantee = match plan.transaction.directories.as_slice() {
            [only] if switch::pivot(only).is_some() => Guarantee::OneByte,
            _ => Guarantee::Journal,
        };
        Ok(plan)
    }

    /// Whether certificates can be written to this card, and removed, at all: on a card OS that
    /// nobody here knows, files are neither created nor deleted.
    ///
    /// # Errors
    /// They cannot ([`ErrorKind::Unsupported`]).
    pub fn can_change_slots(&self) -> Result<(), CardError> {
        let dialect = self.dialect();
        let any = NewFile {
            file_id: *self.profile().certificate_files.start(),
            size: 1,
            pin_reference: None,
        };
        match (dialect.create_file(any), dialect.delete_file(any.file_id)) {
            (Some(_), Some(_)) => Ok(()),
            _ => Err(CardError::new(
                ErrorKind::Unsupported,
                format!(
                    "certificates cannot be written to this card, nor removed: {} neither creates \
                     nor deletes files; nothing was changed",
                    dialect.name()
                ),
            )
            .hint(super::OTHER_PROGRAM)),
        }
    }

    pub(super) fn empty_transaction(&mut self, purpose: String) -> Result<Transaction, CardError> {
        let role = PinRole::Authentication;
        let pin = match pins::find(self.contents(), role) {
            // What is written down here protects the new files, and is sent by a recovery.
            Some(_) => Some(self.pin_to_send(role)?),
            None => None,
        };
        Ok(Transaction {
            card: self.card_key(),
            witness: self.witness(),
            purpose,
            trial: false,
            pin: pin.as_ref().and_then(PinUse::new),
            create: Vec::new(),
            directories: Vec::new(),
            delete: Vec::new(),
        })
    }

    fn new_file(&mut self, new: &NewCertificate, plan: &Plan) -> Result<NewContent, CardError> {
        let size = u16::try_from(new.der.len()).map_err(|_| {
            invalid(format!(
                "the certificate has {} bytes; no file is that long",
                new.der.len()
            ))
        })?;
        let file = NewContent {
            directory: self.contents().application.clone(),
            file_id: self.free_file_id(plan)?,
            size,
            pin_reference: plan.transaction.pin.as_ref().map(|pin| pin.reference),
            content: new.der.clone().into(),
        };
        if self.dialect().create_file(creation(&file)).is_none() {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!(
                    "cannot write the certificate: how files are made on this card is not known \
                     here ({}); nothing was changed",
                    self.dialect().name()
                ),
            )
            .hint(super::OTHER_PROGRAM));
        }
        Ok(file)
    }

    /// The directories without what is removed and with what is new; holes are closed on the way.
    fn plan_directories(
        &self,
        change: &Change,
        plan: &Plan,
    ) -> Result<Vec<DirectoryChange>, CardError> {
        let mut edits = BTreeMap::new();
        let mut removed: Vec<_> = change
            .remove
            .iter()
            .map(|slot| (&slot.directory, slot.index))
            .collect();
        removed.sort_unstable();
        removed.dedup();
        // From the last one on, so that the indices of the others stay.
        for (path, index) in removed.into_iter().rev() {
            let file = in_one_piece(self.directory_file(path)?)?;
            let edit = edits
                .entry(path)
                .or_insert_with(|| Edit::<Certificate>::new(&file.bytes, file.size));
            if edit.objects().nth(index).is_some_and(is_of_key) {
                return Err(CardError::new(
                    ErrorKind::Unsupported,
                    format!(
                        "entry {index} of {} is that of a key, not of a certificate; nothing was \
                         changed",
                        path
                    ),
                ));
            }
            edit.remove(index)
                .map_err(|error| unwritable(path, error))?;
        }
        for (new, file) in change.write.iter().zip(&plan.transaction.create) {
            let directory = in_one_piece(self.directory_for_new()?)?;
            let common = CommonObjectAttributes::labelled(new.label.as_str())
                .with_flags(ObjectFlags::MODIFIABLE);
            // Where it is not known where the application is, the path begins at it: that is
            // understood by all readers, 3FFF by some.
            let below = file.path().strip_prefix(&APPLICATION);
            let path = Path::file(below.unwrap_or_else(|| file.path()));
            let entry =
                Certificate::x509(common, new.key_id.clone(), path).with_authority(new.authority);
            edits
                .entry(&directory.path)
                .or_insert_with(|| Edit::<Certificate>::new(&directory.bytes, directory.size))
                .push(&entry)
                .map_err(|error| unwritable(&directory.path, error))?;
        }
        let names = Names::of(self.contents());
        edits
            .into_iter()
            .map(|(path, edit)| {
                let file = self.directory_file(path)?;
                if !names.is_certificate_directory(self.contents(), path) {
                    return Err(CardError::new(
                        ErrorKind::Unsupported,
                        format!(
                            "the file {} is named as a directory of certificates, and as \
                             something else too; nothing was changed",
                            path
                        ),
                    )
                    .hint("`kortlab info` shows what is wrong with the card's files"));
                }
                if let Some(warned) = self.warned_of(path) {
                    return Err(uncertain(warned.message()).context(&format!(
                        "the directory {path} is not rewritten, and nothing was changed"
                    )));
                }
                if let Some(part) = directory_ranges::part(self.contents(), path, file.size) {
                    return Err(CardError::new(
                        ErrorKind::Unsupported,
                        format!(
                            "EF(ODF) says that a part of the file {path} is the directory (from byte \
                             {} on): what is written to it could move out of that part, or into \
                             another; nothing was changed",
                            part.start
                        ),
                    )
                    .hint("`kortlab info` shows what is wrong with the card's files"));
                }
                let after = edit.finish().map_err(|error| {
                    let full = matches!(error, EncodeError::Full { .. });
                    let error = unwritable(path, error);
                    if full {
                        error.hint(self.what_to_remove())
                    } else {
                        error
                    }
                })?;
                Ok(DirectoryChange {
                    path: path.clone(),
                    before: file.bytes.clone().into(),
                    after: after.into(),
                })
            })
            .collect()
    }

    /// That the card has warned of what the directory at `path` holds.
    fn warned_of(&self, path: &FilePath) -> Option<&Problem> {
        let mut problems = self.contents().problems.iter();
        problems.find(|problem| {
            problem.path() == path
                && matches!(problem.code(), code::CORRUPTED | code::READ_WITH_WARNING)
        })
    }

    /// The directory that a new certificate is listed in: the first one for the holder's that has
    /// certificates in it, or is empty. One that lists something else may be no directory of
    /// certificates, whatever the ODF says.
    fn directory_for_new(&self) -> Result<&DirectoryFile<Certificate>, CardError> {
        let own = |file: &&DirectoryFile<Certificate>| file.kind == ObjectKind::Certificates;
        let is_empty = |file: &&DirectoryFile<Certificate>| file.directory.entries.is_empty();
        let files = || self.contents().certificates.iter();
        files()
            .filter(own)
            .find(lists_certificates)
            .or_else(|| files().filter(own).find(is_empty))
            .or_else(|| files().find(|file| lists_certificates(file) || is_empty(file)))
            .ok_or_else(|| {
                let what = "the card has no directory of certificates (EF(CDF)) that can be read";
                match self.contents().why_not_all_certificates() {
                    Some(why) => why.context(what),
                    None => CardError::new(ErrorKind::NotFound, what),
                }
            })
    }

    /// Which certificates could go to make room: those of authorities first, for logging in and
    /// signing work without them.
    pub(super) fn what_to_remove(&self) -> String {
        let (authorities, holders): (Vec<_>, Vec<_>) = super::listed(self)
            .into_iter()
            .partition(Slot::is_authority);
        let authorities = authorities
            .iter()
            .map(|slot| format!("{} of an authority", slot.name()));
        let holders = holders
            .iter()
            .map(|slot| format!("{} for key {}", slot.name(), slot.key_id()));
        let names: Vec<_> = authorities.chain(holders).collect();
        if names.is_empty() {
            return "there is no certificate that could be removed".to_owned();
        }
        format!("remove one that is no longer needed: {}", names.join(", "))
    }

    /// A file identifier that no file has, and that nothing on the card names.
    fn free_file_id(&mut self, plan: &Plan) -> Result<Fid, CardError> {
        let application = self.contents().application.clone();
        let names = Names::of(self.contents());
        let new: Vec<_> = plan
            .transaction
            .create
            .iter()
            .map(NewContent::path)
            .collect();
        let candidates = Fid::all(&self.profile().certificate_files);
        let mut tries = 0;
        for file_id in candidates {
            let path = application.child(file_id);
            if new.contains(&path) || names.namer(&path).is_some() {
                continue;
            }
            if !self.files().exists(&path)? {
                return Ok(file_id);
            }
            tries += 1;
            if tries == MAX_TRIES {
                break;
            }
        }
        Err(CardError::new(
            ErrorKind::Full,
            "the card has no file identifier left for another certificate",
        )
        .hint(self.what_to_remove()))
    }

    fn directory_file(&self, path: &FilePath) -> Result<&DirectoryFile<Certificate>, CardError> {
        let mut files = self.contents().certificates.iter();
        files.find(|file| file.path == *path).ok_or_else(|| {
            CardError::new(
                ErrorKind::NotFound,
                format!("the directory {} is no longer listed", path),
            )
        })
    }
}

/// Whether the objects in a directory are certificates by their form: there are some, and none has
/// elements that those of a certificate do not have, as those of keys do.
fn lists_certificates(file: &&DirectoryFile<Certificate>) -> bool {
    let mut objects = file.directory.objects().peekable();
    objects.peek().is_some()
        && objects.all(|object| object.certificate.unknown == Unknown::default())
}

/// Whether an entry is, by its form, that of a key: an ODF can name a directory of keys as one of
/// certificates.
fn is_of_key(entry: &[u8]) -> bool {
    Directory::<PrivateKey>::parse(entry).findings.is_empty()
        || Directory::<PublicKey>::parse(entry).findings.is_empty()
}

/// Whether two slots are the same entry of the same directory.
pub(super) fn same_place(one: &Slot, other: &Slot) -> bool {
    one.directory == other.directory && one.index == other.index && one.object == other.object
}

/// A new file as the dialect creates it.
pub(super) const fn creation(file: &NewContent) -> NewFile {
    NewFile {
        file_id: file.file_id,
        size: file.size,
        pin_reference: file.pin_reference,
    }
}

/// The directory, if it is a transparent file: only such are written.
fn in_one_piece(
    file: &DirectoryFile<Certificate>,
) -> Result<&DirectoryFile<Certificate>, CardError> {
    if !file.of_records {
        return Ok(file);
    }
    let message = format!(
        "the directory {} is a file of records, which is read and not written; nothing was changed",
        file.path
    );
    Err(CardError::new(ErrorKind::Unsupported, message)
        .hint("use the tools of whoever issued the card"))
}

fn unwritable(path: &FilePath, error: EncodeError) -> CardError {
    let kind = match error {
        EncodeError::Full { .. } => ErrorKind::Full,
        _ => ErrorKind::Unsupported,
    };
    CardError::new(
        kind,
        format!(
            "the directory {} cannot be written, and nothing was changed: {error}",
            path
        ),
    )
}
