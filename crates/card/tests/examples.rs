//! The examples run: each is built into this test.

#![allow(missing_docs)]

#[path = "../examples/open_and_sign.rs"]
mod open_and_sign;

#[test]
fn a_card_in_this_process_is_opened_and_signs() {
    let done = open_and_sign::main();
    assert!(done.is_ok(), "{done:?}");
}
