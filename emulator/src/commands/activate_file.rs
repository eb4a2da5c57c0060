//! ACTIVATE FILE (ISO/IEC 7816-9 §5.4).

use kortlab_apdu::{Command, StatusWord};

use super::{done, life_cycle};
use crate::fs::LifeCycle;
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Makes a file that was created, initialised or deactivated operational; one that is already is
/// left alone. `6985`: it is terminated. `6982`: its conditions do not allow it.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let file = life_cycle::target(context, command)?;
    context.authorise_status(file, Operation::Activate)?;
    match context.file(file)?.life_cycle {
        LifeCycle::Terminated => Err(StatusWord::CONDITIONS_OF_USE),
        LifeCycle::Activated => done(),
        LifeCycle::Creation | LifeCycle::Initialisation | LifeCycle::Deactivated => {
            context.memory.apply(Write::FileLifeCycle {
                file,
                status: LifeCycle::Activated,
            })?;
            done()
        }
    }
}
