//! What pcsc_stringify_error says of a return code.

/// Each code that has words, and the words.
const WORDS: [(u32, &str); 38] = [
    (0x0000_0000, "Command successful."),
    (0x8010_0001, "Internal error."),
    (0x8010_0002, "Command cancelled."),
    (0x8010_0003, "Invalid handle."),
    (0x8010_0004, "Invalid parameter given."),
    (0x8010_0005, "Invalid target given."),
    (0x8010_0006, "Not enough memory."),
    (0x8010_0007, "Waited too long."),
    (0x8010_0008, "Insufficient buffer."),
    (0x8010_0009, "Unknown reader specified."),
    (0x8010_000A, "Command timeout."),
    (0x8010_000B, "Sharing violation."),
    (0x8010_000C, "No smart card inserted."),
    (0x8010_000D, "Unknown card."),
    (0x8010_000E, "Cannot dispose handle."),
    (0x8010_000F, "Card protocol mismatch."),
    (0x8010_0010, "Subsystem not ready."),
    (0x8010_0011, "Invalid value given."),
    (0x8010_0012, "System cancelled."),
    (0x8010_0013, "RPC transport error."),
    (0x8010_0014, "Unknown error."),
    (0x8010_0015, "Invalid ATR."),
    (0x8010_0016, "Transaction failed."),
    (0x8010_0017, "Reader is unavailable."),
    (0x8010_0019, "PCI struct too small."),
    (0x8010_001A, "Reader is unsupported."),
    (0x8010_001B, "Reader already exists."),
    (0x8010_001C, "Card is unsupported."),
    (0x8010_001D, "Service not available."),
    (0x8010_001E, "Service was stopped."),
    (0x8010_001F, "Feature not supported."),
    (0x8010_002E, "Cannot find a smart card reader."),
    (0x8010_0065, "Card is not supported."),
    (0x8010_0066, "Card is unresponsive."),
    (0x8010_0067, "Card is unpowered."),
    (0x8010_0068, "Card was reset."),
    (0x8010_0069, "Card was removed."),
    (0x8010_006A, "Access denied."),
];

/// The words of a code: those that programs and their logs know from pcsc-lite.
pub fn of(code: u32) -> Option<&'static str> {
    let found = WORDS.iter().find(|(known, _)| *known == code);
    found.map(|(_, words)| *words)
}

/// What is said of a code that has no words.
pub fn unknown(code: u64) -> String {
    format!("Unknown error: 0x{code:08X}")
}
