//! DEACTIVATE FILE (ISO/IEC 7816-9 §5.3).

use kortlab_apdu::{Command, StatusWord};

use super::{done, life_cycle};
use crate::fs::LifeCycle;
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Makes a file unusable until it is activated again; of the commands only SELECT, ACTIVATE,
/// DELETE and TERMINATE still work on it. `6985`: it is terminated, or is the MF. `6982`: its
/// conditions do not allow it.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let file = life_cycle::target(context, command)?;
    context.authorise_status(file, Operation::Deactivate)?;
    let status = context.file(file)?.life_cycle;
    if status == LifeCycle::Terminated || context.files().parent(file).is_none() {
        return Err(StatusWord::CONDITIONS_OF_USE);
    }
    if status != LifeCycle::Deactivated {
        context.memory.apply(Write::FileLifeCycle {
            file,
            status: LifeCycle::Deactivated,
        })?;
    }
    done()
}
