//! What EF(UnusedSpace) says is free.

use crate::bench::*;
use crate::common::Lab;

const UNUSED_SPACE: &str = "5033";

/// Says that so many bytes of a file of the application are free (PKCS#15 §5.5.4), and gives what is found.
fn free(lab: &Lab, file: [u8; 2], from: u8, length: u8) -> Vec<String> {
    let path = [0x3F, 0x00, 0x50, 0x15, file[0], file[1]];
    let head = [0x30, 0x10, 0x30, 0x0E, 0x04, 0x06];
    let range = [0x02, 0x01, from, 0x80, 0x01, length];
    set_data(lab, UNUSED_SPACE, &[&head[..], &path, &range].concat());
    codes(&run(lab, &["diagnose", "--date", DAY, "--ca-dir", "ca"]).0)
}

#[test]
fn space_in_a_file_that_is_in_use_is_not_free_whatever_it_holds() {
    let lab = valid();
    // The directory of certificates, a certificate, the AODF, a private key.
    for file in [[0x44, 0x03], [0x43, 0x31], [0x44, 0x01], [0x4B, 0x01]] {
        assert_eq!(free(&lab, file, 0, 100), ["space-overlaps"], "{file:02X?}");
        assert_eq!(
            free(&lab, file, 40, 0),
            [""; 0],
            "{file:02X?}: no bytes at all"
        );
    }
}
