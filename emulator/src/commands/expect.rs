//! Checks that many commands share.

use kortlab_apdu::{Command, StatusWord};

/// Checks P1-P2.
///
/// # Errors
/// `6A86`: they have another value.
pub(crate) fn expect_p1_p2(command: &Command, value: u16) -> Result<(), StatusWord> {
    if command.p1_p2() == value {
        Ok(())
    } else {
        Err(StatusWord::INCORRECT_P1_P2)
    }
}

/// Checks that there is no command data.
///
/// # Errors
/// `6700`: there is some.
pub(crate) fn expect_no_data(command: &Command) -> Result<(), StatusWord> {
    if command.data().is_empty() {
        Ok(())
    } else {
        Err(StatusWord::WRONG_LENGTH)
    }
}
