//! Directories in files of records (ISO/IEC 7816-4 §7.4.1).

use std::fs;

use serde_json::Value;

use crate::bench::*;
use crate::common::{Lab, assert_code, broken, stderr, stdout};

const ODF: &str = "5031";
const AODF: &str = "4401";
const PRKDF: &str = "4402";

/// Each object of the directory in a record of its own, filled up where all have one length.
fn one_a_record(lab: &Lab, fid: &str, kind: &str, filler: u8) {
    let mut whole = data(lab, fid);
    // Of filler the last length is made as well: images leave erased bytes out.
    whole.resize(whole.len() + 1, 0x00);
    let ends = broken::starts(&whole);
    let rows = ends.windows(2).map(|ends| whole[ends[0]..ends[1]].to_vec());
    let mut rows: Vec<_> = rows.collect();
    let longest = rows.iter().map(Vec::len).max().expect("objects");
    if kind == "linear-fixed" {
        for row in &mut rows {
            row.resize(longest + 5, filler);
        }
    }
    records(lab, fid, kind, &rows);
}

fn what_is_shown(lab: &Lab) -> Vec<(Value, i32)> {
    let commands: [&[&str]; 5] = [
        &["info"],
        &["pin", "status"],
        &["key", "list"],
        &["cert", "list"],
        &["cert", "check"],
    ];
    commands.iter().map(|command| run(lab, command)).collect()
}

#[test]
fn directories_of_records_are_read_as_transparent_ones() {
    for (kind, filler) in [
        ("linear-variable", 0x00),
        ("linear-fixed", 0x00),
        ("linear-fixed", 0xFF),
    ] {
        let lab = valid();
        let before = what_is_shown(&lab);
        for fid in [ODF, AODF, PRKDF, CDF] {
            one_a_record(&lab, fid, kind, filler);
        }
        let after = what_is_shown(&lab);
        for ((after, _), (before, exit)) in after.iter().zip(&before) {
            assert_eq!(*exit, 0, "{before:#}");
            for field in ["certificates", "pins", "keys"] {
                assert_eq!(after[field], before[field], "{kind}: {field}");
            }
            // Each is said to be a file of records, and nothing else is.
            for found in codes(after) {
                assert_eq!(found, "directory-of-records", "{kind}");
            }
        }
        let (document, exit) = check(&lab, &[]);
        assert_eq!((exit, codes(&document).len()), (6, 4), "{document:#}");
    }
}

#[test]
fn a_directory_of_records_is_not_written_and_no_pin_is_asked_for() {
    let lab = valid();
    for fid in [ODF, CDF] {
        one_a_record(&lab, fid, "linear-fixed", 0x00);
    }
    let image = lab.image();
    let slot = run(&lab, &["cert", "list"]).0["certificates"][2]["id"].clone();
    let slot = slot.as_str().expect("an identifier");
    // Without a PIN on its standard input.
    let output = lab.run(&["cert", "remove", slot]);
    assert_code(&output, 1);
    let told = stderr(&output);
    assert!(told.contains("file of records"), "{told}");
    assert_eq!(lab.image(), image);
}

#[test]
fn an_object_that_is_cut_in_its_record_takes_nothing_from_the_next() {
    let lab = valid();
    let whole = data(&lab, CDF);
    let starts = objects(&whole);
    let rows: Vec<Vec<u8>> = (0..4)
        .map(|index| {
            let end = starts.get(index + 1).copied().unwrap_or(whole.len());
            let cut = if index == 1 { 9 } else { 0 };
            whole[starts[index]..end - cut].to_vec()
        })
        .collect();
    records(&lab, CDF, "linear-variable", &rows);
    let found = assert_found(&lab, "truncated");
    assert_eq!(found["file"], "EF(CDF)");
    assert_eq!(found["offset"], starts[1]);
    let next = found["next_step"].as_str().expect("a next step");
    assert!(next.contains("'00B20204/256'"), "{next}");
    let listed = run(&lab, &["cert", "list"]).0;
    assert_eq!(listed["certificates"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_record_that_cannot_be_read_is_told_and_so_is_what_is_behind_it() {
    // Over T=0 each record is asked for twice, once for its length (6Cxx).
    for (fault, code) in [
        ("sw:ins=B2,sw=6F00,nth=3", "file-unreadable"),
        ("sw:ins=B2,sw=6982,nth=3", "file-unreadable"),
        ("empty:ins=B2,nth=4", "nonsense-answer"),
        ("status:ins=B2,sw=6281,nth=4", "corrupted"),
    ] {
        let lab = valid();
        one_a_record(&lab, CDF, "linear-variable", 0x00);
        let output = lab.run(&["cert", "check", "--json", "--fault", fault]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(output.status.code(), Some(6), "{fault}");
        let codes = codes(&document);
        assert!(codes.contains(&code.to_owned()), "{fault}: {codes:?}");
        let listed = lab.run(&["cert", "list", "--fault", fault]);
        assert!(
            stdout(&listed).contains(&format!("[{code}]")),
            "{}",
            stdout(&listed)
        );
    }
}

#[test]
fn the_copy_of_a_card_with_directories_of_records_shows_the_same() {
    let lab = valid();
    for fid in [ODF, AODF, PRKDF, CDF] {
        one_a_record(&lab, fid, "linear-variable", 0x00);
    }
    let before = run(&lab, &["cert", "list"]).0["certificates"].clone();
    let copy = lab.path("copy.json");
    assert_code(&lab.run(&["dump", "-o", copy.to_str().expect("a path")]), 0);
    fs::rename(&copy, lab.path("card.json")).expect("a copy");
    let after = run(&lab, &["cert", "list"]).0["certificates"].clone();
    assert_eq!(after, before);
}
