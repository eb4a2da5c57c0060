//! What a renewal tells: each step of the guide in Swedish and English, and what happened in it.

mod table;

use std::fmt::Display;

use kortlab_card::{Pin, PinRole};
use kortlab_issuer::inspect::Colour;
use kortlab_portal_core::{DataLine, TestPageRow};
use kortlab_renewal::guide::{Cause, Event, Interaction, Outcome, RenewalError, Step};
use kortlab_renewal::report::Report;
use kortlab_renewal::understood::Difference;
use serde::Serialize;

use kortlab_terminal::failure::Failure;
use kortlab_terminal::output::{
    BLUE, BOLD, DIM, Output, PINK, columns_of, columns_of_standard_error,
    columns_of_standard_output, note, printable, words_within,
};

pub use table::table;

/// Whoever has the card and its PINs.
pub trait Holder {
    /// Gives a PIN.
    ///
    /// # Errors
    /// There is none, and why.
    fn pin(&mut self, role: PinRole) -> Result<Pin, String>;

    /// Says whether something that was just told is right.
    fn confirms(&mut self, question: &str) -> bool;

    /// Says the same of what nobody could have known beforehand: somebody has to read it now.
    fn confirms_in_person(&mut self, question: &str) -> bool {
        let _ = question;
        false
    }
}

/// Where a story is told.
pub enum Voice<'a> {
    /// Standard output, unless that carries JSON.
    Output(&'a mut Output),
    /// Standard error, beside whatever the command reports; the demo never is.
    Aside,
}

/// Tells the renewal as it happens, and keeps it for the JSON document at the end.
pub struct Story<'a> {
    voice: Voice<'a>,
    holder: &'a mut dyn Holder,
    told: Told,
    /// Who issued the carrier certificate for authentication.
    log_in_issuer: Option<String>,
    /// The first failure to tell something; the renewal itself goes on.
    failure: Option<Failure>,
}

/// What was told: the part of the JSON document that every renewal has.
#[derive(Serialize)]
pub struct Told {
    steps: Vec<StepEntry>,
    /// The order that the certificates come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    /// The table at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Whether there are two blue and two pink certificates, valid, one for each purpose.
    complete: bool,
}

#[derive(Serialize)]
struct StepEntry {
    number: usize,
    name: &'static str,
    swedish: &'static str,
    english: &'static str,
    /// What happened, in words for people.
    events: Vec<String>,
}

impl<'a> Story<'a> {
    /// A story of which nothing is told yet.
    pub const fn new(voice: Voice<'a>, holder: &'a mut dyn Holder) -> Self {
        Self {
            voice,
            holder,
            told: Told {
                steps: Vec::new(),
                order: None,
                report: None,
                complete: false,
            },
            log_in_issuer: None,
            failure: None,
        }
    }

    /// Ends the story.
    ///
    /// # Errors
    /// The renewal stopped, or something of it could not be written.
    pub fn finish(mut self, renewed: Result<Outcome, RenewalError>) -> Result<Told, Failure> {
        let outcome = renewed.map_err(|error| stopped(&error))?;
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let report = outcome.report();
        self.told.complete = report.is_complete();
        self.told.report = Some(report.clone());
        Ok(self.told)
    }

    /// Says something that is no part of a step.
    pub fn say(&mut self, text: &impl Display) {
        match &mut self.voice {
            Voice::Output(output) if output.is_json() || self.failure.is_some() => {}
            Voice::Output(output) => self.failure = output.text(text).err(),
            Voice::Aside => note(text),
        }
    }

    /// Says what the story is about, before its first step.
    pub fn introduce(&mut self, text: &str) {
        let text = match self.columns() {
            Some(columns) => words_within(text, columns).join("\n"),
            None => text.to_owned(),
        };
        self.say(&text);
    }

    /// How wide the place is where the story is told.
    fn columns(&self) -> Option<usize> {
        match self.voice {
            Voice::Output(_) => columns_of_standard_output(),
            Voice::Aside => columns_of_standard_error(),
        }
    }

    /// Something that happened in the present step.
    fn tell(&mut self, text: &str) {
        let text = printable(text).into_owned();
        let columns = self.columns();
        self.say(&within(&text, columns));
        if let Some(step) = self.told.steps.last_mut() {
            step.events.push(text);
        }
    }

    fn begin_step(&mut self, step: Step) {
        let (swedish, english) = (step.swedish(), format!("({})", step.english()));
        let whole = 4 + columns_of(swedish) + columns_of(&english);
        let english = match self.columns().filter(|&columns| whole > columns) {
            None => format!(" {DIM}{english}{DIM:#}"),
            Some(columns) => words_within(&english, columns.saturating_sub(3).max(1))
                .iter()
                .map(|line| format!("\n   {DIM}{line}{DIM:#}"))
                .collect(),
        };
        let heading = format!("\n{BOLD}{:>2} {swedish}{BOLD:#}{english}", step.number());
        self.say(&heading);
        self.told.steps.push(StepEntry {
            number: step.number(),
            name: step.name(),
            swedish: step.swedish(),
            english: step.english(),
            events: Vec::new(),
        });
    }

    fn table(&mut self, report: &Report) {
        let table = table(report);
        match self.voice {
            Voice::Output(_) => self.say(&table),
            Voice::Aside => self.say(&table.within(columns_of_standard_error())),
        }
    }
}

impl Interaction for Story<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Began(step) => self.begin_step(*step),
            Event::CardNoticed { label, report } => {
                self.tell(&format!("the card {label:?} is noticed; it holds:"));
                self.table(report);
                // The portal takes no other certificate than this.
                let mut rows = report.certificates.iter();
                self.log_in_issuer = rows
                    .find(|row| row.colour == "blue" && row.purpose == "authentication")
                    .map(|row| row.issuer.clone());
            }
            Event::Recovered(recovery) => self.tell(&format!(
                "an earlier change of the card ({}) was interrupted; it is {}",
                recovery.purpose, recovery.way
            )),
            Event::Remark(text) => self.tell(text),
            Event::AlreadyValid => self.tell("nothing to do: all four certificates are valid"),
            Event::LoggedIn {
                card_number,
                holder,
            } => {
                if let Some(issuer) = &self.log_in_issuer {
                    let text = format!("certificate chosen: the one issued by {issuer}");
                    self.tell(&text);
                }
                self.tell(&format!("logged in: card {card_number} of {holder}"));
            }
            Event::Removed(row) => {
                let why = match row.is_unknown() {
                    true => "okänt: not issued by the authority that it names",
                    // What is removed waits for no receipt.
                    false => row.state.swedish_alone(),
                };
                self.tell(&format!("removed: {}, {why}", name(row)));
            }
            Event::NothingOldLeft { removed } => self.tell(&format!(
                "the list is shown again: none is expired or revoked ({removed} removed)"
            )),
            Event::DataToCheck(lines) => {
                self.tell("the data to check:");
                for line in lines {
                    let english = match line.english == line.swedish {
                        true => String::new(),
                        false => format!(" ({})", line.english),
                    };
                    self.tell(&format!("  {}{english}: {}", line.swedish, line.value));
                }
            }
            Event::Resumed(order) => {
                self.told.order = Some(order.to_string());
                self.tell(&format!("an earlier order goes on: {order}"));
            }
            Event::Approved(order) => {
                self.told.order = Some(order.to_string());
                self.tell(&format!(
                    "order {order} is approved with the PIN for Underskrift"
                ));
                self.tell("two certificates are issued; they are on hold until the receipt");
            }
            Event::Written(row) => {
                self.tell(&format!("written and read back: {}", name(row)));
            }
            Event::AlreadyWritten(row) => {
                self.tell(&format!("on the card already: {}", name(row)));
            }
            Event::ReceiptShown(text) => {
                self.tell("the receipt (kvittens):");
                for line in text.lines() {
                    self.tell(&format!("  {line}"));
                }
            }
            Event::ReceiptSigned => {
                self.tell("signed with the PIN for Underskrift: the certificates are valid now");
            }
            Event::NoReceipt => self.tell("no receipt is shown; on to the log-out"),
            Event::LoggedOut => self.tell("logged out"),
            Event::Checked(report) => {
                let blue = format!("{BLUE}{} blue{BLUE:#}", report.valid.blue);
                let pink = format!("{PINK}{} pink{PINK:#}", report.valid.pink);
                // A command that reports the table itself does so at its end.
                if matches!(self.voice, Voice::Output(_)) {
                    self.table(report);
                }
                self.say(&format!("   {blue} and {pink} certificates are valid"));
            }
            Event::Tried { role, certificate } => {
                let who = &certificate.summary.holder;
                self.tell(&match role {
                    PinRole::Authentication => format!("log-in test passed: {who}"),
                    PinRole::Signature => format!("signature test passed: {who}"),
                });
            }
            _ => {}
        }
    }

    fn pin(&mut self, role: PinRole, _step: Step) -> Result<Pin, String> {
        self.holder.pin(role)
    }

    fn data_are_right(&mut self, _data: &[DataLine]) -> bool {
        self.holder.confirms("Are these data right?")
    }

    fn differences_are_right(&mut self, differences: &[Difference]) -> bool {
        for Difference { line, on_card } in differences {
            self.tell(&format!(
                "{} is “{}” for the portal, and “{}” on the card",
                line.swedish,
                line.value,
                on_card.join(" / ")
            ));
        }
        self.holder
            .confirms_in_person("Are the new data right, and the card's out of date?")
    }

    fn receipt_is_right(&mut self, _text: &str) -> bool {
        self.holder.confirms("Is the receipt right?")
    }
}

/// What happened, moved to the right below its step, in lines of at most so many columns.
fn within(text: &str, columns: Option<usize>) -> String {
    let words = text.trim_start();
    let indent = 3 + text.len() - words.len();
    let fits = |columns: &usize| indent + columns_of(words) <= *columns;
    let Some(columns) = columns.filter(|columns| !fits(columns)) else {
        return format!("   {text}");
    };
    let lines = words_within(words, columns.saturating_sub(indent + 2).max(1));
    let further = format!("\n{:width$}", "", width = indent + 2);
    format!("{:indent$}{}", "", lines.join(&further))
}

fn stopped(error: &RenewalError) -> Failure {
    let failure = match error.cause() {
        Cause::Card(card) => Failure::from(card.clone()),
        Cause::NoPin { .. } => Failure::usage(""),
        Cause::Portal(_) => Failure::failed("").of_kind("portal"),
        Cause::Full(_) => Failure::failed("").of_kind("card-full"),
        _ => Failure::failed(""),
    };
    let next = error.how_to_continue();
    failure
        .saying(error.to_string())
        .hint(match error.cause() {
            Cause::NoCarrierCertificate => format!(
                "{next}; a card of the laboratory gets its first certificates from `kortlab admin enrol`"
            ),
            _ => next,
        })
}

fn name(row: &TestPageRow) -> String {
    let summary = &row.summary;
    let kind = match summary.colour {
        Colour::Blue => "carrier certificate",
        Colour::Pink => "HCC",
        Colour::Other => "certificate",
    };
    format!(
        "{kind} for {} ({}), valid until {}",
        summary.purpose.swedish(),
        summary.purpose,
        summary.not_after
    )
}
