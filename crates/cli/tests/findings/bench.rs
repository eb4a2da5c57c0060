//! A card image that is changed on the bench, and what the commands say of it.

use std::fs;
use std::sync::OnceLock;

use serde_json::Value;

use crate::common::{Lab, stdout};

/// EF(ODF), EF(PrKDF), EF(CDF) and the files of the certificates and keys of a card of the EID
/// model.
pub const ODF: &str = "5031";
pub const CDF: &str = "4403";
pub const KEY: &str = "4B01";
pub const HCC: &str = "4333";

/// A valid card made with seed 1, and the day it was made for.
pub const DAY: &str = "2026-11-24";

pub fn valid() -> Lab {
    Lab::with(&["--date", DAY, "--ca-dir", "ca"])
}

/// The same without its authorities, made once for all tests of a program.
pub fn again() -> Lab {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    let image = IMAGE.get_or_init(|| valid().image());
    let lab = Lab::empty();
    fs::write(lab.path("card.json"), image).expect("written");
    lab
}

/// Changes the image.
pub fn change(lab: &Lab, work: impl FnOnce(&mut Value)) {
    let mut image = serde_json::from_slice(&lab.image()).expect("an image");
    work(&mut image);
    fs::write(lab.path("card.json"), image.to_string()).expect("written");
}

/// Changes the file with this identifier in DF(PKCS15) or the MF.
pub fn change_file(lab: &Lab, fid: &str, work: impl FnOnce(&mut Value)) {
    change(lab, |image| {
        work(find(&mut image["master_file"], fid).expect("the file"));
    });
}

/// Changes the content of a file; its size grows with it where it must.
pub fn change_data(lab: &Lab, fid: &str, work: impl FnOnce(&mut Vec<u8>)) {
    change_file(lab, fid, |file| {
        let mut data = bytes(file);
        work(&mut data);
        let size = file["size"].as_u64().expect("a size");
        file["size"] = size.max(data.len() as u64).into();
        file["data"] = hex::encode_upper(data).into();
    });
}

/// The same with the zeros at its end, which an image leaves out.
pub fn change_whole(lab: &Lab, fid: &str, work: impl FnOnce(&mut Vec<u8>)) {
    change_file(lab, fid, |file| {
        let size = file["size"].as_u64().expect("a size") as usize;
        let mut data = bytes(file);
        data.resize(size, 0x00);
        work(&mut data);
        data.resize(size, 0x00);
        file["data"] = hex::encode_upper(data).into();
    });
}

/// Replaces the content of a file, which is then as long as that.
pub fn set_data(lab: &Lab, fid: &str, data: &[u8]) {
    change_file(lab, fid, |file| {
        file["size"] = data.len().into();
        file["data"] = hex::encode_upper(data).into();
    });
}

/// The content of a file.
pub fn data(lab: &Lab, fid: &str) -> Vec<u8> {
    let mut image: Value = serde_json::from_slice(&lab.image()).expect("an image");
    bytes(find(&mut image["master_file"], fid).expect("the file"))
}

/// Takes a file off the card.
pub fn remove_file(lab: &Lab, fid: &str) {
    change(lab, |image| {
        remove(&mut image["master_file"], fid);
    });
}

/// What `cert check` says, with its exit code.
pub fn check(lab: &Lab, options: &[&str]) -> (Value, i32) {
    run(lab, &[&["cert", "check", "--date", DAY], options].concat())
}

/// The document of a command that says what is wrong, and its exit code.
pub fn run(lab: &Lab, arguments: &[&str]) -> (Value, i32) {
    let output = lab.run(&[&["--json"], arguments].concat());
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| unreachable!("{error}: {}", crate::common::stderr(&output)));
    (document, output.status.code().expect("an exit code"))
}

/// The codes in `problems[]` of a document and of its certificates.
pub fn codes(document: &Value) -> Vec<String> {
    let own = document["problems"].as_array().into_iter().flatten();
    let certificates = document["certificates"].as_array().into_iter().flatten();
    let of_certificates =
        certificates.flat_map(|one| one["problems"].as_array().into_iter().flatten());
    own.chain(of_certificates)
        .map(|problem| problem["code"].as_str().expect("a code").to_owned())
        .collect()
}

/// The problem with this code.
#[track_caller]
pub fn problem(document: &Value, code: &str) -> Value {
    let own = document["problems"].as_array().into_iter().flatten();
    let certificates = document["certificates"].as_array().into_iter().flatten();
    let of_certificates =
        certificates.flat_map(|one| one["problems"].as_array().into_iter().flatten());
    let mut all = own.chain(of_certificates);
    let found = all.find(|problem| problem["code"] == code);
    found
        .unwrap_or_else(|| unreachable!("no {code}: {document:#}"))
        .clone()
}

/// `cert check` finds this, exits 6, and does not say that there is nothing; `cert list` says it,
/// too.
#[track_caller]
pub fn assert_found(lab: &Lab, code: &str) -> Value {
    let (document, exit) = check(lab, &[]);
    assert_eq!(exit, 6, "{code}: {document:#}");
    let found = problem(&document, code);
    for field in ["severity", "file", "path", "message", "next_step"] {
        assert!(found[field].is_string(), "{field}: {found:#}");
    }
    let text = stdout(&lab.run(&["cert", "check", "--date", DAY]));
    assert!(text.contains(&format!("[{code}]")), "{text}");
    assert!(!text.contains("no findings"), "{text}");
    let list = stdout(&lab.run(&["cert", "list", "--date", DAY]));
    assert!(list.contains(&format!("[{code}]")), "{list}");
    found
}

/// The certificate with this identifier in a document.
#[track_caller]
pub fn certificate(document: &Value, id: &str) -> Value {
    let mut all = document["certificates"]
        .as_array()
        .expect("certificates")
        .iter();
    all.find(|one| one["id"] == id)
        .expect("the certificate")
        .clone()
}

fn find<'a>(file: &'a mut Value, fid: &str) -> Option<&'a mut Value> {
    if file["fid"] == fid {
        return Some(file);
    }
    file["files"]
        .as_array_mut()?
        .iter_mut()
        .find_map(|file| find(file, fid))
}

fn remove(file: &mut Value, fid: &str) {
    if let Some(files) = file["files"].as_array_mut() {
        files.retain(|file| file["fid"] != fid);
        files.iter_mut().for_each(|file| remove(file, fid));
    }
}

fn bytes(file: &Value) -> Vec<u8> {
    hex::decode(file["data"].as_str().expect("data")).expect("hex")
}

/// Where the objects of a directory start.
pub fn objects(data: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while data.get(at) == Some(&0x30) {
        starts.push(at);
        let (length, header) = match data[at + 1] {
            length @ 0x00..=0x7F => (usize::from(length), 2),
            0x81 => (usize::from(data[at + 2]), 3),
            _ => (
                usize::from(data[at + 2]) << 8 | usize::from(data[at + 3]),
                4,
            ),
        };
        at += header + length;
    }
    starts
}

/// Makes a file one of these records.
pub fn records(lab: &Lab, fid: &str, kind: &str, records: &[Vec<u8>]) {
    let length = records.iter().map(Vec::len).max().unwrap_or_default();
    change_file(lab, fid, |file| {
        let fields = file.as_object_mut().expect("a file");
        fields.remove("size");
        fields.remove("data");
        fields.insert("kind".into(), kind.into());
        fields.insert("record_length".into(), length.into());
        fields.insert("record_count".into(), records.len().max(4).into());
        if kind == "linear-variable" {
            let size: usize = records.iter().map(Vec::len).sum();
            fields.insert("size".into(), size.into());
        }
        let records: Vec<_> = records.iter().map(hex::encode_upper).collect();
        fields.insert("records".into(), records.into());
    });
}
