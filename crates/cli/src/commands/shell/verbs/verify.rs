//! `verify`: a PIN, which stays verified for the lines that follow.

use clap::ValueEnum as _;
use kortlab_card::PinRole;

use super::{Failure, Input, Shell, Verb};
use crate::commands::pin::Which;
use crate::commands::session;

pub(super) const VERB: Verb = Verb {
    name: "verify",
    takes: "auth|sign",
    help: "verify a PIN, which is asked for; it stays verified for the next lines",
    run,
};

fn run(shell: &mut Shell<'_>, words: &[String], _: &mut Input) -> Result<(), Failure> {
    let [name] = words else {
        return Err(VERB.usage());
    };
    let which = Which::from_str(name, true).map_err(|_| VERB.usage())?;
    let role = PinRole::from(which);
    let mut card = session::open(shell.context)?;
    let pin = session::pin(shell.context, &mut card, role)?;
    let verified = card.verify(role, &pin);
    drop(card);
    shell.return_here();
    verified?;
    let text = format!("the PIN for {role} is right, and stays verified until the card is reset");
    shell.context.output.text(&text)
}
