//! Access rules in words: who may do what with a file (ISO/IEC 7816-4 §9.3, tags 86, 8C, 8B and AB of
//! what SELECT answers).
//!
//! | coding | where |
//! |---|---|
//! | compact | `8C`: an access mode byte, and a security condition byte for each of its bits |
//! | expanded | `AB`: access mode and security condition data objects |
//! | reference | `8B`: the record of a file (EF.ARR) that holds expanded rules |
//! | the card's own | `86`: that of SetCOS is known, which the EID applet has |
//!
//! ```
//! use kortlab_apdu::fcp::Fcp;
//! use kortlab_explain::access::{self, OwnCoding};
//!
//! let answer = [0x62, 0x08, 0x82, 0x01, 0x01, 0x8C, 0x03, 0x03, 0x90, 0x00];
//! let fcp = Fcp::parse(&answer).map(|parsed| parsed.value)?;
//! let access = access::of_file(&fcp, OwnCoding::Unknown, &|_, _| None);
//! assert_eq!(access[0].coding, "compact");
//! assert_eq!(access[0].rules[0].to_string(), "update: user authentication");
//! assert_eq!(access[0].rules[1].to_string(), "read: always");
//! # Ok::<(), kortlab_apdu::Error>(())
//! ```

mod compact;
mod expanded;
mod modes;
mod setcos;

use core::fmt;

use kortlab_apdu::Fid;
use kortlab_apdu::fcp::{Fcp, FileKind};
use serde::Serialize;

use crate::hexadecimal::Hex;

/// In which coding of its own a card keeps tag 86.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnCoding {
    /// Nobody knows.
    Unknown,
    /// That of SetCOS 4.4, which the EID applet has.
    SetCos,
}

/// The access rules of a file in one coding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// `compact`, `expanded`, `reference`, `SetCOS`, or `proprietary` where nobody knows it.
    pub coding: &'static str,
    /// The bytes, in hexadecimal.
    pub raw: String,
    /// What they say. What no rule names is not allowed.
    pub rules: Vec<Rule>,
    /// What of the bytes could not be read, and at which of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// One rule: what may be done, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The operations, in words.
    pub operations: Vec<String>,
    /// When they are allowed, in words: `always`, `never`, `PIN 81`.
    pub condition: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operations.join(", "), self.condition)
    }
}

/// The record of a file, by its identifier and the record's number, if it is known.
pub type Records<'a> = &'a dyn Fn(Option<Fid>, u8) -> Option<Vec<u8>>;

/// The access rules that a file's description has, in the order of their tags. `own` says how tag 86
/// is coded on this card; `records` is asked for the records that a reference names (no identifier:
/// of the EF.ARR of the file's DF).
pub fn of_file(fcp: &Fcp, own: OwnCoding, records: Records<'_>) -> Vec<Access> {
    let is_df = match fcp.descriptor.map(|descriptor| descriptor.kind()) {
        Some(kind) => kind == FileKind::Df,
        None => !fcp.df_names.is_empty(),
    };
    let mut found = Vec::new();
    if let Some(bytes) = &fcp.security {
        found.push(match own {
            OwnCoding::SetCos => setcos::read(bytes, is_df),
            OwnCoding::Unknown => Access {
                unread: Some("a coding of the card's own, which is not known".to_owned()),
                ..Access::new("proprietary", bytes)
            },
        });
    }
    if let Some(bytes) = fcp.other(0x8B_u8) {
        found.push(expanded::reference(bytes, is_df, records));
    }
    if let Some(bytes) = &fcp.compact_security {
        found.push(compact::read(bytes, is_df));
    }
    if let Some(bytes) = fcp.other(0xAB_u8) {
        found.push(expanded::read("expanded", bytes, is_df));
    }
    found
}

impl Access {
    const fn with(coding: &'static str, raw: String) -> Self {
        Self {
            coding,
            raw,
            rules: Vec::new(),
            unread: None,
        }
    }

    fn new(coding: &'static str, bytes: &[u8]) -> Self {
        Self::with(coding, Hex(bytes).to_string())
    }

    /// Adds a rule; operations that are allowed under the same condition are one.
    fn add(&mut self, operations: Vec<String>, condition: String) {
        match self.rules.last_mut() {
            Some(last) if last.condition == condition => last.operations.extend(operations),
            _ if operations.is_empty() => {}
            _ => self.rules.push(Rule {
                operations,
                condition,
            }),
        }
    }

    fn stop(mut self, offset: usize, what: &str) -> Self {
        self.unread = Some(format!("at byte {offset}: {what}"));
        self
    }
}
