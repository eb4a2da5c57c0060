//! Instruction bytes INS by their names in ISO/IEC 7816-4, -8 and -9.

/// DEACTIVATE FILE (7816-9).
pub const DEACTIVATE_FILE: u8 = 0x04;
/// ERASE RECORD (7816-4).
pub const ERASE_RECORD: u8 = 0x0C;
/// ERASE BINARY (7816-4).
pub const ERASE_BINARY: u8 = 0x0E;
/// VERIFY (7816-4).
pub const VERIFY: u8 = 0x20;
/// MANAGE SECURITY ENVIRONMENT (7816-4).
pub const MANAGE_SECURITY_ENVIRONMENT: u8 = 0x22;
/// CHANGE REFERENCE DATA (7816-4).
pub const CHANGE_REFERENCE_DATA: u8 = 0x24;
/// DISABLE VERIFICATION REQUIREMENT (7816-4).
pub const DISABLE_VERIFICATION: u8 = 0x26;
/// ENABLE VERIFICATION REQUIREMENT (7816-4).
pub const ENABLE_VERIFICATION: u8 = 0x28;
/// PERFORM SECURITY OPERATION (7816-8).
pub const PERFORM_SECURITY_OPERATION: u8 = 0x2A;
/// RESET RETRY COUNTER (7816-4).
pub const RESET_RETRY_COUNTER: u8 = 0x2C;
/// ACTIVATE FILE (7816-9).
pub const ACTIVATE_FILE: u8 = 0x44;
/// GENERATE ASYMMETRIC KEY PAIR (7816-8).
pub const GENERATE_ASYMMETRIC_KEY_PAIR: u8 = 0x46;
/// MANAGE CHANNEL (7816-4).
pub const MANAGE_CHANNEL: u8 = 0x70;
/// EXTERNAL AUTHENTICATE (7816-4).
pub const EXTERNAL_AUTHENTICATE: u8 = 0x82;
/// GET CHALLENGE (7816-4).
pub const GET_CHALLENGE: u8 = 0x84;
/// GENERAL AUTHENTICATE (7816-4).
pub const GENERAL_AUTHENTICATE: u8 = 0x86;
/// INTERNAL AUTHENTICATE (7816-4).
pub const INTERNAL_AUTHENTICATE: u8 = 0x88;
/// SEARCH BINARY (7816-4).
pub const SEARCH_BINARY: u8 = 0xA0;
/// SEARCH RECORD (7816-4).
pub const SEARCH_RECORD: u8 = 0xA2;
/// SELECT (7816-4).
pub const SELECT: u8 = 0xA4;
/// READ BINARY with the offset in P1-P2 (7816-4).
pub const READ_BINARY: u8 = 0xB0;
/// READ BINARY with an offset data object (7816-4).
pub const READ_BINARY_ODD: u8 = 0xB1;
/// READ RECORD (7816-4).
pub const READ_RECORD: u8 = 0xB2;
/// GET RESPONSE (7816-4).
pub const GET_RESPONSE: u8 = 0xC0;
/// ENVELOPE (7816-4).
pub const ENVELOPE: u8 = 0xC2;
/// GET DATA with the tag in P1-P2 (7816-4).
pub const GET_DATA: u8 = 0xCA;
/// GET DATA with a tag list (7816-4).
pub const GET_DATA_ODD: u8 = 0xCB;
/// WRITE BINARY (7816-4).
pub const WRITE_BINARY: u8 = 0xD0;
/// WRITE RECORD (7816-4).
pub const WRITE_RECORD: u8 = 0xD2;
/// UPDATE BINARY with the offset in P1-P2 (7816-4).
pub const UPDATE_BINARY: u8 = 0xD6;
/// PUT DATA with the tag in P1-P2 (7816-4).
pub const PUT_DATA: u8 = 0xDA;
/// PUT DATA with a tag list (7816-4).
pub const PUT_DATA_ODD: u8 = 0xDB;
/// UPDATE RECORD (7816-4).
pub const UPDATE_RECORD: u8 = 0xDC;
/// CREATE FILE (7816-9).
pub const CREATE_FILE: u8 = 0xE0;
/// APPEND RECORD (7816-4).
pub const APPEND_RECORD: u8 = 0xE2;
/// DELETE FILE (7816-9).
pub const DELETE_FILE: u8 = 0xE4;
/// TERMINATE DF (7816-9).
pub const TERMINATE_DF: u8 = 0xE6;
/// TERMINATE EF (7816-9).
pub const TERMINATE_EF: u8 = 0xE8;
/// TERMINATE CARD USAGE (7816-9).
pub const TERMINATE_CARD_USAGE: u8 = 0xFE;

/// The name of an instruction in the standards, if it has one.
pub const fn name(ins: u8) -> Option<&'static str> {
    Some(match ins {
        DEACTIVATE_FILE => "DEACTIVATE FILE",
        ERASE_RECORD => "ERASE RECORD",
        ERASE_BINARY | 0x0F => "ERASE BINARY",
        VERIFY | 0x21 => "VERIFY",
        MANAGE_SECURITY_ENVIRONMENT => "MANAGE SECURITY ENVIRONMENT",
        CHANGE_REFERENCE_DATA => "CHANGE REFERENCE DATA",
        DISABLE_VERIFICATION => "DISABLE VERIFICATION REQUIREMENT",
        ENABLE_VERIFICATION => "ENABLE VERIFICATION REQUIREMENT",
        PERFORM_SECURITY_OPERATION => "PERFORM SECURITY OPERATION",
        RESET_RETRY_COUNTER => "RESET RETRY COUNTER",
        ACTIVATE_FILE => "ACTIVATE FILE",
        GENERATE_ASYMMETRIC_KEY_PAIR | 0x47 => "GENERATE ASYMMETRIC KEY PAIR",
        MANAGE_CHANNEL => "MANAGE CHANNEL",
        EXTERNAL_AUTHENTICATE => "EXTERNAL AUTHENTICATE",
        GET_CHALLENGE => "GET CHALLENGE",
        GENERAL_AUTHENTICATE | 0x87 => "GENERAL AUTHENTICATE",
        INTERNAL_AUTHENTICATE => "INTERNAL AUTHENTICATE",
        SEARCH_BINARY | 0xA1 => "SEARCH BINARY",
        SEARCH_RECORD => "SEARCH RECORD",
        SELECT => "SELECT",
        READ_BINARY | READ_BINARY_ODD => "READ BINARY",
        READ_RECORD | 0xB3 => "READ RECORD",
        GET_RESPONSE => "GET RESPONSE",
        ENVELOPE | 0xC3 => "ENVELOPE",
        GET_DATA | GET_DATA_ODD => "GET DATA",
        WRITE_BINARY | 0xD1 => "WRITE BINARY",
        WRITE_RECORD => "WRITE RECORD",
        UPDATE_BINARY | 0xD7 => "UPDATE BINARY",
        PUT_DATA | PUT_DATA_ODD => "PUT DATA",
        UPDATE_RECORD | 0xDD => "UPDATE RECORD",
        CREATE_FILE => "CREATE FILE",
        APPEND_RECORD => "APPEND RECORD",
        DELETE_FILE => "DELETE FILE",
        TERMINATE_DF => "TERMINATE DF",
        TERMINATE_EF => "TERMINATE EF",
        TERMINATE_CARD_USAGE => "TERMINATE CARD USAGE",
        _ => return None,
    })
}

/// Whether the data field of this instruction in this class carries reference data (PINs) or key
/// material that must not appear in logs, traces or errors.
///
/// Besides those of ISO/IEC 7816-4 and -8 these are commands of GlobalPlatform, of readers and of cards that
/// are in use; a card's own command that is not among them is not known to carry any.
pub const fn carries_secrets(class: u8, ins: u8) -> bool {
    /// The class of commands that a reader carries out itself (PC/SC part 3).
    const READER: u8 = 0xFF;
    /// LOAD KEYS of readers for contactless cards (PC/SC part 3 §3.2.2.1.4).
    const LOAD_KEYS: u8 = 0x82;
    let is_of_cards = matches!(
        ins,
        VERIFY
            | 0x21
            | CHANGE_REFERENCE_DATA
            | 0x25
            | DISABLE_VERIFICATION
            | 0x27
            | ENABLE_VERIFICATION
            | 0x29
            | RESET_RETRY_COUNTER
            | 0x2D
            // Some cards take a key to import with it.
            | GENERATE_ASYMMETRIC_KEY_PAIR
            | 0x47
            // Commands inside a command.
            | ENVELOPE
            | 0xC3
            // PINs and keys are written with it on cards that keep them as data objects.
            | PUT_DATA
            | PUT_DATA_ODD
            // PUT KEY (GlobalPlatform Card Specification §11.8).
            | 0xD8
            // ePass2003 installs PINs and keys so, and imports the parts of private keys.
            | 0xE3
            | 0xE7
            // WRITE KEY of STARCOS, and what EnterSafe's cards install PINs and keys with.
            | 0xF4
            // IMPORT ASYMMETRIC KEY and SET MANAGEMENT KEY of YubiKeys and their like.
            | 0xFE
            | 0xFF
    );
    is_of_cards || (class == READER && ins == LOAD_KEYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_with_pins_and_keys_are_told_from_those_beside_them() {
        for (class, ins) in [
            (0x00, VERIFY),
            (0x0C, 0x21),
            (0x80, 0xD8),
            (0x84, 0xD8),
            (0x84, 0xE3),
            (0x80, 0xE7),
            (0x84, 0xF4),
            (0x00, 0xFE),
            (0x00, 0xFF),
            (0xFF, 0x82),
        ] {
            assert!(carries_secrets(class, ins), "{class:02X} {ins:02X}");
        }
        for (class, ins) in [
            // A cryptogram, challenges, STORE DATA, INSTALL, LOAD, DELETE, SET STATUS.
            (0x84, EXTERNAL_AUTHENTICATE),
            (0x00, GENERAL_AUTHENTICATE),
            (0x80, 0x50),
            (0x80, 0xE2),
            (0x84, 0xE6),
            (0x84, 0xE8),
            (0x84, 0xE4),
            (0x84, 0xF0),
            // What a reader says of itself.
            (0xFF, GET_DATA),
            (0xFF, READ_BINARY),
        ] {
            assert!(!carries_secrets(class, ins), "{class:02X} {ins:02X}");
        }
    }
}
