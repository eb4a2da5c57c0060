//! What the demo tells: each step of the guide in Swedish and English, and what happened in it.

use std::fmt::Display;

use kortlab_card::{Pin, PinRole};
use kortlab_emulator::Image;
use kortlab_emulator::models::eid::layout;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::inspect::Colour;
use kortlab_issuer::portal::TestPageRow;
use kortlab_renewal::guide::{Event, Interaction, Step};
use kortlab_renewal::report::Report;
use kortlab_renewal::states::CardState;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::{BLUE, BOLD, Cell, DIM, ERROR, GOOD, Output, PINK, Table, printable};

/// The test PINs of the demo's card.
pub struct TestPins {
    authentication: Zeroizing<Vec<u8>>,
    signature: Zeroizing<Vec<u8>>,
}

impl TestPins {
    /// The PINs in an image; empty where it has none.
    pub fn of(image: &Image) -> Self {
        let pin = |reference| {
            let pin = image.pins.iter().find(|pin| pin.reference.0 == reference);
            Zeroizing::new(
                pin.map(|pin| pin.value.as_bytes().to_vec())
                    .unwrap_or_default(),
            )
        };
        Self {
            authentication: pin(layout::PIN_AUTHENTICATION),
            signature: pin(layout::PIN_SIGNATURE),
        }
    }
}

/// Tells the renewal, as it happens or as one JSON document at the end.
pub struct Story<'a> {
    output: &'a mut Output,
    pins: TestPins,
    document: Document,
    /// Who issued the carrier certificate for authentication.
    log_in_issuer: Option<String>,
    /// The first failure to tell something; the renewal itself goes on.
    failure: Option<Failure>,
}

/// The JSON document.
#[derive(Serialize)]
struct Document {
    /// The state of the card at the start.
    state: &'static str,
    /// When it happens.
    date: String,
    steps: Vec<StepEntry>,
    /// The table at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
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
    /// A story about a card in this state at this time.
    pub fn new(output: &'a mut Output, pins: TestPins, state: CardState, date: Timestamp) -> Self {
        Self {
            output,
            pins,
            document: Document {
                state: state.name(),
                date: date.to_string(),
                steps: Vec::new(),
                report: None,
                complete: false,
            },
            log_in_issuer: None,
            failure: None,
        }
    }

    /// Says what is about to happen.
    pub fn begin(&mut self) {
        let Document { state, date, .. } = &self.document;
        let text = format!(
            "A virtual card in the state {BOLD}{state}{BOLD:#}, on {date}. All names are invented \
             and all PINs are test PINs."
        );
        self.say(&text);
    }

    /// Ends the story: the JSON document, if that was asked for.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn finish(self) -> Result<(), Failure> {
        if self.output.is_json() {
            self.output.document(&self.document)?;
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn say(&mut self, text: &impl Display) {
        if self.output.is_json() || self.failure.is_some() {
            return;
        }
        self.failure = self.output.text(text).err();
    }

    /// Something that happened in the present step.
    fn tell(&mut self, text: &str) {
        let text = printable(text).into_owned();
        self.say(&format!("   {text}"));
        if let Some(step) = self.document.steps.last_mut() {
            step.events.push(text);
        }
    }

    fn begin_step(&mut self, step: Step) {
        let heading = format!(
            "\n{BOLD}{:>2} {}{BOLD:#} {DIM}({}){DIM:#}",
            step.number(),
            step.swedish(),
            step.english()
        );
        self.say(&heading);
        self.document.steps.push(StepEntry {
            number: step.number(),
            name: step.name(),
            swedish: step.swedish(),
            english: step.english(),
            events: Vec::new(),
        });
    }

    fn table(&mut self, report: &Report) {
        self.say(&table(report));
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
                self.tell(&format!("removed: {}, {}", name(row), row.state.swedish()));
            }
            Event::NothingOldLeft { removed } => self.tell(&format!(
                "the list is shown again: none is expired or revoked ({removed} removed)"
            )),
            Event::DataToCheck(lines) => {
                self.tell("the data are right:");
                for line in lines {
                    let english = match line.english == line.swedish {
                        true => String::new(),
                        false => format!(" ({})", line.english),
                    };
                    self.tell(&format!("  {}{english}: {}", line.swedish, line.value));
                }
            }
            Event::Resumed(order) => self.tell(&format!("an earlier order goes on: {order}")),
            Event::Approved(order) => {
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
                self.table(report);
                self.say(&format!("   {blue} and {pink} certificates are valid"));
                self.document.complete = report.is_complete();
                self.document.report = Some(report.clone());
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
        let pin = match role {
            PinRole::Authentication => &self.pins.authentication,
            PinRole::Signature => &self.pins.signature,
        };
        Pin::new(pin.clone()).map_err(|error| error.to_string())
    }
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

fn table(report: &Report) -> Table {
    let mut table = Table::new([
        "",
        "Purpose",
        "Holder",
        "HSA-id",
        "Issuer",
        "Valid until",
        "State",
    ])
    .indented(3);
    for row in &report.certificates {
        let mark = match row.colour {
            "blue" => Cell::from("● blue").styled(BLUE),
            "pink" => Cell::from("● pink").styled(PINK),
            _ => "○ other".into(),
        };
        let until = row.not_after.split('T').next().unwrap_or_default();
        let state = Cell::from(format!("{} ({})", row.state_sv, row.state));
        table.row([
            mark,
            format!("{} ({})", row.purpose_sv, row.purpose).into(),
            row.holder.clone().into(),
            row.hsa_id.clone().unwrap_or_default().into(),
            row.issuer.clone().into(),
            until.into(),
            state.styled(if row.state == "valid" { GOOD } else { ERROR }),
        ]);
    }
    table
}
