//! Directories of which EF(ODF) names a part of a file (PKCS#15 §6.1.4, index and length).

use crate::bench::*;
use crate::common::{Lab, assert_code, stderr};

/// EF(AODF).
const AODF: &str = "4401";

/// Replaces the path of the entry with this tag by one of a part of the file.
fn name_part(lab: &Lab, tag: u8, fid: [u8; 2], index: u8, length: u8) {
    change_data(lab, ODF, |bytes| {
        let at = bytes
            .iter()
            .position(|byte| *byte == tag)
            .expect("an entry");
        let part = [
            &[tag, 0x10, 0x30, 0x0E, 0x04, 0x06, 0x3F, 0x00, 0x50, 0x15][..],
            &fid,
            &[0x02, 0x01, index, 0x80, 0x01, length],
        ]
        .concat();
        bytes.splice(at..at + 12, part);
    });
}

/// Where each of the objects of a directory ends.
fn ends(lab: &Lab, fid: &str) -> Vec<u8> {
    let bytes = data(lab, fid);
    let mut ends = Vec::new();
    let mut at = 0;
    while bytes.get(at).is_some_and(|tag| *tag != 0 && *tag != 0xFF) {
        at += match bytes[at + 1] {
            0x81 => 3 + usize::from(bytes[at + 2]),
            length => 2 + usize::from(length),
        };
        ends.push(u8::try_from(at).unwrap_or(u8::MAX));
    }
    ends
}

#[test]
fn what_a_part_of_a_directory_leaves_out_is_a_finding() {
    for (tag, fid, name) in [(0xA4, [0x44, 0x03], CDF), (0xA8, [0x44, 0x01], AODF)] {
        let lab = valid();
        let first = ends(&lab, name)[0];
        name_part(&lab, tag, fid, 0, first);
        let found = assert_found(&lab, "count-mismatch");
        assert_eq!(
            (&found["severity"], &found["path"]),
            (&"error".into(), &"3F0050155031".into())
        );
        let told_by: &[&[&str]] = match name {
            // Of certificates nothing is told where PINs are asked for.
            CDF => &[&["info"]],
            _ => &[&["info"], &["pin", "status"]],
        };
        for command in told_by {
            let (document, exit) = run(&lab, command);
            problem(&document, "count-mismatch");
            assert_eq!(exit, 6, "{command:?}");
        }
        // And one that begins behind the first object.
        let lab = valid();
        name_part(&lab, tag, fid, first, 0x7F);
        assert_found(&lab, "count-mismatch");
    }
}

#[test]
fn a_part_that_is_all_there_is_is_nothing_wrong_and_one_beyond_the_file_is() {
    let lab = valid();
    let last = *ends(&lab, AODF).last().expect("objects");
    name_part(&lab, 0xA8, [0x44, 0x01], 0, last);
    let (document, exit) = check(&lab, &[]);
    assert_eq!((codes(&document), exit), (Vec::new(), 0), "{document:#}");
    let lab = valid();
    change_file(&lab, AODF, |file| file["size"] = last.into());
    name_part(&lab, 0xA8, [0x44, 0x01], 0, last + 1);
    assert_found(&lab, "count-mismatch");
}

#[test]
fn nothing_is_written_to_a_directory_of_which_a_part_is_named() {
    let lab = valid();
    assert_code(&lab.run(&["cert", "read", "4334", "--out", "x.pem"]), 0);
    let first = ends(&lab, CDF)[0];
    name_part(&lab, 0xA4, [0x44, 0x03], 0, first);
    let (directory, certificate) = (data(&lab, CDF), data(&lab, "4334"));
    for arguments in [
        &["cert", "remove", "4334"][..],
        &["cert", "remove", "4331"],
        &["cert", "write", "x.pem", "--key", "46", "--force"],
    ] {
        let output = lab.with_pins(arguments);
        assert_code(&output, 1);
        let text = stderr(&output);
        assert!(text.contains("a part of the file"), "{arguments:?}: {text}");
        assert_eq!(data(&lab, CDF), directory, "{arguments:?}");
        assert_eq!(data(&lab, "4334"), certificate, "{arguments:?}");
    }
}

#[test]
fn two_directories_in_one_file_do_not_move_into_each_other() {
    let lab = valid();
    let ends = ends(&lab, CDF);
    name_part(&lab, 0xA4, [0x44, 0x03], 0, ends[1]);
    // The other two are trusted certificates.
    let rest = ends[3] - ends[1];
    let other = [
        &[
            0xA5, 0x10, 0x30, 0x0E, 0x04, 0x06, 0x3F, 0x00, 0x50, 0x15, 0x44, 0x03,
        ][..],
        &[0x02, 0x01, ends[1], 0x80, 0x01, rest],
    ]
    .concat();
    change_data(&lab, ODF, |bytes| {
        let end = bytes
            .iter()
            .rposition(|byte| *byte != 0x00)
            .map_or(0, |last| last + 1);
        bytes.truncate(end);
        bytes.extend(other);
    });
    assert_found(&lab, "file-named-twice");
    let directory = data(&lab, CDF);
    for certificate in ["4331", "4332", "4333", "4334"] {
        assert_code(&lab.with_pins(&["cert", "remove", certificate]), 1);
        assert_eq!(data(&lab, CDF), directory, "{certificate}");
    }
}
