//! What the directory and the card say of a certificate's place and size, where it is wrong.

use crate::bench::*;
use crate::common::assert_code;

/// A number that is not negative, in DER.
fn number(tag: u8, value: u16) -> Vec<u8> {
    let bytes = match value.to_be_bytes() {
        [0x00, low @ 0x00..=0x7F] => vec![low],
        [0x00, low] => vec![0x00, low],
        [high @ 0x00..=0x7F, low] => vec![high, low],
        [high, low] => vec![0x00, high, low],
    };
    [&[tag, bytes.len() as u8][..], &bytes].concat()
}

/// A CDF whose entry for 4333 has this behind the file's path: in the path, or behind it.
fn with_more(more: &[u8], is_in_path: bool) -> crate::common::Lab {
    let lab = valid();
    change_data(&lab, CDF, |cdf| {
        let at = cdf
            .windows(2)
            .position(|two| two == [0x43, 0x33])
            .expect("the path")
            + 2;
        // The label, which stands before what grows.
        let start = cdf[..at - 14]
            .iter()
            .rposition(|byte| *byte == 0x0C)
            .expect("a label");
        cdf.splice(at..at, more.iter().copied());
        // The object, the SEQUENCEs around the path, and that if it is in it, grow by as many bytes.
        let path = is_in_path.then_some(at - 9);
        for length in [start - 3, at - 13, at - 11].into_iter().chain(path) {
            cdf[length] += more.len() as u8;
        }
    });
    lab
}

/// A CDF in which the entry for 4333 says this index and length.
fn with_count(index: u16, length: u16) -> crate::common::Lab {
    with_more(&[number(0x02, index), number(0x80, length)].concat(), true)
}

#[test]
fn a_right_count_is_nothing_wrong() {
    let size = data(&valid(), HCC).len() as u16;
    let lab = with_count(0, size);
    let (document, exit) = check(&lab, &[]);
    assert_eq!((codes(&document), exit), (vec![], 0), "{document:#}");
}

#[test]
fn a_wrong_count_costs_a_finding_and_not_the_certificate() {
    let whole = data(&valid(), HCC);
    let size = whole.len() as u16;
    for (index, length) in [
        (0, 0),
        (0, 900),
        (0, size - 1),
        (0, size + 1),
        (0, 4000),
        (0, 0x7FFF),
        (100, size),
        (4000, 10),
        (0x7FFF, 0x7FFF),
    ] {
        let lab = with_count(index, length);
        let found = assert_found(&lab, "count-mismatch");
        assert_eq!(found["severity"], "warning");
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains("the directory says"), "{message}");
        let read = lab.run(&["cert", "read", HCC, "--der"]);
        assert_code(&read, 0);
        assert_eq!(read.stdout, whole, "{index} {length}");
    }
}

#[test]
fn what_the_entry_says_otherwise_than_the_certificate_is_found() {
    let der = data(&valid(), HCC);
    let serial = der[13..15 + usize::from(der[14])].to_vec();
    assert_eq!(serial[0], 0x02);
    let lab = with_more(&serial, false);
    let (document, exit) = check(&lab, &[]);
    assert_eq!((codes(&document), exit), (vec![], 0), "{document:#}");
    let name = [
        0x30, 0x0D, 0x31, 0x0B, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x02, b'S', b'E',
    ];
    let around = [&[0xA0, 0x0F], &name[..]].concat();
    let in_place = [&[0xA0, 0x0D], &name[2..]].concat();
    for (what, more) in [
        ("serial number", &[0x02, 0x02, 0x12, 0x34][..]),
        ("subject", &name),
        ("subject", &[0x30, 0x00]),
        ("issuer", &around),
        ("issuer", &in_place),
    ] {
        let lab = with_more(more, false);
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6, "{what}: {document:#}");
        let found = problem(&document, "listed-otherwise");
        let message = found["message"].as_str().expect("text");
        assert!(message.contains(&format!("another {what}")), "{message}");
    }
}
