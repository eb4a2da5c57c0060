//! Command APDUs.

use kortlab_apdu::Command;

use crate::assert_inside;

/// What parses encodes to the same bytes; what does not gives an offset inside the input.
pub fn command(data: &[u8]) {
    match Command::parse(data) {
        Ok(command) => {
            let encoded = command.encode().expect("what was parsed has a legal size");
            assert_eq!(*encoded, data);
            assert!(command.is_extended() || data.len() <= 4 + 1 + 255 + 1);
            assert!(!format!("{command:?}").is_empty());
        }
        Err(error) => assert_inside(&error, data),
    }
}
