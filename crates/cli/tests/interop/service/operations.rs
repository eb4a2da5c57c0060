//! Every program of the table in `docs/pcsc.md`, with the real pcscd and vpcd.

use std::time::Duration;

use crate::common::operations;
use crate::lab::{KORTLAB, Lab, Link, authorities};

#[test]
fn every_program_of_the_table_does_with_pcscd_what_it_does_with_ours() {
    let lab = Lab::new("valid", Link::T0);
    let directory = lab.sandbox.directory();
    operations::prepare(directory, &authorities("valid", "t0"));
    let mut all = lab.tool("bash").args(["-c", &operations::script()]);
    for (name, value) in operations::variables(KORTLAB) {
        all = all.env(name, value);
    }
    let all = all.timeout(Duration::from_secs(240)).run().unwrap();
    all.success().unwrap();
    let failed = operations::failed(directory);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
