//! Command TPDUs of T=0.

use kortlab_apdu::Command;
use kortlab_apdu::command::Case;

use crate::assert_inside;

/// What parses encodes to a TPDU that says the same; only the Le of case 4 is lost.
pub fn tpdu(data: &[u8]) {
    match Command::parse_tpdu(data) {
        Ok(command) => {
            let encoded = command
                .encode_tpdu()
                .expect("what was a TPDU fits into a TPDU");
            let again = Command::parse_tpdu(&encoded).expect("an encoded TPDU");
            assert_eq!(again.data(), command.data());
            assert_eq!(again.class(), command.class());
            assert_eq!(again.ins(), command.ins());
            assert_eq!(again.p1_p2(), command.p1_p2());
            match command.case() {
                // Four bytes become five: P3 = 00 reads as Le too.
                Case::One => assert_eq!(again.ne(), Some(256)),
                Case::Two | Case::Three => assert_eq!(again.ne(), command.ne()),
                Case::Four => assert_eq!(again.ne(), None),
            }
        }
        Err(error) => assert_inside(&error, data),
    }
}
