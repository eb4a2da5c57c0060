//! How a program is told of the cards in its own process: the environment variables that the library
//! with the service in it (`crates/libpcsclite`) reads.

/// The paths of the card images, one a line; each gets a reader.
pub const CARDS: &str = "KORTLAB_IN_PROCESS_CARDS";
/// The names of the readers, one a line; else `Kortlab 00 00` and so on.
pub const READERS: &str = "KORTLAB_IN_PROCESS_READERS";
/// The faults around each card, one a line, the first next to the card.
pub const FAULTS: &str = "KORTLAB_IN_PROCESS_FAULTS";
/// A number from which the cards' own random numbers follow; else chance decides.
pub const SEED: &str = "KORTLAB_IN_PROCESS_SEED";
/// A file to which is added what passes between program and card, for a campaign of fuzzing.
pub const JOURNAL: &str = "KORTLAB_IN_PROCESS_JOURNAL";
/// How many commands a card takes; then it is gone.
pub const COMMANDS: &str = "KORTLAB_IN_PROCESS_COMMANDS";
/// A file with further faults, one a line, that is read when the program first asks about a card: so
/// a fork server's children each find what is theirs.
pub const TEST_CASE: &str = "KORTLAB_IN_PROCESS_TEST_CASE";
/// How many commands a program takes about, for who makes up test cases for it.
pub const TYPICAL_COMMANDS: &str = "KORTLAB_IN_PROCESS_TYPICAL_COMMANDS";
/// What the loader looks along first, and so where the directory of the library is named.
pub const SEARCH_PATH: &str = "LD_LIBRARY_PATH";
