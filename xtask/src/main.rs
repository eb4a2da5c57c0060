//! Set-up and chores: `cargo xtask demo`, `cargo xtask test` and the rest.

mod apt;
mod cargo_tool;
mod commands;
mod needs;
mod process;
mod tally;

use std::env;
use std::process::ExitCode;

use process::Failure;

const HELP: &str = "\
Set-up and chores of Kortlab.

Usage: cargo xtask COMMAND [OPTIONS] [-- ARGS…]

Commands:
  demo   Renew the certificates of an embedded card: builds and runs `kortlab demo`
  test   Run every test, the interoperability tests with pcscd, vpcd and OpenSC among them
  lint   Check formatting, clippy and the documentation, warnings being errors
  fuzz   Run the fuzz targets under libFuzzer and sum up
  bench  Run the benchmarks
  load   Measure the portal's status and OCSP paths beside OpenSSL's servers
  dist   Make an archive and a Debian package of kortlab, with manual pages and completions
  deny   Check the dependencies: bans, licences, sources
  tear   Tear the card out at every byte of a renewal, recover, and look for what is lost

On Debian and Ubuntu, as root or with sudo, what is missing is installed with apt-get, and said
on standard error. Elsewhere the message names what to install.

`cargo xtask COMMAND --help` says more about a command.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, code }) => {
            if !message.is_empty() {
                eprintln!("xtask: {message}");
            }
            ExitCode::from(code)
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::usage(format!("which command?\n\n{HELP}")));
    };
    if command == commands::RECORD {
        return commands::record(rest);
    }
    let Some(command) = commands::find(command) else {
        return match command.as_str() {
            "help" | "--help" | "-h" => {
                print!("{HELP}");
                Ok(())
            }
            _ => Err(Failure::usage(format!("no command {command}\n\n{HELP}"))),
        };
    };
    // What follows `--` belongs to the program that is run.
    let own = rest.iter().take_while(|argument| *argument != "--");
    if own.into_iter().any(|a| a == "--help" || a == "-h") {
        print!("{}", command.help);
        return Ok(());
    }
    (command.run)(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> Result<(), Failure> {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        dispatch(&arguments)
    }

    #[test]
    fn every_command_has_help_and_is_in_the_overview() {
        for command in commands::ALL {
            assert!(run(&[command.name, "--help"]).is_ok());
            assert!(HELP.contains(&format!("  {:<6} ", command.name)));
            let usage = format!("Usage: cargo xtask {}", command.name);
            assert!(command.help.contains(&usage), "{}", command.name);
        }
    }

    #[test]
    fn no_command_and_an_unknown_one_are_usage_errors() {
        assert_eq!(run(&[]).unwrap_err().code, 2);
        assert_eq!(run(&["tset"]).unwrap_err().code, 2);
    }
}
