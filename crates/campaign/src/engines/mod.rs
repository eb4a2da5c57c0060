//! Engines of others that a campaign can be driven by: what they are told, and what they found. Each is
//! a module of its own; what a finding is, the [`oracles`](crate::oracles) say for all.

pub mod afl;
pub mod seeds;
