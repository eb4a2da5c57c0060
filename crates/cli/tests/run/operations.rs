//! Every program of the table in `docs/pcsc.md`, with no PC/SC service of the machine's.

use std::fs;
use std::process::Command;

use crate::common::{Running, operations};
use crate::lab::{KORTLAB, Lab, assert_code, finish, stderr};

/// A card, and all that the operations need beside it.
fn ready() -> Lab {
    let lab = Lab::with(&["--state", "valid", "--ca-dir", "ca"]);
    let authorities = fs::read_dir(lab.path("ca")).expect("authorities");
    let authorities = authorities.map(|entry| entry.expect("a file").path());
    let authorities: Vec<_> = authorities
        .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
        .map(|path| fs::read_to_string(path).expect("PEM"))
        .collect();
    operations::prepare(&lab.path(""), &authorities);
    lab.write("all", operations::script().as_bytes());
    lab
}

#[track_caller]
fn assert_all_done(lab: &Lab) {
    let failed = operations::failed(&lab.path(""));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_program_of_the_table_does_with_run_what_the_table_says() {
    let lab = ready();
    let mut run = lab.kortlab(&["run", "card.json", "--", "bash", "all"]);
    run.envs(operations::variables(KORTLAB));
    assert_code(&finish(run), 0);
    assert_all_done(&lab);
}

#[test]
fn every_program_of_the_table_does_in_its_own_process_what_the_table_says() {
    let lab = ready();
    let options = ["run", "--in-process", "--ephemeral", "card.json"];
    let mut run = lab.kortlab(&[&options[..], &["--", "bash", "all"]].concat());
    run.envs(operations::variables(KORTLAB));
    assert_code(&finish(run), 0);
    let failed = operations::failed_in_process(&lab.path(""));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_program_of_the_table_does_with_a_standing_service_what_the_table_says() {
    let lab = ready();
    let service = Running::start(lab.kortlab(&["pcscd", "card.json"]));
    let mut all = Command::new("sh");
    all.args(["-c", &format!("{}\nexec bash all", service.first_line())]);
    all.current_dir(lab.path("")).env("HOME", lab.path(""));
    all.env("OPENSC_CONF", lab.path("opensc.conf"));
    all.envs(operations::variables(KORTLAB));
    let output = finish(all);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_all_done(&lab);
    assert_eq!(service.end_with("INT").code(), Some(0));
}

#[test]
fn the_table_has_a_row_for_each_operation_and_no_other() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pcsc.md");
    let document = fs::read_to_string(document).expect("a document");
    let rows: Vec<_> = document
        .lines()
        .filter(|line| line.ends_with("| yes | yes | yes |"))
        .collect();
    assert_eq!(rows, operations::rows());
}
