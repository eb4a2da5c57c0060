//! Arguments that are put together only where they are read: of some thirty commands one is called, and
//! the definitions of all the others are a third of what starting this program takes.

use std::cell::Cell;

use clap::{ArgMatches, Args, Command, CommandFactory, Error, FromArgMatches, Id};

/// A command's arguments.
pub struct Later<T>(pub T);

/// The commands, those with [`Later`] arguments by name alone until one is called: to read a command
/// line with, and not for help, which tells of all.
pub fn command<T: CommandFactory>() -> Command {
    LATER.set(true);
    let command = T::command();
    LATER.set(false);
    command
}

thread_local! {
    /// Whether what is put together now is for [`command`].
    static LATER: Cell<bool> = const { Cell::new(false) };
}

impl<T: Args> Args for Later<T> {
    fn group_id() -> Option<Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        match LATER.get() {
            true => command.defer(T::augment_args),
            false => T::augment_args(command),
        }
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}
