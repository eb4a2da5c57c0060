//! What is explained of certificates and revocation lists, judged by OpenSSL: where each element is,
//! and what it says.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use kortlab_explain::{Explanation, Node, certificate, revocation_list};
use tempfile::TempDir;

fn openssl(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .env("LC_ALL", "C")
        .output()
        .expect("openssl is missing; run: cargo xtask test");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    text
}

/// An authority with a certificate of many extensions, and a list with two entries.
fn authority() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    file(
        "ca.cnf",
        "[req]\ndistinguished_name=name\nx509_extensions=own\nprompt=no\nstring_mask=utf8only\n\
         [name]\nC=SE\nO=Exempel\nCN=TEST \u{c5}sa CA\n\
         [own]\nbasicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n\
         subjectKeyIdentifier=hash\nsubjectAltName=email:a@example.test\n\
         certificatePolicies=1.2.752.1.2\ncrlDistributionPoints=URI:http://example.test/a.crl\n\
         [ca]\ndefault_ca=d\n\
         [d]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\n\
         crl_extensions=crl\n[crl]\nauthorityKeyIdentifier=keyid\n",
    );
    file(
        "index.txt",
        "R\t300101000000Z\t261101120000Z,keyCompromise\t0A\tunknown\t/CN=x\n\
         R\t300101000000Z\t261102120000Z\t0BCD\tunknown\t/CN=y\n",
    );
    file("number", "0102\n");
    let path = directory.path();
    let request = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.der -outform DER \
                   -days 30 -set_serial 0x00C0FFEE00C0FFEE -utf8 -config ca.cnf";
    openssl(path, &request.split_whitespace().collect::<Vec<_>>());
    openssl(
        path,
        &["x509", "-inform", "DER", "-in", "ca.der", "-out", "ca.pem"],
    );
    let list = "ca -config ca.cnf -gencrl -keyfile key.pem -cert ca.pem -out list.pem";
    openssl(path, &list.split_whitespace().collect::<Vec<_>>());
    openssl(
        path,
        &[
            "crl", "-in", "list.pem", "-outform", "DER", "-out", "list.der",
        ],
    );
    directory
}

/// Offset, depth, length of tag and length, length of the value.
type Place = (usize, usize, usize, usize);

fn places_of_openssl(directory: &Path, file: &str) -> BTreeSet<Place> {
    let text = openssl(directory, &["asn1parse", "-inform", "DER", "-in", file]);
    let number = |line: &str, before: &str| -> usize {
        let (_, rest) = line.split_once(before).expect(before);
        let digits = rest.trim_start();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap();
        digits[..end].parse().unwrap()
    };
    text.lines()
        .map(|line| {
            let offset = line.split(':').next().unwrap().trim().parse().unwrap();
            (
                offset,
                number(line, "d="),
                number(line, "hl="),
                number(line, " l="),
            )
        })
        .collect()
}

fn places(explained: &Explanation) -> BTreeSet<Place> {
    let place = |(depth, node): (usize, &Node)| {
        let content = node.content();
        (node.span.offset, depth, node.header, content.length)
    };
    explained.lines().map(place).collect()
}

#[track_caller]
fn meaning<'a>(explained: &'a Explanation, name: &str) -> &'a str {
    let mut lines = explained.lines();
    let found = lines.find(|(_, node)| node.name == name);
    let (_, node) = found.unwrap_or_else(|| panic!("no {name}: {explained}"));
    node.meaning.as_deref().or(node.value.as_deref()).unwrap()
}

#[test]
fn every_element_of_a_certificate_and_a_list_is_where_openssl_finds_it() {
    let directory = authority();
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let certificate = certificate::explain(&read("ca.der"));
    assert!(certificate.is_clean(), "{certificate}");
    let list = revocation_list::explain(&read("list.der"));
    assert!(list.is_clean(), "{list}");
    for (explained, file) in [(&certificate, "ca.der"), (&list, "list.der")] {
        let theirs = places_of_openssl(directory.path(), file);
        assert!(theirs.len() > 30, "{file}: {}", theirs.len());
        assert_eq!(places(explained), theirs, "{file}");
    }
}

#[test]
fn names_times_and_numbers_are_those_that_openssl_shows() {
    let directory = authority();
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let explained = certificate::explain(&read("ca.der"));
    let show = |what: &[&str]| {
        let start = ["x509", "-inform", "DER", "-in", "ca.der", "-noout"];
        openssl(directory.path(), &[&start[..], what].concat())
    };
    let serial = show(&["-serial"]);
    let serial = serial.trim().strip_prefix("serial=").unwrap();
    assert_eq!(
        meaning(&explained, "serialNumber").trim_start_matches("00"),
        serial
    );
    let dates = show(&["-startdate", "-enddate", "-dateopt", "iso_8601"]);
    for (name, theirs) in ["notBefore", "notAfter"].into_iter().zip(dates.lines()) {
        let (_, theirs) = theirs.split_once('=').unwrap();
        assert_eq!(meaning(&explained, name).replace('T', " "), theirs);
    }
    let subject = "countryName = SE, organizationName = Exempel, commonName = TEST \u{c5}sa CA";
    assert_eq!(meaning(&explained, "subject"), subject);
    let extensions: Vec<_> = explained
        .lines()
        .filter(|(_, node)| node.name == "extension")
        .map(|(_, node)| node.meaning.clone().unwrap())
        .collect();
    assert!(extensions.contains(&"2.5.29.19 basicConstraints, critical".to_owned()));
    assert_eq!(extensions.len(), 6, "{extensions:?}");

    let list = revocation_list::explain(&read("list.der"));
    assert_eq!(meaning(&list, "revokedCertificates"), "2 certificates");
    assert_eq!(meaning(&list, "userCertificate"), "0A");
    assert_eq!(meaning(&list, "revocationDate"), "2026-11-01T12:00:00Z");
}

#[test]
fn a_certificate_that_is_cut_or_something_else_is_never_clean() {
    let directory = authority();
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let whole = read("ca.der");
    for length in 0..whole.len() {
        let cut = certificate::explain(&whole[..length]);
        assert_eq!(cut.problems[0].code(), certificate::NOT_A_CERTIFICATE);
    }
    let list = certificate::explain(&read("list.der"));
    assert!(!list.is_clean(), "{list}");
    let other = revocation_list::explain(&whole);
    assert_eq!(other.problems[0].code(), revocation_list::NOT_A_LIST);
    // A private key is named, and not shown.
    let path = directory.path();
    openssl(
        path,
        &[
            "pkey", "-in", "key.pem", "-outform", "DER", "-out", "key.der",
        ],
    );
    let key = certificate::explain(&read("key.der"));
    let json = serde_json::to_string(&key).unwrap();
    assert!(json.len() < 2000, "the key is in it: {json}");
    assert!(certificate::holds_secret(&read("key.der")));
}
