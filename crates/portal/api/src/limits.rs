//! How much of everything there may be.

/// Bytes of a request's JSON body: a test page with every certificate of a full card fits.
pub const REQUEST: usize = 512 * 1024;
/// Bytes of an answer's JSON body: the HCCs of a card over its whole life fit.
pub const ANSWER: usize = 4 * 1024 * 1024;
/// Bytes of one binary document: an EF of a card is addressed with 16 bits.
pub const DOCUMENT: usize = 64 * 1024;
/// Certificates on a test page.
pub const CERTIFICATES: usize = 64;
/// Bytes of a serial number: RFC 5280 §4.1.2.2 allows 20, some authorities take more.
pub const SERIAL: usize = 32;
/// Bytes of a text to be signed.
pub const TEXT: usize = 16 * 1024;
/// Bytes of a name or another line of text.
pub const LINE: usize = 512;
/// Bytes of an address.
pub const URL: usize = 2048;
/// Bytes of a task for the agent.
pub const TASK: usize = 256 * 1024;
/// Bytes of what the agent says came of a task.
pub const TASK_RESULT: usize = 4 * 1024 * 1024;
