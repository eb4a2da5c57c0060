//! What a change of the slots will do, worked out before anything is touched.

use kortlab_apdu::Channel;
use kortlab_pkcs15::{
    Certificate, CommonObjectAttributes, Edit, EncodeError, Id, ObjectFlags, ObjectKind, Path,
};

use super::{Slot, invalid};
use crate::card::Card;
use crate::certificate::CertificateInfo;
use crate::contents::DirectoryFile;
use crate::dialect::NewFile;
use crate::error::{CardError, ErrorKind};
use crate::files::path_text;
use crate::pins;
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
    /// Whether to write it although it is not strict DER, does not match the key, or is on the
    /// card already. What was overridden is in [`Plan::warnings`].
    pub force: bool,
}

impl NewCertificate {
    /// A certificate of the card's holder for the key `key_id`.
    pub fn new(der: impl Into<Vec<u8>>, key_id: impl Into<Id>, label: impl Into<String>) -> Self {
        Self {
            der: der.into(),
            key_id: key_id.into(),
            label: label.into(),
            authority: false,
            force: false,
        }
    }
}

/// One step of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Create an EF in the DF at this path.
    CreateFile {
        /// The DF.
        directory: Vec<u8>,
        /// The EF.
        file: NewFile,
    },
    /// Write a file from its first byte on, read it back and compare.
    WriteFile {
        /// The file.
        path: Vec<u8>,
        /// Its whole content.
        data: Vec<u8>,
    },
    /// Change a directory file from one content to another, read it back and compare. This is
    /// where the change takes effect.
    UpdateDirectory {
        /// The file.
        path: Vec<u8>,
        /// What it holds when the plan is made; if it holds something else by now, nothing is
        /// written.
        before: Vec<u8>,
        /// What it holds afterwards; as long as `before`.
        after: Vec<u8>,
    },
    /// Delete an EF from the DF at this path. If that fails, the change stands all the same.
    DeleteFile {
        /// The DF.
        directory: Vec<u8>,
        /// The identifier of the EF.
        file_id: u16,
    },
}

/// The steps of a change, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What was overridden with [`NewCertificate::force`], or cannot be checked or done, in words.
    pub warnings: Vec<String>,
}

impl<C: Channel> Card<C> {
    /// Checks a certificate and plans how to write it. Nothing on the card is changed.
    ///
    /// # Errors
    /// The certificate is not strict DER, its public key is not that of the key, it is on the
    /// card already, or there is no such key ([`ErrorKind::Invalid`], [`ErrorKind::NotFound`]);
    /// the directory has no room ([`ErrorKind::Full`]); or this card OS cannot create files.
    pub fn plan_write(&mut self, new: &NewCertificate) -> Result<Plan, CardError> {
        self.exclusively(|card| {
            card.refresh()?;
            let warnings = card.check_new(new)?;
            let size = u16::try_from(new.der.len()).map_err(|_| {
                invalid(format!(
                    "the certificate has {} bytes; no file is that long",
                    new.der.len()
                ))
            })?;
            let file_id = card.free_file_id()?;
            let directory = card.contents().application.clone();
            let path = [directory.as_slice(), &file_id.to_be_bytes()].concat();
            let update = card.plan_entry(new, &path)?;
            let pin = pins::find(card.contents(), PinRole::Authentication);
            let file = NewFile {
                file_id,
                size,
                pin_reference: pin.map(|pin| pin.reference),
            };
            if card.dialect().create_file(file).is_none() {
                return Err(CardError::new(
                    ErrorKind::Unsupported,
                    format!(
                        "certificates cannot be written to this card: {} creates no files",
                        card.dialect().name()
                    ),
                ));
            }
            Ok(Plan {
                steps: vec![
                    Step::CreateFile { directory, file },
                    Step::WriteFile {
                        path,
                        data: new.der.clone(),
                    },
                    update,
                ],
                warnings,
            })
        })
    }

    /// Plans how to remove a certificate. Nothing on the card is changed.
    ///
    /// # Errors
    /// The certificate is not where the slot says, so the card was changed since; or its
    /// directory cannot be written without it.
    pub fn plan_remove(&mut self, slot: &Slot) -> Result<Plan, CardError> {
        self.exclusively(|card| {
            card.refresh()?;
            let now = super::listed(card);
            let same = |other: &&Slot| {
                other.directory == slot.directory
                    && other.index == slot.index
                    && other.object == slot.object
            };
            if !now.iter().any(|other| same(&other)) {
                return Err(CardError::new(
                    ErrorKind::NotFound,
                    format!(
                        "the certificate {} is no longer where it was listed; nothing was changed",
                        slot.name()
                    ),
                )
                .hint("list the certificates again"));
            }
            let file = card.directory_file(&slot.directory)?;
            let mut edit = Edit::<Certificate>::new(&file.bytes, file.size);
            edit.remove(slot.index)
                .and_then(|()| edit.finish())
                .map_err(|error| unwritable(&slot.directory, error))
                .map(|after| Step::UpdateDirectory {
                    path: file.path.clone(),
                    before: file.bytes.clone(),
                    after,
                })
                .map(|update| {
                    let mut plan = Plan {
                        steps: vec![update],
                        warnings: Vec::new(),
                    };
                    card.plan_release(slot, &now, &mut plan);
                    plan
                })
        })
    }

    /// Plans what becomes of the file of a removed certificate.
    fn plan_release(&self, slot: &Slot, all: &[Slot], plan: &mut Plan) {
        let Some((path, [high, low])) = slot.path.as_deref().and_then(<[u8]>::split_last_chunk)
        else {
            return;
        };
        let others = all.iter().filter(|other| other.path == slot.path).count();
        let file_id = u16::from_be_bytes([*high, *low]);
        let name = slot.path.as_deref().map(path_text).unwrap_or_default();
        if others > 1 {
            plan.warnings.push(format!(
                "the file {name} stays: another certificate is in it too"
            ));
        } else if path.is_empty() || self.dialect().delete_file(file_id).is_none() {
            plan.warnings
                .push(format!("the file {name} stays: this card deletes no files"));
        } else {
            plan.steps.push(Step::DeleteFile {
                directory: path.to_vec(),
                file_id,
            });
        }
    }

    /// Checks a new certificate against the card, and gives what is not as it should be but is
    /// overridden or cannot be known.
    fn check_new(&mut self, new: &NewCertificate) -> Result<Vec<String>, CardError> {
        let mut warnings = Vec::new();
        let mut object = |problem: String| {
            if new.force {
                warnings.push(problem);
                return Ok(());
            }
            Err(invalid(problem)
                .hint("nothing was changed; with --force it is written all the same"))
        };
        let info = CertificateInfo::parse(&new.der)
            .ok_or_else(|| invalid("this is no X.509 certificate in DER; nothing was changed"))?;
        if let Some(fault) = &info.fault {
            object(format!("the certificate is not strict DER: {fault}"))?;
        }
        if !new.authority {
            self.key(&new.key_id)?;
            match (self.public_key(&new.key_id)?, &info.public_key) {
                (Some(on_card), Some(in_certificate)) if on_card == *in_certificate => {}
                (Some(_), _) => object(format!(
                    "the certificate is for another key: its public key is not that of key {}",
                    new.key_id
                ))?,
                (None, _) => object(format!(
                    "the card has no public key for key {}, so it cannot be told whether the \
                     certificate matches",
                    new.key_id
                ))?,
            }
        }
        if let Some(slot) = self.slots()?.iter().find(|slot| slot.der == new.der) {
            object(format!(
                "the certificate is on the card already, as {}",
                slot.name()
            ))?;
        }
        Ok(warnings)
    }

    /// The step that enters the certificate, in the file at `path`, into its directory.
    fn plan_entry(&self, new: &NewCertificate, path: &[u8]) -> Result<Step, CardError> {
        let files = || self.contents().certificates.iter();
        let file = files()
            .find(|file| file.kind == ObjectKind::Certificates)
            .or_else(|| files().next())
            .ok_or_else(|| {
                CardError::new(
                    ErrorKind::NotFound,
                    "the card has no directory of certificates (EF(CDF)) that can be read",
                )
            })?;
        let common = CommonObjectAttributes::labelled(new.label.as_str())
            .with_flags(ObjectFlags::MODIFIABLE);
        let entry = Certificate::x509(common, new.key_id.clone(), Path::file(path))
            .with_authority(new.authority);
        let mut edit = Edit::<Certificate>::new(&file.bytes, file.size);
        let after = edit.push(&entry).and_then(|()| edit.finish());
        let after = after.map_err(|error| {
            let full = matches!(error, EncodeError::Full { .. });
            let error = unwritable(&file.path, error);
            if full {
                error.hint(self.what_to_remove())
            } else {
                error
            }
        })?;
        Ok(Step::UpdateDirectory {
            path: file.path.clone(),
            before: file.bytes.clone(),
            after,
        })
    }

    /// Which certificates could go to make room.
    pub(super) fn what_to_remove(&self) -> String {
        let names: Vec<_> = super::listed(self)
            .iter()
            .filter(|slot| !slot.is_authority())
            .map(|slot| format!("{} for key {}", slot.name(), slot.key_id()))
            .collect();
        if names.is_empty() {
            return "there is no certificate of the holder's that could be removed".to_owned();
        }
        format!("remove one that is no longer needed: {}", names.join(", "))
    }

    /// A file identifier that no file has.
    fn free_file_id(&mut self) -> Result<u16, CardError> {
        let application = self.contents().application.clone();
        let mut named = Vec::new();
        let contents = self.contents();
        for file in &contents.certificates {
            named.extend(
                file.directory
                    .objects()
                    .filter_map(|object| object.path().map(|path| contents.absolute(path))),
            );
        }
        let candidates = self.dialect().certificate_files();
        let mut tries = 0;
        for file_id in candidates {
            let path = [application.as_slice(), &file_id.to_be_bytes()].concat();
            if named.contains(&path) {
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

    fn directory_file(&self, path: &[u8]) -> Result<&DirectoryFile<Certificate>, CardError> {
        let mut files = self.contents().certificates.iter();
        files.find(|file| file.path == path).ok_or_else(|| {
            CardError::new(
                ErrorKind::NotFound,
                format!("the directory {} is no longer listed", path_text(path)),
            )
        })
    }
}

fn unwritable(path: &[u8], error: EncodeError) -> CardError {
    let kind = match error {
        EncodeError::Full { .. } => ErrorKind::Full,
        _ => ErrorKind::Unsupported,
    };
    CardError::new(
        kind,
        format!(
            "the directory {} cannot be written, and nothing was changed: {error}",
            path_text(path)
        ),
    )
}
