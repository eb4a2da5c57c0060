//! Which authorities there are.

use serde::{Deserialize, Serialize};

/// Which of the two authorities of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorityKind {
    /// The carrier's, which knows the card: "TEST Telia Card Identifier CA v3".
    Carrier,
    /// The HCC's, which knows the employee: "TEST SITHS Type 1 CA v1".
    Hcc,
}

impl AuthorityKind {
    /// Both, the carrier's first.
    pub const ALL: [Self; 2] = [Self::Carrier, Self::Hcc];

    /// The authority with this [`AuthorityKind::file_name`].
    pub fn from_file_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.file_name() == name)
    }

    /// A stable name for data: `carrier`, `hcc`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Carrier => "carrier",
            Self::Hcc => "hcc",
        }
    }

    /// The common name.
    pub const fn common_name(self) -> &'static str {
        match self {
            Self::Carrier => "TEST Telia Card Identifier CA v3",
            Self::Hcc => "TEST SITHS Type 1 CA v1",
        }
    }

    /// The name in addresses and file names.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Carrier => "test-telia-card-identifier-ca-v3",
            Self::Hcc => "test-siths-type-1-ca-v1",
        }
    }
}
