//! Certificates that are DER and still not read: the reason is the right one.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use kortlab_issuer::inspect::CertificateSummary;

fn tlv(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let header: Vec<u8> = match contents.len() {
        short @ 0..=127 => vec![tag, u8::try_from(short).unwrap()],
        128..=255 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [header, contents].concat()
}

/// A certificate that only has its shape: with this serial number and notBefore.
fn certificate(serial: &[u8], not_before: (u8, &str)) -> Vec<u8> {
    let ed25519 = tlv(0x30, &[&[0x06, 0x03, 0x2B, 0x65, 0x70]]);
    let name = tlv(0x30, &[]);
    let validity = tlv(
        0x30,
        &[
            &tlv(not_before.0, &[not_before.1.as_bytes()]),
            &tlv(0x17, &[b"271231000000Z"]),
        ],
    );
    let key = tlv(0x30, &[&ed25519, &tlv(0x03, &[&[0; 33]])]);
    let signed = tlv(
        0x30,
        &[
            &[0xA0, 0x03, 0x02, 0x01, 0x02],
            &tlv(0x02, &[serial]),
            &ed25519,
            &name,
            &validity,
            &name,
            &key,
        ],
    );
    tlv(0x30, &[&signed, &ed25519, &tlv(0x03, &[&[0; 65]])])
}

fn refusal(certificate: &[u8]) -> String {
    CertificateSummary::from_der(certificate)
        .unwrap_err()
        .to_string()
}

#[test]
fn what_is_der_is_not_called_otherwise() {
    let usual = (0x17, "260101000000Z");
    assert!(CertificateSummary::from_der(&certificate(&[1], usual)).is_ok());
    assert_eq!(
        refusal(&certificate(&[1], (0x17, "691231000000Z"))),
        "the certificate is DER, but its notBefore is 1969-12-31, and times before 1970 are not read here"
    );
    assert!(refusal(&certificate(&[1], (0x18, "19441231000000Z"))).contains("1944-12-31"));
    assert_eq!(
        refusal(&certificate(&[0x42; 51], usual)),
        "the certificate is DER, but its serial number has 51 bytes, and at most 20 are allowed (RFC 5280 §4.1.2.2)"
    );
    // What is no date, and what is cut, is malformed.
    for wrong in [
        certificate(&[1], (0x17, "691331000000Z")),
        certificate(&[1], (0x17, "69123100000")),
        certificate(&[1], usual)[..60].to_vec(),
    ] {
        assert!(
            refusal(&wrong).contains("not valid DER"),
            "{}",
            refusal(&wrong)
        );
    }
}
