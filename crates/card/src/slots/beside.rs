//! Applications with PKCS#15 files beside the one that was read, which EF.DIR does not list: what their
//! files name is not known.

use kortlab_apdu::{Channel, Fid, FilePath};

use crate::applications::{self, Reply};
use crate::card::Card;
use crate::contents::is_final;
use crate::error::CardError;

/// The most applications that are asked for by one beginning of their names.
const MAX_NEXT: usize = 4;

/// The most directories in the MF that are looked at.
const MAX_DIRECTORIES: usize = 32;

/// Where an EF(ODF) is in its DF (PKCS#15 §5.5.1).
const ODF: Fid = Fid(0x5031);

impl<C: Channel> Card<C> {
    /// What may name files, and was not read, in words: applications to which the card answers, and on a
    /// card that lists its files, directories with an EF(ODF).
    ///
    /// # Errors
    /// The card is gone.
    pub(super) fn not_read_beside(&mut self) -> Result<Vec<String>, CardError> {
        let applications = self.applications_beside()?.into_iter().map(|aid| {
            let aid = hex::encode_upper(aid);
            format!("the application {aid}, to which the card answers beside this one")
        });
        let mut all: Vec<_> = applications.collect();
        let directories = self.directories_beside()?.into_iter();
        all.extend(
            directories.map(|path| format!("the directory {path}, which has an EF(ODF), too")),
        );
        Ok(all)
    }

    /// The DFs in the MF, beside that of the application, in which there is an EF(ODF). None on a card
    /// that does not list its files.
    fn directories_beside(&mut self) -> Result<Vec<FilePath>, CardError> {
        let application = self.contents().application.clone();
        let listed = self.files_in(&FilePath::MASTER_FILE)?.unwrap_or_default();
        let paths = listed
            .into_iter()
            .map(|fid| FilePath::MASTER_FILE.child(fid));
        let others = paths.filter(|path| *path != FilePath::EF_DIR && *path != application);
        let mut beside = Vec::new();
        for path in others.take(MAX_DIRECTORIES) {
            match self.file_exists(&path.child(ODF)) {
                Ok(true) => beside.push(path),
                Ok(false) => {}
                Err(error) if is_final(&error) => return Err(error),
                // It is no directory, or does not let itself be looked into.
                Err(_) => {}
            }
        }
        Ok(beside)
    }

    /// The names (AIDs) by which the card answers when it is asked for applications that hold PKCS#15 files,
    /// the first and the next ones (ISO/IEC 7816-4 §8.2.2.3, §11.2.2), without that of the one that was
    /// read. Nothing is known of a card that tells no names.
    ///
    /// # Errors
    /// The card is gone.
    fn applications_beside(&mut self) -> Result<Vec<Vec<u8>>, CardError> {
        let own = match (&self.contents().selected, &self.contents().application) {
            (Some(aid), _) => {
                let aid = aid.clone();
                applications::reply(self.files().select_application(&aid))?
            }
            (None, path) => {
                let path = path.clone();
                applications::reply(self.files().select(&path))?
            }
        };
        let own = names(&own);
        let mut beside: Vec<Vec<u8>> = Vec::new();
        if own.is_empty() {
            return Ok(beside);
        }
        for aid in applications::aids_holding_pkcs15() {
            let mut came: Vec<Vec<Vec<u8>>> = Vec::new();
            let mut reply = applications::reply(self.files().select_application(aid))?;
            while came.len() < MAX_NEXT {
                let names = names(&reply);
                // A card that does not know of next ones may select the same again.
                if names.is_empty() || came.contains(&names) {
                    break;
                }
                let is_new = |name: &&Vec<u8>| !own.contains(name) && !beside.contains(name);
                let new: Vec<_> = names.iter().filter(is_new).cloned().collect();
                beside.extend(new);
                came.push(names);
                reply = applications::reply(self.files().select_next_application(aid))?;
            }
        }
        Ok(beside)
    }
}

/// The names of the DF that was selected, as the card tells them.
fn names(reply: &Reply) -> Vec<Vec<u8>> {
    match reply {
        Reply::Selected(info) => info
            .fcp
            .as_ref()
            .map_or_else(Vec::new, |fcp| fcp.df_names.clone()),
        _ => Vec::new(),
    }
}
