//! Kortlab: a smart-card laboratory.
fn main() {}
