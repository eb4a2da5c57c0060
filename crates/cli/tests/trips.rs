//! Who trips over what `kortlab diagnose` finds: each program that a finding names is given the bytes, and
//! so are those that none names. What they say is theirs: `der`, OpenSSL, NSS and rustls know nothing of the
//! rules.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Lab, broken};
use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tagged as _};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::Value;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Who is asked here; what findings say of others, other tests try.
const JUDGES: [&str; 4] = ["strict DER", "OpenSSL", "NSS", "rustls"];

/// Whether the crate `der` reads this as elements one after the other, whatever is in them, up to the
/// filler at the end of a file.
fn is_strict(bytes: &[u8], depth: usize) -> bool {
    let Ok(mut reader) = SliceReader::new(bytes) else {
        return bytes.is_empty();
    };
    while !reader.is_finished() {
        let rest = usize::try_from(reader.position()).expect("within them");
        if depth == 0 && bytes[rest..].iter().all(|byte| *byte == 0) {
            return true;
        }
        let Ok(element) = AnyRef::decode(&mut reader) else {
            return false;
        };
        let is_whole = !element.tag().is_constructed() || is_strict(element.value(), depth + 1);
        if depth > 32 || !is_whole {
            return false;
        }
    }
    true
}

fn succeeds(lab: &Lab, program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(lab.directory());
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.expect("it runs; run: cargo xtask test").success()
}

/// Who cannot read these bytes.
fn trip(lab: &Lab, bytes: &[u8], is_certificate: bool) -> BTreeSet<&'static str> {
    fs::write(lab.path("bytes.der"), bytes).expect("written");
    let read = ["-inform", "DER", "-in", "bytes.der"];
    let is_empty = bytes.iter().all(|byte| *byte == 0);
    let strict = is_strict(bytes, 0) && !(is_certificate && is_empty);
    let openssl = match is_certificate {
        true => succeeds(lab, "openssl", &[&["x509", "-noout"][..], &read].concat()),
        // With -noout it reads nothing.
        false => succeeds(lab, "openssl", &[&["asn1parse"][..], &read].concat()),
    };
    let mut trip = BTreeSet::new();
    trip.extend((!strict).then_some(JUDGES[0]));
    trip.extend((!openssl).then_some(JUDGES[1]));
    if is_certificate {
        let import = [
            "-A",
            "-d",
            "sql:nss",
            "-n",
            "one",
            "-t",
            ",,",
            "-i",
            "bytes.der",
        ];
        let nss = succeeds(lab, "certutil", &import);
        let _ = succeeds(lab, "certutil", &["-D", "-d", "sql:nss", "-n", "one"]);
        trip.extend((!nss).then_some(JUDGES[2]));
        // A TLS client is given the certificate without what stands behind it in its file.
        let der = CertificateDer::from(without_filler(bytes));
        let rustls = EndEntityCert::try_from(&der).is_ok();
        trip.extend((!rustls).then_some(JUDGES[3]));
    }
    trip
}

/// The element at the start, if what stands behind it is filler; else all of it.
fn without_filler(bytes: &[u8]) -> &[u8] {
    let element = SliceReader::new(bytes).and_then(|mut reader| {
        AnyRef::decode(&mut reader)?;
        Ok(usize::try_from(reader.position()).expect("within them"))
    });
    match element {
        Ok(length) if bytes[length..].iter().all(|byte| *byte == 0) => &bytes[..length],
        _ => bytes,
    }
}

/// The content of the file with this path, its filler included, which an image leaves out.
fn content(image: &Value, path: &str) -> Option<Vec<u8>> {
    let mut file = &image["master_file"];
    for fid in hex::decode(path).ok()?.chunks(2).skip(1) {
        let fid = hex::encode_upper(fid);
        let mut files = file["files"].as_array()?.iter();
        file = files.find(|file| file["fid"] == fid.as_str())?;
    }
    let mut bytes = hex::decode(file["data"].as_str()?).ok()?;
    let size = usize::try_from(file["size"].as_u64()?).ok()?;
    bytes.resize(size.max(bytes.len()), 0);
    Some(bytes)
}

#[test]
fn each_program_that_a_finding_names_trips_over_it_and_no_other_does() {
    let lab = Lab::with(&["--state", "valid", "--protocol", "t1"]);
    fs::create_dir(lab.path("nss")).expect("a directory");
    let new = ["-N", "-d", "sql:nss", "--empty-password"];
    assert!(succeeds(&lab, "certutil", &new));
    let text = fs::read(lab.path("card.json")).expect("an image");
    let good: Value = serde_json::from_slice(&text).expect("JSON");
    for path in [
        "3F002F00",
        "3F0050155031",
        "3F0050154401",
        "3F0050154402",
        "3F0050154403",
        "3F0050154333",
    ] {
        let bytes = content(&good, path).expect("a file");
        let none = trip(&lab, &bytes, path.ends_with("33"));
        assert!(none.is_empty(), "{path} of a good card: {none:?}");
    }
    let mut of_code: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let vectors = broken::vectors();
    for vector in vectors["vectors"].as_array().expect("a list") {
        let name = vector["name"].as_str().expect("a name");
        let findings = vector["findings"].as_array().expect("a list");
        let changes = vector["change"].as_array();
        let whole = changes.is_some_and(|changes| {
            let mut changes = changes.iter();
            changes.all(|step| step["file"].is_string() && step["remove"].is_null())
        });
        // One fault, and it is in the bytes of the file that it is found in.
        let [finding] = findings.as_slice() else {
            continue;
        };
        // Who reads it may refuse it all the same: that is another test.
        if finding["code"] == "bad-signature" {
            continue;
        }
        if !whole || !vector["state"].is_null() || vector["options"].is_array() {
            continue;
        }
        let path = finding["path"].as_str().expect("a path");
        let is_changed = changes.into_iter().flatten().any(|step| {
            let fid = step["file"].as_str().unwrap_or_default();
            path.ends_with(fid) && step["set"].is_null()
        });
        let mut image = good.clone();
        broken::break_as(&mut image, name);
        let Some(bytes) = content(&image, path).filter(|_| is_changed) else {
            continue;
        };
        let code = finding["code"].as_str().expect("a code").to_owned();
        let is_certificate = path.starts_with("3F00501543");
        let trips = trip(&lab, &bytes, is_certificate);
        println!("{name}: {code}: {trips:?}");
        let all = of_code.entry(code.clone()).or_insert_with(|| trips.clone());
        *all = all.intersection(&trips).copied().collect();
        fs::write(lab.path("card.json"), image.to_string()).expect("written");
        let output = lab.run(&["--json", "diagnose"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for problem in document["problems"].as_array().expect("a list") {
            if problem["code"] == code.as_str() {
                let names = problem["trips_over"].as_array().expect("a list").iter();
                let names = names.filter_map(Value::as_str).map(str::to_owned);
                told.entry(code.clone()).or_default().extend(names);
            }
        }
    }
    assert!(of_code.len() > 8, "{of_code:?}");
    for (code, trips) in of_code {
        let told = told.remove(&code).unwrap_or_default();
        let told: BTreeSet<_> = told.iter().map(String::as_str).collect();
        let asked: BTreeSet<_> = told
            .into_iter()
            .filter(|name| JUDGES.contains(name))
            .collect();
        assert_eq!(asked, trips, "{code}");
    }
}

/// The certificate of an authority, of the files that a card was made with.
fn authority(lab: &Lab, name: &str) -> Vec<u8> {
    let pem = [
        "x509",
        "-in",
        name,
        "-outform",
        "DER",
        "-out",
        "authority.der",
    ];
    assert!(succeeds(lab, "openssl", &pem));
    fs::read(lab.path("authority.der")).expect("a certificate")
}

/// Which of the two refuse a certificate of a card at this time, in seconds since the epoch.
fn refuse(lab: &Lab, certificate: &[u8], seconds: u64) -> BTreeSet<&'static str> {
    let name = "ca/test-siths-type-1-ca-v1.pem";
    fs::write(lab.path("bytes.der"), certificate).expect("written");
    let pem = [
        "x509",
        "-inform",
        "DER",
        "-in",
        "bytes.der",
        "-out",
        "bytes.pem",
    ];
    assert!(succeeds(lab, "openssl", &pem));
    let time = seconds.to_string();
    let verify = [
        "verify",
        "-partial_chain",
        "-attime",
        &time,
        "-CAfile",
        name,
        "bytes.pem",
    ];
    let openssl = succeeds(lab, "openssl", &verify);
    let anchor = CertificateDer::from(authority(lab, name));
    let anchors = [anchor_from_trusted_cert(&anchor).expect("an authority")];
    let der = CertificateDer::from(certificate);
    let webpki = EndEntityCert::try_from(&der).expect("a certificate");
    let verified = webpki.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &[],
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        KeyUsage::client_auth(),
        None,
        None,
    );
    let mut refuse = BTreeSet::new();
    refuse.extend((!openssl).then_some("OpenSSL"));
    refuse.extend(verified.is_err().then_some("rustls"));
    refuse
}

#[test]
fn who_refuses_a_certificate_out_of_its_time_or_with_another_signature_is_named() {
    let lab = Lab::with(&["--date", "2026-11-24", "--ca-dir", "ca"]);
    let image: Value = serde_json::from_slice(&lab.image()).expect("JSON");
    let good = content(&image, "3F0050154333").expect("a certificate");
    let mut changed = good.clone();
    *changed.last_mut().expect("bytes") ^= 1;
    const NOW: u64 = 1_795_564_800;
    const YEARS: u64 = 5 * 365 * 24 * 3600;
    let none = refuse(&lab, &good, NOW);
    assert!(none.is_empty(), "the good one: {none:?}");
    for (code, certificate, seconds, day) in [
        ("expired", &good, NOW + YEARS, "2031-11-23"),
        ("not-yet-valid", &good, NOW - YEARS, "2021-11-25"),
        ("bad-signature", &changed, NOW, "2026-11-25"),
    ] {
        let refusing = refuse(&lab, certificate, seconds);
        let mut image = image.clone();
        let place = "/master_file/files";
        let files = image
            .pointer_mut(place)
            .and_then(Value::as_array_mut)
            .expect("files");
        let files = files
            .iter_mut()
            .find(|file| file["fid"] == "5015")
            .expect("5015");
        let files = files["files"].as_array_mut().expect("files");
        let file = files
            .iter_mut()
            .find(|file| file["fid"] == "4333")
            .expect("4333");
        file["data"] = hex::encode_upper(certificate).into();
        fs::write(lab.path("card.json"), image.to_string()).expect("written");
        let arguments = ["--json", "diagnose", "--ca-dir", "ca", "--date", day];
        let output = lab.run(&arguments);
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let problems = document["problems"].as_array().expect("a list");
        let found = problems.iter().find(|problem| problem["code"] == code);
        let found = found.unwrap_or_else(|| unreachable!("{code}: {document:#}"));
        let told = found["trips_over"].as_array().expect("a list").iter();
        let told: BTreeSet<_> = told.filter_map(Value::as_str).collect();
        assert_eq!(told, refusing, "{code}");
    }
}
