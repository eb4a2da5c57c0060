//! Set-up and chores: cargo xtask demo | test.
fn main() {}
