//! Taking the steps of a plan, one by one, each checked by reading back.

use kortlab_apdu::{Channel, StatusWord};

use super::plan::{Plan, Step};
use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::files::path_text;
use crate::role::PinRole;

/// A plan that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Executed {
    /// What was overridden or left undone, in words.
    pub warnings: Vec<String>,
}

impl<C: Channel> Card<C> {
    /// Takes the steps of a plan, then reads the directories anew.
    ///
    /// If a step fails before the directory was changed, the file that was created is deleted
    /// again; if the change of the directory itself fails, its old content is written back. Where
    /// even that is not possible, because the card was pulled out, the message says what may be
    /// left behind.
    ///
    /// # Errors
    /// The card refuses a step (no room: [`ErrorKind::Full`]; the PIN is not verified:
    /// [`ErrorKind::PinRequired`]), what is read back differs, the card was changed since the
    /// plan was made, or it is gone.
    pub fn execute(&mut self, plan: &Plan) -> Result<Executed, CardError> {
        self.exclusively(|card| {
            let mut warnings = plan.warnings.clone();
            for (index, step) in plan.steps.iter().enumerate() {
                let Err(error) = card.take(step) else {
                    continue;
                };
                let optional = matches!(step, Step::DeleteFile { .. });
                if optional && !is_final(&error) {
                    warnings.push(format!("its file is left on the card: {error}"));
                    continue;
                }
                let done = plan.steps.get(..index).unwrap_or_default();
                return Err(card.undo(done, step, error));
            }
            card.refresh()?;
            Ok(Executed { warnings })
        })
    }

    fn take(&mut self, step: &Step) -> Result<(), CardError> {
        match step {
            Step::CreateFile { directory, file } => {
                let doing = format!("create a file of {} bytes", file.size);
                let command = self.dialect().create_file(*file).ok_or_else(unsupported)?;
                self.files().select_silently(directory)?;
                let created = self.files().demand(&doing, &command);
                created.map(drop).map_err(|error| match error.kind() {
                    ErrorKind::Full => error.hint(self.what_to_remove()),
                    _ => needs_pin(error),
                })
            }
            Step::WriteFile { path, data } => {
                self.files().update(path, 0, data).map_err(needs_pin)?;
                self.compare(path, data)
            }
            Step::UpdateDirectory {
                path,
                before,
                after,
            } => {
                let now = self.files().read(path)?.data;
                if now != *before {
                    return Err(CardError::new(
                        ErrorKind::Interrupted,
                        format!(
                            "the directory {} was changed meanwhile; it was left as it is",
                            path_text(path)
                        ),
                    )
                    .hint("try again; if it happens again, another program writes to the card"));
                }
                self.write_difference(path, before, after)
                    .map_err(needs_pin)?;
                self.compare(path, after)
            }
            Step::DeleteFile { directory, file_id } => {
                let doing = format!("delete the file {file_id:04X}");
                let command = self
                    .dialect()
                    .delete_file(*file_id)
                    .ok_or_else(unsupported)?;
                self.files().select_silently(directory)?;
                let deleted = self.files().demand(&doing, &command);
                deleted.map(drop).map_err(needs_pin)
            }
        }
    }

    /// Writes the bytes from the first that differs to the last.
    fn write_difference(
        &mut self,
        path: &[u8],
        before: &[u8],
        after: &[u8],
    ) -> Result<(), CardError> {
        let differs = |(a, b): (&u8, &u8)| a != b;
        let pairs = || before.iter().zip(after);
        let Some(first) = pairs().position(differs) else {
            return Ok(());
        };
        let last = before.len().min(after.len())
            - before
                .iter()
                .zip(after)
                .rev()
                .position(differs)
                .unwrap_or(0);
        let changed = after.get(first..last).unwrap_or_default();
        self.files().update(path, first, changed)
    }

    fn compare(&mut self, path: &[u8], expected: &[u8]) -> Result<(), CardError> {
        let read = self.files().read(path)?.data;
        let differs = read.get(..expected.len()) != Some(expected);
        if differs {
            let at = read
                .iter()
                .zip(expected)
                .position(|(a, b)| a != b)
                .unwrap_or(read.len());
            return Err(CardError::new(
                ErrorKind::Nonsense,
                format!(
                    "the file {} does not hold what was written to it, from byte {at} on",
                    path_text(path)
                ),
            )
            .hint("the card's memory may be worn out: do not rely on it"));
        }
        Ok(())
    }

    /// Undoes the steps that were `done` when `failed` went wrong with `error`, and gives the
    /// error to report.
    fn undo(&mut self, done: &[Step], failed: &Step, error: CardError) -> CardError {
        if matches!(failed, Step::CreateFile { .. }) && done.is_empty() {
            return error;
        }
        let mut left = Vec::new();
        if let Step::UpdateDirectory {
            path,
            before,
            after,
        } = failed
            && error.kind() != ErrorKind::Interrupted
            && self.restore(path, before, after).is_err()
        {
            left.push(format!(
                "the directory {} may be half-written",
                path_text(path)
            ));
        }
        // A directory that may name the new file keeps it.
        if left.is_empty() {
            for step in done {
                let Step::CreateFile { directory, file } = step else {
                    continue;
                };
                let delete = Step::DeleteFile {
                    directory: directory.clone(),
                    file_id: file.file_id,
                };
                if self.take(&delete).is_err() {
                    left.push(format!(
                        "the file {:04X}, which nothing names",
                        file.file_id
                    ));
                }
            }
        }
        if left.is_empty() {
            return error.context("nothing was changed");
        }
        error
            .context(&format!("left behind on the card: {}", left.join("; ")))
            .hint("insert the card, list its certificates, and try again")
    }

    /// Writes the old content of a directory back, wherever it was changed.
    fn restore(&mut self, path: &[u8], before: &[u8], after: &[u8]) -> Result<(), CardError> {
        self.write_difference(path, after, before)?;
        self.compare(path, before)
    }
}

fn needs_pin(error: CardError) -> CardError {
    if error.status() != Some(StatusWord::SECURITY_STATUS) {
        return error;
    }
    let role = PinRole::Authentication;
    error
        .with_kind(ErrorKind::PinRequired { role: Some(role) })
        .hint(format!("verify the PIN for {role} first"))
}

fn unsupported() -> CardError {
    CardError::new(
        ErrorKind::Unsupported,
        "this card OS neither creates nor deletes files",
    )
}
