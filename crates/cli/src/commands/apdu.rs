//! `kortlab apdu`: sends commands and decodes the answers.

mod answer;

pub use answer::write_rows;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use kortlab_apdu::exchange::exchange;
use kortlab_apdu::script::{self, MAX_SCRIPT, Step};
use kortlab_apdu::{Channel as _, ChannelError, Command, Response, StatusWord, instruction};
use kortlab_explain::answer::Answer;
use kortlab_explain::command::{masked, masked_bytes};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Context;
use crate::channel::AnyChannel;
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, ERROR, GOOD, WARNING};
use crate::{files, hexadecimal};

/// Send commands to the card and decode its answers
///
/// A command is written in hexadecimal, as an APDU with its length bytes, or as
/// `CLA INS P1 P2 :DATA /LE`; `=SW` behind it says what status word is expected (`=9000`,
/// `=61xx|9000`). A script has one command a line, and comments after #.
///
/// GET RESPONSE, 6Cxx and command chaining are done as needed; --raw sends the bytes as they are.
/// Data that holds PINs or keys is not shown. To keep PINs from the command line too, put the
/// command into a script.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab apdu 00A4000C023F00 00B0000010
  kortlab apdu '00 A4 08 00 :50155031 /256 =9000'
  kortlab -c card.json apdu --script commands.apdu
  echo '00CADF30 /5 =9000' | kortlab apdu --script -

Exit codes: 0 whatever the card answered, 1 if a status word was not the expected one.")]
pub struct Arguments {
    /// Commands, each in one argument; or one command, each byte in an argument of its own
    #[arg(value_name = "HEX", required_unless_present = "script")]
    hex: Vec<String>,

    /// Send the commands of this file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "hex")]
    script: Option<PathBuf>,

    /// Send exactly these bytes, whatever they are, and show the first answer as it comes
    #[arg(long, conflicts_with = "script")]
    raw: bool,
}

/// Sends the commands, in order, until one fails its expectation.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let work = match &arguments.script {
        Some(path) => Work::Steps("line", steps(&read_script(path)?, path)?),
        None if arguments.raw => Work::Raw(raw_commands(&arguments.hex)?),
        None => Work::Steps("command", lines(&arguments.hex)?),
    };
    let mut channel = context.open_channel()?;
    let mut report = Report {
        exchanges: Vec::new(),
    };
    // What was answered before something failed is shown all the same.
    let result = send(&mut channel, &work, &mut report);
    match result {
        Ok(()) => context.output.report(&report)?,
        Err(failure) => {
            context.output.report_failed(&report, &failure)?;
            return Err(failure);
        }
    }
    Ok(Exit::Done)
}

enum Work {
    /// Commands, and what their numbers count.
    Steps(&'static str, Vec<Step>),
    Raw(Vec<Zeroizing<Vec<u8>>>),
}

fn send(channel: &mut AnyChannel, work: &Work, report: &mut Report) -> Result<(), Failure> {
    hold(channel)?;
    let result = match work {
        Work::Steps(unit, steps) => steps
            .iter()
            .try_for_each(|step| send_step(channel, unit, step, report)),
        Work::Raw(commands) => commands
            .iter()
            .try_for_each(|command| send_raw(channel, command, report)),
    };
    let ended = channel.end_exclusive();
    result?;
    Ok(ended?)
}

/// Keeps other programs from the card. Nothing was sent yet, so nothing is lost when another one
/// resets it.
fn hold(channel: &mut AnyChannel) -> Result<(), Failure> {
    for _ in 0..20 {
        match channel.begin_exclusive() {
            Err(ChannelError::WasReset) => {}
            held => return Ok(held?),
        }
    }
    Ok(channel.begin_exclusive()?)
}

/// Sends the command of one line, and adds it and its answer to the report; `unit` is what its number
/// counts.
///
/// # Errors
/// It cannot be sent, or the status word is not the expected one.
pub fn send_step(
    channel: &mut AnyChannel,
    unit: &str,
    step: &Step,
    report: &mut Report,
) -> Result<(), Failure> {
    let response = exchange(channel, &step.command)?;
    let status = response.status();
    let met = step
        .expected
        .as_ref()
        .map(|expected| expected.matches(status));
    report.exchanges.push(Exchange {
        line: Some(step.line),
        command: masked(&step.command),
        name: instruction::name(step.command.ins()),
        answer: Answer::new(&step.command, &response),
        expected: step.expected.as_ref().map(ToString::to_string),
        met,
    });
    match &step.expected {
        Some(expected) if met == Some(false) => Err(Failure::failed(format!(
            "{unit} {}: the card answered {status} ({}), and {expected} was expected",
            step.line,
            status.meaning_after(step.command.ins())
        ))),
        _ => Ok(()),
    }
}

fn send_raw(channel: &mut AnyChannel, bytes: &[u8], report: &mut Report) -> Result<(), Failure> {
    let answer = channel.transmit(bytes)?;
    let response = Response::parse(&answer).map_err(|error| {
        Failure::new(
            Exit::Refused,
            format!(
                "the card answered {} with nonsense: {error}",
                masked_bytes(bytes)
            ),
        )
    })?;
    let command = Command::parse(bytes).unwrap_or_else(|_| Command::new(0, 0, 0));
    report.exchanges.push(Exchange {
        line: None,
        command: masked_bytes(bytes),
        name: bytes.get(1).and_then(|&ins| instruction::name(ins)),
        answer: Answer::new(&command, &response),
        expected: None,
        met: None,
    });
    Ok(())
}

/// The commands on the command line. If each argument is one byte they are one command.
fn lines(arguments: &[String]) -> Result<Vec<Step>, Failure> {
    let separator = if is_bytes(arguments) { " " } else { "\n" };
    let text = Zeroizing::new(arguments.join(separator));
    let steps = script::parse(&text).map_err(|error| {
        Failure::usage(format!(
            "command {}, column {}: {}",
            error.line, error.column, error.problem
        ))
        .hint("--raw sends bytes that are no whole command")
    })?;
    if steps.is_empty() {
        return Err(Failure::usage("no command is given"));
    }
    Ok(steps)
}

/// The command of a line, as scripts have it; none of a comment.
///
/// # Errors
/// It is none. What stands there is not repeated: it may be a PIN.
pub fn steps_of(line: &str) -> Result<Vec<Step>, Failure> {
    script::parse(line).map_err(|error| {
        Failure::usage(format!("column {}: {}", error.column, error.problem))
            .hint("`help` names the verbs; `apdu --help` shows how commands are written")
    })
}

fn raw_commands(arguments: &[String]) -> Result<Vec<Zeroizing<Vec<u8>>>, Failure> {
    let raw = |text: &str| {
        let bytes = Zeroizing::new(hexadecimal::parse(text)?);
        if bytes.is_empty() {
            return Err(Failure::usage("a command has at least one byte"));
        }
        Ok(bytes)
    };
    if is_bytes(arguments) {
        return Ok(vec![raw(&arguments.join(" "))?]);
    }
    arguments.iter().map(|text| raw(text)).collect()
}

fn is_bytes(arguments: &[String]) -> bool {
    arguments.iter().all(|argument| argument.len() <= 2)
}

fn read_script(path: &Path) -> Result<Zeroizing<String>, Failure> {
    // One byte more than allowed lets the parser say that it is too long.
    files::read_text(path, MAX_SCRIPT + 1)
}

fn steps(text: &str, path: &Path) -> Result<Vec<Step>, Failure> {
    script::parse(text).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display()))
            .hint("`kortlab apdu --help` shows how commands are written")
    })
}

/// The JSON document.
#[derive(Default, Serialize)]
pub struct Report {
    exchanges: Vec<Exchange>,
}

#[derive(Serialize)]
struct Exchange {
    /// The line of the script, or the number of the argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(flatten)]
    answer: Answer,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    /// Whether the status word was an expected one.
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for exchange in &self.exchanges {
            exchange.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .name
            .map(|name| format!("  {name}"))
            .unwrap_or_default();
        writeln!(f, "{BOLD}-> {}{BOLD:#}{name}", self.command)?;
        let style = match (self.met, self.answer.status()) {
            (Some(false), _) => ERROR,
            (_, StatusWord::SUCCESS) | (Some(true), _) => GOOD,
            _ => WARNING,
        };
        answer::write(f, &self.answer, style)?;
        if self.met == Some(false) {
            let expected = self.expected.as_deref().unwrap_or_default();
            writeln!(f, "  {ERROR}expected: {expected}{ERROR:#}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_be_one_argument_or_one_argument_a_byte() {
        let one = lines(&["00A4000C023F00".into()]).expect("a command");
        let bytes: Vec<String> = ["00", "A4", "00", "0C", "02", "3F", "00"]
            .map(str::to_owned)
            .into();
        let split = lines(&bytes).expect("a command");
        assert_eq!(one[0].command, split[0].command);
        assert_eq!(
            lines(&["00A40000".into(), "00B00000".into()]).map(|s| s.len()),
            Ok(2)
        );
    }
}
