//! A directory of secret keys (EF(SKDF)): it is looked at as the others are, and a good one is no
//! finding.

use kortlab_pkcs15::{
    CommonKeyAttributes, CommonObjectAttributes, KeyUsage, ObjectKind, ObjectValue, OdfEntry, Path,
    SecretKey, SecretKeyKind, SkDf,
};
use serde_json::json;

use crate::bench::*;
use crate::common::{Lab, assert_code};

const SKDF: &str = "4406";
/// The file of the key: what is in it is the card's own.
const FILE: [u8; 6] = [0x3F, 0x00, 0x50, 0x15, 0x4B, 0x07];

fn secret_key() -> SecretKey {
    let common = CommonObjectAttributes::labelled("Kryptering").with_auth_id(0x01);
    let key = CommonKeyAttributes::new(0x51, KeyUsage::ENCRYPT | KeyUsage::DECRYPT);
    let mut key = SecretKey::generic(common, key, Path::file(FILE));
    key.key.key_reference = Some(0x07);
    key
}

fn add_file(lab: &Lab, fid: &str, data: &[u8]) {
    let file = json!({
        "fid": fid, "kind": "transparent", "size": data.len(), "data": hex::encode_upper(data),
        "access": "0101",
    });
    change(lab, |image| image["capacity"] = 1_048_576.into());
    change_file(lab, "5015", |directory| {
        directory["files"].as_array_mut().expect("files").push(file);
    });
}

/// A good card that has this in its directory of secret keys.
fn with(content: &[u8]) -> Lab {
    let lab = valid();
    add_file(&lab, SKDF, content);
    add_file(&lab, "4B07", &[0; 16]);
    let path = Path::file([0x3F, 0x00, 0x50, 0x15, 0x44, 0x06]);
    let entry = kortlab_pkcs15::Odf::new([OdfEntry::file(ObjectKind::SecretKeys, path)]);
    let entry = entry.encode().expect("it encodes");
    change_data(&lab, ODF, |odf| odf.extend(entry));
    lab
}

fn of_keys(keys: impl IntoIterator<Item = SecretKey>) -> Lab {
    with(&SkDf::new(keys).encode().expect("it encodes"))
}

/// Every command that looks for problems, with its exit code and the codes that it finds.
fn found(lab: &Lab) -> Vec<(i32, Vec<String>)> {
    [
        &["info"][..],
        &["pin", "status"],
        &["cert", "check", "--date", DAY],
        &["diagnose", "--date", DAY],
    ]
    .iter()
    .map(|command| {
        let (document, exit) = run(lab, command);
        (exit, codes(&document))
    })
    .collect()
}

#[test]
fn a_good_directory_of_secret_keys_is_no_finding_and_hinders_no_change() {
    let des = SecretKey {
        kind: SecretKeyKind::Numbered(4),
        ..secret_key()
    };
    let mut without_pin = secret_key();
    without_pin.common.auth_id = None;
    for key in [secret_key(), des, without_pin] {
        let lab = of_keys([key]);
        for (exit, codes) in found(&lab) {
            assert_eq!((exit, &*codes), (0, &[][..]));
        }
        let removed = lab.with_pins(&["cert", "remove", "4334"]);
        assert_code(&removed, 0);
    }
    // Nor is an empty one.
    for (exit, codes) in found(&with(&[0; 64])) {
        assert_eq!((exit, &*codes), (0, &[][..]));
    }
}

#[test]
fn what_is_wrong_with_a_secret_key_is_found() {
    let mut of_nobody = secret_key();
    of_nobody.common.auth_id = Some(0x77.into());
    let mut nowhere = secret_key();
    nowhere.attributes.value = Path::file([0x3F, 0x00, 0x50, 0x15, 0x4B, 0x77]).into();
    let mut readable = secret_key();
    readable.attributes.value = ObjectValue::Direct(vec![0x04, 0x02, 0xAA, 0xBB]);
    let twice = [secret_key(), secret_key()];
    let whole = SkDf::new([secret_key()]).encode().expect("it encodes");
    let cut = &whole[..whole.len() - 3];
    for (code, lab) in [
        ("no-such-pin", of_keys([of_nobody])),
        ("file-absent", of_keys([nowhere])),
        ("key-in-directory", of_keys([readable])),
        ("duplicate-id", of_keys(twice)),
        ("truncated", with(cut)),
        ("garbage", with(b"no objects")),
    ] {
        for command in ["check", "diagnose"] {
            let words = match command {
                "check" => &["cert", "check", "--date", DAY][..],
                _ => &["diagnose", "--date", DAY],
            };
            let (document, exit) = run(&lab, words);
            assert_eq!(exit, 6, "{code} {command}: {document:#}");
            let told = problem(&document, code);
            let place = told["path"].as_str().expect("a path");
            let is_there =
                place.ends_with(SKDF) || (code == "file-absent" && place.ends_with("4B77"));
            assert!(is_there, "{code} {command}: {told:#}");
        }
    }
}
