//! What happens when the library is loaded, and when the process forks.

use std::ffi::c_int;
use std::panic::catch_unwind;

use crate::door;

// SAFETY: this is the C library's, with its types.
unsafe extern "C" {
    fn pthread_atfork(
        prepare: extern "C" fn(),
        parent: extern "C" fn(),
        child: extern "C" fn(),
    ) -> c_int;
}

/// The loader calls what stands here when the library is there, which is before `main` if the program
/// is linked to it: so a fork server's children find the cards made.
#[used]
// SAFETY: the section holds functions like this one; the loader calls each once.
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    // SAFETY: the functions are in this library, which stays (`-z nodelete`). It fails when there is
    // no memory; then a fork while another thread is at work may leave the child without the lock.
    unsafe { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) };
    // What is wrong is told to who establishes a context.
    let _ = catch_unwind(door::prepare);
}

extern "C" fn before_fork() {
    let _ = catch_unwind(door::before_fork);
}

extern "C" fn after_fork_in_parent() {
    let _ = catch_unwind(door::after_fork_in_parent);
}

extern "C" fn after_fork_in_child() {
    let _ = catch_unwind(door::after_fork_in_child);
}
