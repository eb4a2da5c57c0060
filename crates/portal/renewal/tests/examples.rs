//! The example runs to its end.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../examples/renewal.rs"]
mod renewal;

#[test]
fn the_example_renews_an_expired_card() {
    renewal::main().unwrap();
}
