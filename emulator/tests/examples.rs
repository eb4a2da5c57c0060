//! The examples run to their end. That with an applet is in `own_applet.rs`.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../examples/in_a_test.rs"]
mod in_a_test;
#[path = "../examples/own_layer.rs"]
mod own_layer;

#[test]
fn a_card_in_a_test_remembers_a_wrong_pin() {
    in_a_test::main().unwrap();
}

#[test]
fn a_layer_of_ones_own_spoils_what_the_card_would_do() {
    own_layer::main().unwrap();
}
