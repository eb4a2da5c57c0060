//! A finding that can be replayed, as a file.

use kortlab_faults::MAX_FAULTS;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::limits::Limits;
use crate::oracles::Finding;
use crate::program::Program;
use crate::recipe::Recipe;

/// The most bytes that a case may have.
pub const MAX_CASE: usize = 1 << 20;
/// The version of the form.
const VERSION: u32 = 1;

/// A finding, with everything that it takes to see it again but the card and the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The version of the form: 1.
    kortlab_case: u32,
    /// The oracle that found it.
    pub oracle: String,
    /// What tells it from other findings.
    pub signature: String,
    /// What happened, in a line.
    pub what: String,
    /// The faults.
    pub faults: Recipe,
    /// The program.
    pub program: Program,
    /// What an execution may use.
    pub limits: Limits,
    /// The card image, where it was.
    pub card: String,
    /// SHA-256 of the card image, as hexadecimal digits.
    pub card_sha256: String,
    /// Of how many executions with these faults, and of how many it was the outcome.
    pub seen: (u32, u32),
    /// The execution of the campaign that found it, counted from 1; 0 if nobody has noted that.
    #[serde(default)]
    pub execution: u64,
}

/// Why a case cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// It is no case.
    #[error("it is no case of `kortlab fuzz`: {0}")]
    Form(serde_json::Error),
    /// It has more faults than there can be around a card.
    #[error("it has {0} faults, and there can be at most {MAX_FAULTS}")]
    TooManyFaults(usize),
    /// It is of another version.
    #[error("it is a case of version {0}, and this program knows version 1")]
    Version(u32),
}

impl Case {
    /// A case of this finding.
    pub fn new(
        finding: &Finding,
        faults: Recipe,
        program: &Program,
        limits: &Limits,
        card: String,
        image: &[u8],
    ) -> Self {
        Self {
            kortlab_case: VERSION,
            oracle: finding.oracle.to_owned(),
            signature: finding.signature.clone(),
            what: finding.what.clone(),
            faults,
            program: program.clone(),
            limits: *limits,
            card,
            card_sha256: Self::hash(image),
            seen: (1, 1),
            execution: 0,
        }
    }

    /// Reads a case.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, CaseError> {
        let case: Self = serde_json::from_slice(bytes).map_err(CaseError::Form)?;
        if case.kortlab_case != VERSION {
            return Err(CaseError::Version(case.kortlab_case));
        }
        let faults = case.faults.faults().len();
        if faults > MAX_FAULTS {
            return Err(CaseError::TooManyFaults(faults));
        }
        Ok(case)
    }

    /// The case as JSON.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.unwrap_or_default() + "\n"
    }

    /// A name for its file: the same for all findings with its signature.
    pub fn file_name(&self) -> String {
        let hash = Self::hash(self.signature.as_bytes());
        format!("{}-{}.json", self.oracle, hash.get(..12).unwrap_or(&hash))
    }

    /// SHA-256 of an image, as a case names it.
    pub fn hash(image: &[u8]) -> String {
        hex::encode(Sha256::digest(image))
    }
}
