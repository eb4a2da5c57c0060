//! Private keys that cannot be used as EF(PrKDF) describes them: it names no file where the card OS
//! finds a key by its file, or no PIN where the description of that file wants one.

use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{Id, ObjectRef, PrivateKey, Severity};

use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::pin_reference::Ways;
use crate::problem::{Problem, code};

/// A private key of which EF(PrKDF) leaves out what it takes to use it.
struct Incomplete {
    /// The PrKDF that lists it.
    directory: FilePath,
    object: ObjectRef,
    id: Id,
    /// Its file, which its card OS may tell more of; `None`: it names none.
    path: Option<FilePath>,
}

impl<C: Channel> Card<C> {
    /// The private keys that cannot be used as the directories describe them, because they name no
    /// file or no PIN. Only of a key that names no PIN the card is asked.
    ///
    /// # Errors
    /// The card is gone.
    pub fn unusable_keys(&mut self) -> Result<Vec<Problem>, CardError> {
        let incomplete = self.incomplete_keys();
        if incomplete.is_empty() {
            return Ok(Vec::new());
        }
        self.exclusively(|card| {
            let mut problems = Vec::new();
            for key in &incomplete {
                let Some(path) = &key.path else {
                    problems.push(key.without_file());
                    continue;
                };
                let described = card.describe_file(path);
                match described.and_then(|info| card.with_rules(path, info)) {
                    Ok((info, _)) => {
                        let ways = card.dialect().pins_of_key(&info).map(Ways::new);
                        let wanted = ways.filter(Ways::always_want_a_pin);
                        problems.extend(wanted.map(|ways| key.without_pin(&ways)));
                    }
                    Err(error) if is_final(&error) => return Err(error),
                    Err(error) if error.kind() == ErrorKind::Budget => {
                        problems.push(Problem::unreadable("private key", path, &error));
                        break;
                    }
                    // That its file cannot be selected is told by a check of it.
                    Err(_) => {}
                }
            }
            Ok(problems)
        })
    }

    fn incomplete_keys(&self) -> Vec<Incomplete> {
        let contents = self.contents();
        let by_file = self.dialect().keeps_keys_in_files_of_their_own();
        let mut keys = Vec::new();
        for file in &contents.private_keys {
            for (index, key) in file.directory.listed() {
                let named = key.path().filter(|path| !path.path.is_empty());
                let path = named.map(|path| contents.absolute(path));
                let is_incomplete = match &path {
                    Some(_) => key.common.auth_id.is_none(),
                    None => is_elsewhere(key) && (by_file || key.key.key_reference.is_none()),
                };
                if is_incomplete {
                    keys.push(Incomplete {
                        directory: file.path.clone(),
                        object: ObjectRef::of(index, &key.common, Some(key.id())),
                        id: key.id().clone(),
                        path,
                    });
                }
            }
        }
        keys
    }
}

/// Whether the key is said to be in a file, and not in the directory or in a way that is not known.
fn is_elsewhere(key: &PrivateKey) -> bool {
    key.path().is_some()
}

impl Incomplete {
    fn without_file(&self) -> Problem {
        let message = format!(
            "the path of the key {} is empty: no program finds the file of the key, which cannot be \
             used",
            self.id
        );
        self.problem(code::KEY_WITHOUT_FILE, message)
            .hint("whoever wrote EF(PrKDF) must correct the path of the key")
    }

    fn without_pin(&self, ways: &Ways) -> Problem {
        let message = format!(
            "the key {} names no PIN (authId), and is used by {ways}, as the access conditions of \
             its file say: programs ask for no PIN, and the card refuses",
            self.id
        );
        self.problem(code::KEY_WITHOUT_PIN, message)
            .hint("whoever wrote EF(PrKDF) must name the authentication object of that PIN in it")
    }

    fn problem(&self, code: &'static str, message: String) -> Problem {
        let severity = Severity::Error;
        let problem = Problem::new(severity, code, "EF(PrKDF)", &self.directory, message);
        problem.about(self.object.clone())
    }
}
