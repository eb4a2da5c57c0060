//! Whether the files of secret keys (EF(SKDF), PKCS#15 §6.5) are on the card. Nothing here works with
//! such keys; but what lists them is looked at, so that nothing on the card is left out.

use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{ObjectRef, Severity};

use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::problem::{Problem, code};

/// What such a file is called.
const SECRET_KEY: &str = "secret key";

/// The most files that are asked for.
const MAX_ASKED: usize = 64;

impl<C: Channel> Card<C> {
    /// The secret keys whose path leads to no file.
    ///
    /// # Errors
    /// The card is gone.
    pub(super) fn secret_key_files(&mut self) -> Result<Vec<Problem>, CardError> {
        let named = self.secret_keys_with_paths();
        let mut problems = Vec::new();
        for (count, (path, object)) in named.into_iter().enumerate() {
            if count == MAX_ASKED {
                let message = format!(
                    "whether the files of more than {MAX_ASKED} secret keys are there was not asked"
                );
                let code = code::TOO_MANY;
                problems.push(Problem::new(
                    Severity::Warning,
                    code,
                    SECRET_KEY,
                    &path,
                    message,
                ));
                break;
            }
            match self.file_exists(&path) {
                Ok(true) => {}
                Ok(false) => {
                    let message = "its file is not on the card (6A82): the key cannot be used";
                    let code = code::FILE_ABSENT;
                    let problem = Problem::new(Severity::Error, code, SECRET_KEY, &path, message);
                    problems.push(problem.about(object).hint(
                        "whoever issued the card must correct the path in EF(SKDF), or make the key \
                         anew",
                    ));
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) if error.kind() == ErrorKind::Budget => {
                    problems.push(Problem::unreadable(SECRET_KEY, &path, &error));
                    break;
                }
                // A card may refuse to select a key's file and still use it.
                Err(error) => {
                    let message = format!("it cannot be told whether its file is there: {error}");
                    let code = code::FILE_UNREADABLE;
                    let problem = Problem::new(Severity::Note, code, SECRET_KEY, &path, message);
                    problems.push(problem.about(object));
                }
            }
        }
        Ok(problems)
    }

    fn secret_keys_with_paths(&self) -> Vec<(FilePath, ObjectRef)> {
        let contents = self.contents();
        let mut named = Vec::new();
        for file in &contents.secret_keys {
            for (index, key) in file.directory.listed() {
                let Some(path) = key.path().filter(|path| !path.path.is_empty()) else {
                    continue;
                };
                let object = ObjectRef::of(index, &key.common, Some(key.id()));
                named.push((contents.absolute(path), object));
            }
        }
        named
    }
}
