//! The example runs to its end.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../examples/tear_and_recover.rs"]
mod tear_and_recover;

#[test]
fn the_example_finds_all_of_a_change_or_none_of_it() {
    tear_and_recover::main().unwrap();
}
