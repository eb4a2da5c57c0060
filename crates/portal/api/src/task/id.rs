//! The name of a task, which is a secret as well.

use core::fmt;
use core::str::FromStr;

use subtle::ConstantTimeEq;
use thiserror::Error;

/// 32 random bytes, in hexadecimal. Whoever knows them may say what came of the task, once; so
/// they are not printed, and compared in constant time.
#[derive(Clone, Copy)]
pub struct TaskId([u8; 32]);

/// A text that names no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a task's id is 64 hexadecimal digits")]
pub struct TaskIdError;

impl TaskId {
    /// A task with these random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 64 hexadecimal digits, for the form and the address of the task and for nothing else.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for TaskId {
    type Err = TaskIdError;

    fn from_str(text: &str) -> Result<Self, TaskIdError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| TaskIdError)?;
        Ok(Self(bytes))
    }
}

impl PartialEq for TaskId {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TaskId {}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_64_digits_and_is_not_printed() {
        let text = "0123456789abcdef".repeat(4);
        let id: TaskId = text.parse().unwrap();
        assert_eq!(id.expose(), text);
        assert_eq!(format!("{id:?}"), "TaskId(…)");
        for wrong in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64)] {
            assert_eq!(wrong.parse::<TaskId>(), Err(TaskIdError), "{wrong}");
        }
        assert_ne!(id, TaskId::new([0; 32]));
    }
}
