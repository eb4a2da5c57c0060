//! What `kortlab info` shows of a card that holds nothing it works with: what the card is, as far
//! as it tells.

use std::fmt;

use kortlab_apdu::StatusWord;
use kortlab_card::applications::{Asked, Reply};
use kortlab_card::{CardError, Identification, Problem, Session};
use kortlab_explain::atr;
use serde::Serialize;

use crate::channel::AnyChannel;
use crate::commands::Context;
use crate::commands::problem::Shown;
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, Cell, DIM, GOOD, Hex, SpacedHex, Table};

/// Finds out what the card is, and shows it.
///
/// What the card holds was not looked at, so this is never an all-clear: it exits 6.
pub fn run(
    context: &mut Context,
    mut session: Session<AnyChannel>,
    why: &CardError,
) -> Result<Exit, Failure> {
    let protocol = super::protocol(session.channel_mut());
    let found = session.identify()?;
    let problem = found.not_looked_at(why);
    context
        .output
        .report(&Other::new(&found, protocol, problem))?;
    Ok(Exit::Findings)
}

/// The JSON document.
#[derive(Serialize)]
struct Other {
    /// Null: nothing that kortlab works with.
    token: Option<&'static str>,
    atr: String,
    historical_bytes: Option<String>,
    protocol: &'static str,
    master_file: ReplyEntry,
    ef_dir: ReplyEntry,
    answers_to_any_aid: bool,
    applications: Vec<ApplicationEntry>,
    problems: Vec<Problem>,
    #[serde(skip)]
    spaced_atr: String,
    #[serde(skip)]
    spaced_historical: Option<String>,
}

#[derive(Serialize)]
struct ApplicationEntry {
    aid: String,
    label: Option<String>,
    /// Whether EF.DIR lists it.
    listed: bool,
    #[serde(flatten)]
    reply: ReplyEntry,
}

/// How the card answered to SELECT.
#[derive(Serialize)]
struct ReplyEntry {
    /// `selected`, `refused` or `nonsense`.
    reply: &'static str,
    /// The status word, where it is a refusal or a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_word: Option<String>,
    #[serde(skip)]
    text: String,
}

impl Other {
    fn new(found: &Identification, protocol: &'static str, problem: Problem) -> Self {
        let historical = atr::historical_bytes(&found.atr);
        Self {
            token: None,
            atr: Hex(&found.atr).to_string(),
            historical_bytes: historical.as_deref().map(|bytes| Hex(bytes).to_string()),
            protocol,
            master_file: ReplyEntry::new(&found.master_file),
            ef_dir: ReplyEntry::new(&found.directory),
            answers_to_any_aid: found.anything,
            applications: found
                .applications
                .iter()
                .map(ApplicationEntry::new)
                .collect(),
            problems: vec![problem],
            spaced_atr: SpacedHex(&found.atr).to_string(),
            spaced_historical: historical
                .as_deref()
                .filter(|bytes| !bytes.is_empty())
                .map(|bytes| SpacedHex(bytes).to_string()),
        }
    }
}

impl ApplicationEntry {
    fn new(asked: &Asked) -> Self {
        Self {
            aid: Hex(&asked.aid).to_string(),
            label: asked.name.clone(),
            listed: asked.listed,
            reply: ReplyEntry::new(&asked.reply),
        }
    }
}

impl ReplyEntry {
    fn new(reply: &Reply) -> Self {
        let told = |status: StatusWord| format!("{status} ({})", status.meaning());
        let (reply, status, text) = match reply {
            Reply::Selected(info) => {
                let kind = info.fcp.as_ref().and_then(|fcp| fcp.descriptor);
                let kind = kind.map(|descriptor| format!(", {}", descriptor.kind()));
                let warning = info
                    .warning
                    .map(|status| format!(", with {}", told(status)));
                let text = [Some("yes".to_owned()), kind, warning];
                let text = text.into_iter().flatten().collect();
                ("selected", info.warning, text)
            }
            Reply::Refused(status) => ("refused", Some(*status), format!("no: {}", told(*status))),
            Reply::Nonsense(why) => ("nonsense", None, why.clone()),
        };
        Self {
            reply,
            status_word: status.map(|status| status.to_string()),
            text,
        }
    }

    fn cell(&self) -> Cell {
        let cell = Cell::from(self.text.clone());
        match self.reply {
            "selected" => cell.styled(GOOD),
            _ => cell.styled(DIM),
        }
    }
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut card = Table::plain();
        card.row(["Card".into(), "not PKCS#15".into()]);
        card.row(["Protocol".into(), self.protocol.replace('t', "T=").into()]);
        card.row(["ATR".into(), self.spaced_atr.clone().into()]);
        let historical = self.spaced_historical.clone();
        let historical = historical.unwrap_or_else(|| "none".to_owned());
        card.row(["Historical bytes".into(), historical.into()]);
        card.row(["Master file (3F00)".into(), self.master_file.cell()]);
        card.row(["EF.DIR (3F00/2F00)".into(), self.ef_dir.cell()]);
        card.fmt(f)?;
        writeln!(f, "\n{BOLD}Applications{BOLD:#}")?;
        let mut table = Table::new(["AID", "Application", "Answers"]);
        for application in &self.applications {
            let name = application.label.clone().unwrap_or_default();
            table.row([
                application.aid.clone().into(),
                name.into(),
                application.reply.cell(),
            ]);
        }
        table.fmt(f)?;
        if self.answers_to_any_aid {
            writeln!(
                f,
                "the card answers to every AID, also to one that nobody has: its answers say nothing"
            )?;
        }
        writeln!(f, "\n{BOLD}Problems{BOLD:#}")?;
        self.problems
            .iter()
            .try_for_each(|problem| Shown::new(problem).fmt(f))
    }
}
