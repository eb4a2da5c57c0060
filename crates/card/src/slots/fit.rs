//! Whether a transaction in the journal is about the card at hand, and how far it has come there.
//!
//! Cards share serial numbers: copies of one image, cards made from one seed, and real cards whose
//! maker writes `0000`. So what the card holds decides, not its number. A transaction that does not
//! fit the card is never carried out on it, and never forgotten because of it.

use kortlab_apdu::Channel;
use kortlab_pkcs15::ObjectValue;
use sha2::{Digest as _, Sha256};

use super::guard::{Found, Look};
use super::journal::{Bytes, DirectoryChange, Note};
use crate::card::Card;
use crate::contents::{ends_all, is_filler};
use crate::error::{CardError, ErrorKind};

/// How a card and a transaction in the journal fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The card is as it was before the change, and nothing of the change is on it.
    Untouched,
    /// The change is whole on the card, and nothing is left to do.
    Finished,
    /// The change has begun on the card: it is to be completed or undone.
    Begun,
    /// It is the card, but another program has changed a directory since.
    Changed,
    /// It is another card with the same serial number: its keys are others, or nothing of the change
    /// is there.
    Foreign,
}

impl Fit {
    /// A stable name for programs, in kebab case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Finished => "finished",
            Self::Begun => "begun",
            Self::Changed => "changed",
            Self::Foreign => "another-card",
        }
    }
}

/// What a directory file is now, for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// As before the change.
    Before,
    /// As after it.
    After,
    /// Each byte is the old one, the new one, or erased.
    Torn,
    /// It cannot be read.
    Unreadable,
    /// Something else.
    Other,
}

impl<C: Channel> Card<C> {
    /// How this card, which has this `witness`, and a transaction in the journal fit together. Nothing
    /// is changed, and of the card no file is read that this session knows.
    pub(super) fn fit(&mut self, note: &Note, witness: Option<&Bytes>) -> Result<Fit, CardError> {
        let transaction = &note.transaction;
        let known = match (&transaction.witness, witness) {
            (Some(theirs), Some(ours)) if theirs == ours => true,
            // Also where the journal is one card's alone: it may have been put beside another card.
            (Some(_), Some(_)) => return Ok(Fit::Foreign),
            _ => note.of_this_card,
        };
        let mut versions = Vec::new();
        for change in &transaction.directories {
            let (version, now) = self.directory_now(change, Look::Once)?;
            let empty = now.as_deref().is_some_and(is_filler);
            versions.push(match version {
                // Any empty directory is made of filler; that says nothing of a card not known.
                Version::Torn if empty && !known => Version::Other,
                version => version,
            });
        }
        let mut new = Vec::new();
        for file in &transaction.create {
            new.push(self.find_new(file, Look::Once)?);
        }
        let all_new = new.iter().all(|found| *found == Found::Whole);
        let any_new = new
            .iter()
            .any(|found| matches!(found, Found::Whole | Found::Begun));
        if versions.contains(&Version::Other) {
            // A copy of the card has the same keys; only a trace of the change tells them apart.
            let here = note.of_this_card || (known && any_new);
            return Ok(if here { Fit::Changed } else { Fit::Foreign });
        }
        if versions.iter().all(|version| *version == Version::Before) {
            return Ok(if any_new { Fit::Begun } else { Fit::Untouched });
        }
        // The directory is switched over only when all new files are there and read back. A copy of
        // the card can have the same directory with other files, where new ones took the names and
        // places of old ones.
        let unreadable = versions.contains(&Version::Unreadable);
        let told_apart = known || !new.is_empty() || !unreadable;
        let shows_it = all_new && told_apart;
        if !note.of_this_card && !shows_it {
            return Ok(Fit::Foreign);
        }
        if versions.iter().all(|version| *version == Version::After) && all_new {
            let mut left = false;
            for file in &transaction.delete {
                left |= self.find_old(file, Look::Once)? == Found::Whole;
            }
            return Ok(if left { Fit::Begun } else { Fit::Finished });
        }
        Ok(Fit::Begun)
    }

    /// What tells this card from another one of the same serial number, and no change of the slots
    /// touches: the digest of its TokenInfo, private key directories and public keys. `None` if
    /// it has none that were read.
    pub(super) fn witness(&self) -> Option<Bytes> {
        let contents = self.contents();
        let keys = contents.private_keys.iter().map(|file| &file.path);
        let public = contents.public_keys.iter().map(|file| &file.path);
        let inside = contents
            .public_keys
            .iter()
            .flat_map(|file| file.directory.objects())
            .any(|key| matches!(key.value(), Some(ObjectValue::Direct(_))));
        if !inside {
            return None;
        }
        let mut digest = Sha256::new();
        for path in keys.chain(public) {
            let source = contents.sources.iter().find(|source| source.path == *path);
            digest.update(path.as_bytes());
            digest.update(&source?.bytes);
        }
        digest.update(self.serial_number().unwrap_or_default());
        Some(digest.finalize().to_vec().into())
    }

    /// What a directory is now, and its bytes if it can be read.
    pub(super) fn directory_now(
        &mut self,
        change: &DirectoryChange,
        look: Look,
    ) -> Result<(Version, Option<bytes::Bytes>), CardError> {
        match self.whole(&change.path, look) {
            Ok(read) => Ok((version(change, &read.data), Some(read.data))),
            Err(error) if ends_all(&error) => Err(error),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((Version::Other, None)),
            Err(_) => Ok((Version::Unreadable, None)),
        }
    }
}

fn version(change: &DirectoryChange, now: &[u8]) -> Version {
    if now == &*change.before {
        return Version::Before;
    }
    if now == &*change.after {
        return Version::After;
    }
    let mut versions = change.before.iter().zip(change.after.iter());
    let torn = now.len() == change.before.len()
        && now.iter().all(|byte| {
            let pair = versions.next();
            pair.is_some_and(|(old, new)| byte == old || byte == new) || is_filler(&[*byte])
        });
    match torn {
        true => Version::Torn,
        false => Version::Other,
    }
}
