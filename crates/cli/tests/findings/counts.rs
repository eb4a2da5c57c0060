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

/// A CDF in which the entry for 4333 says this index and length.
fn with_count(index: u16, length: u16) -> crate::common::Lab {
    let lab = valid();
    change_data(&lab, CDF, |cdf| {
        let at = cdf
            .windows(2)
            .position(|two| two == [0x43, 0x33])
            .expect("the path")
            + 2;
        let index = number(0x02, index);
        let length = number(0x80, length);
        let count = [index, length].concat();
        cdf.splice(at..at, count.iter().copied());
        // The path, the SEQUENCEs around it and the object grow by as many bytes.
        for back in [10, 12, 14] {
            cdf[at - back + 1] += count.len() as u8;
        }
        let start = cdf[..at]
            .iter()
            .rposition(|byte| *byte == 0x0C)
            .expect("a label");
        cdf[start - 3] += count.len() as u8;
    });
    lab
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

/// A CDF whose entry for 4333 has this behind the certificate's path.
fn with_behind_path(more: &[u8]) -> crate::common::Lab {
    let lab = valid();
    change_data(&lab, CDF, |cdf| {
        let at = cdf
            .windows(2)
            .position(|two| two == [0x43, 0x33])
            .expect("the path")
            + 2;
        cdf.splice(at..at, more.iter().copied());
        // The SEQUENCE around the path, its tag, and the object.
        for back in [12, 14] {
            cdf[at - back + 1] += more.len() as u8;
        }
        let start = cdf[..at]
            .iter()
            .rposition(|byte| *byte == 0x0C)
            .expect("a label");
        cdf[start - 3] += more.len() as u8;
    });
    lab
}

#[test]
fn what_the_entry_says_otherwise_than_the_certificate_is_found() {
    let der = data(&valid(), HCC);
    let serial = der[13..15 + usize::from(der[14])].to_vec();
    assert_eq!(serial[0], 0x02);
    let lab = with_behind_path(&serial);
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
        ("subject", &[0x30, 0x02, 0x31, 0x00]),
        ("issuer", &around),
        ("issuer", &in_place),
    ] {
        let lab = with_behind_path(more);
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6, "{what}: {document:#}");
        let found = problem(&document, "listed-otherwise");
        let message = found["message"].as_str().expect("text");
        assert!(message.contains(&format!("another {what}")), "{message}");
    }
}
