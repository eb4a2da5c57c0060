//! Who trips over what `kortlab diagnose` finds: each program that a finding names is given the bytes, and
//! so are those that none names. What they say is theirs: `der`, OpenSSL and NSS know nothing of the rules.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};

use common::{Lab, broken};
use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tagged as _};
use serde_json::Value;

/// Who is asked here; what findings say of others, other tests try.
const JUDGES: [&str; 3] = ["strict DER", "OpenSSL", "NSS"];

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
    let read = ["-inform", "DER", "-in", "bytes.der", "-noout"];
    let is_empty = bytes.iter().all(|byte| *byte == 0);
    let strict = is_strict(bytes, 0) && !(is_certificate && is_empty);
    let openssl = match is_certificate {
        true => succeeds(lab, "openssl", &[&["x509"][..], &read].concat()),
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
    }
    trip
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
