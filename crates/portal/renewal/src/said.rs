//! What HCCs say besides what an order shows, and what a new one says otherwise.
//!
//! A new HCC is to differ from the one before in its serial number, its times and its key
//! identifiers. Addresses of an authority's services may move. Everything else is pointed out.

use kortlab_issuer::clock::{DAY, Timestamp};
use kortlab_issuer::inspect::{CertificateSummary, Purpose};
use kortlab_issuer::statements::{About, Statement, statements};
use kortlab_portal_core::DataLine;

use crate::difference::Difference;

/// Where one of two certificates says nothing.
pub(crate) const NOTHING: &str = "(inget / nothing)";

/// Subject and authority key identifiers, CRL distribution points, and authority information access.
const FREE: [&str; 4] = ["2.5.29.14", "2.5.29.35", "2.5.29.31", "1.3.6.1.5.5.7.1.1"];

pub(crate) const SURNAME: &str = "Efternamn";
pub(crate) const GIVEN_NAME: &str = "Förnamn";

/// All that an HCC says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    purpose: Purpose,
    times: [Timestamp; 2],
    statements: Vec<Statement>,
}

impl Said {
    /// Of an HCC (DER); `None` if it cannot be read.
    pub(crate) fn of(der: &[u8], summary: &CertificateSummary) -> Option<Self> {
        Some(Self {
            purpose: summary.purpose,
            times: [summary.not_before, summary.not_after],
            statements: statements(der).ok()?,
        })
    }

    /// What it says of something of the subject's name, by the Swedish word.
    pub(crate) fn of_subject(&self, swedish: &str) -> Option<&str> {
        let mut statements = self.statements.iter();
        let found = statements.find(|statement| {
            matches!(statement.about, About::Attribute(_)) && label(&statement.about)[0] == swedish
        });
        found.map(|statement| statement.text.as_str())
    }

    /// What is otherwise than in each of the HCCs before. What certificates are for is compared
    /// with those for the same purpose.
    pub(crate) fn differences(&self, before: &[Self]) -> Vec<Difference> {
        let mut all: Vec<&About> = before
            .iter()
            .chain([self])
            .flat_map(|said| said.statements.iter().map(|statement| &statement.about))
            .filter(|about| !is_free(about))
            .collect();
        all.sort();
        all.dedup();
        let statements = all.into_iter();
        let mut differences: Vec<_> = statements
            .filter_map(|about| self.difference(about, before))
            .collect();
        differences.extend(self.longer(before));
        differences
    }

    fn difference(&self, about: &About, before: &[Self]) -> Option<Difference> {
        let comparable = |said: &&Self| match about {
            About::Extension(_) => said.purpose == self.purpose,
            _ => true,
        };
        let before: Vec<_> = before
            .iter()
            .filter(comparable)
            .map(|said| said.about(about))
            .collect();
        let now = self.about(about);
        let is_same = |earlier: &Option<&Statement>| match (earlier, now) {
            (Some(earlier), Some(now)) => earlier.is_same(now),
            (None, None) => true,
            _ => false,
        };
        if before.is_empty() || before.iter().any(is_same) {
            return None;
        }
        let [swedish, english] = label(about);
        let shown = |statement: Option<&Statement>| match (statement, about) {
            (None, _) => NOTHING.to_owned(),
            (Some(statement), About::Attribute(identifier) | About::Extension(identifier))
                if is_other(swedish) =>
            {
                format!("{identifier}: {}", statement.text)
            }
            (Some(statement), _) => statement.text.clone(),
        };
        let mut on_card: Vec<_> = before.into_iter().map(shown).collect();
        on_card.dedup();
        Some(Difference {
            line: DataLine {
                swedish,
                english,
                value: shown(now),
            },
            on_card,
        })
    }

    fn about(&self, about: &About) -> Option<&Statement> {
        self.statements
            .iter()
            .find(|statement| statement.about == *about)
    }

    /// It is to be valid for longer than any before.
    fn longer(&self, before: &[Self]) -> Option<Difference> {
        let longest = before.iter().map(Self::seconds).max()?;
        // A day more is no other length: leap days, and clocks.
        if self.seconds() <= longest.saturating_add(DAY.as_secs()) {
            return None;
        }
        let days = |seconds: u64| seconds / DAY.as_secs();
        let [from, until] = self.times;
        Some(Difference {
            line: DataLine {
                swedish: "Giltighetstid",
                english: "Validity",
                value: format!("{from} – {until}, {} dagar / days", days(self.seconds())),
            },
            on_card: vec![format!("{} dagar / days", days(longest))],
        })
    }

    fn seconds(&self) -> u64 {
        let [from, until] = self.times.map(Timestamp::unix_seconds);
        until.saturating_sub(from)
    }
}

fn is_free(about: &About) -> bool {
    matches!(about, About::Extension(identifier) if FREE.contains(&identifier.as_str()))
}

const OTHER_ATTRIBUTE: &str = "Annat namnattribut";
const OTHER_EXTENSION: &str = "Annat tillägg";

fn is_other(swedish: &str) -> bool {
    [OTHER_ATTRIBUTE, OTHER_EXTENSION].contains(&swedish)
}

/// Swedish and English. The four of an order are called as there.
fn label(about: &About) -> [&'static str; 2] {
    match about {
        About::Issuer => ["Utfärdare", "Issuer"],
        About::UniqueIdentifier => ["Unikt id", "Unique identifier"],
        About::Attribute(identifier) => match identifier.as_str() {
            "2.5.4.3" => ["Namn", "Name"],
            "2.5.4.4" => [SURNAME, "Surname"],
            "2.5.4.42" => [GIVEN_NAME, "Given name"],
            "2.5.4.5" => ["HSA-id", "HSA-id"],
            "2.5.4.10" => ["Organisation", "Organisation"],
            "2.5.4.7" => ["Län", "County"],
            "2.5.4.6" => ["Land", "Country"],
            "2.5.4.11" => ["Enhet", "Unit"],
            "2.5.4.12" => ["Titel", "Title"],
            "1.2.840.113549.1.9.1" => ["E-post", "E-mail"],
            _ => [OTHER_ATTRIBUTE, "Another attribute of the name"],
        },
        About::Extension(identifier) => match identifier.as_str() {
            "2.5.29.15" => ["Användning (keyUsage)", "Use (keyUsage)"],
            "2.5.29.37" => ["Användning (extKeyUsage)", "Use (extKeyUsage)"],
            "2.5.29.17" => ["Alternativt namn", "Alternative name"],
            "2.5.29.32" => ["Policy", "Policy"],
            "2.5.29.19" => ["Begränsningar", "Basic constraints"],
            "1.2.752.34.2.1" => ["Kortnummer", "Card number"],
            _ => [OTHER_EXTENSION, "Another extension"],
        },
    }
}
