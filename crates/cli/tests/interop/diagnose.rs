//! What others say of cards that `kortlab diagnose` calls broken, and of those it calls good.

use serde_json::Value;

use crate::common::broken::break_as;
use crate::lab::{AUTH, Lab, Link, assert_no_error_line, authorities};
use crate::openssl;

/// What `kortlab diagnose` finds of the card in the reader, by its codes, without notes.
fn diagnosed(lab: &Lab) -> Vec<(String, Vec<String>)> {
    let output = lab.kortlab(&["--json", "diagnose"]).run().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = document["problems"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    problems
        .filter(|problem| problem["severity"] != "note")
        .map(|problem| {
            let trips = problem["trips_over"].as_array().unwrap().iter();
            (text(&problem["code"]), trips.map(text).collect())
        })
        .collect()
}

#[test]
fn opensc_sees_no_certificate_behind_filler_as_the_finding_says() {
    let lab = Lab::with_changed_card("valid", Link::T0, |image| {
        break_as(image, "cdf-leading-zeros");
    });
    assert_eq!(lab.certificates().len(), 0);
    let found = diagnosed(&lab);
    let expected = (
        "object-after-filler".to_owned(),
        vec!["OpenSC".to_owned(), "strict DER".to_owned()],
    );
    assert_eq!(found, [expected]);
}

#[test]
fn of_a_card_that_opensc_reads_without_an_error_nothing_is_said() {
    for link in [Link::T0, Link::T1] {
        let lab = Lab::new("valid", link);
        assert_no_error_line(&lab.pkcs15_tool(&["-D"]).success().unwrap());
        assert_eq!(diagnosed(&lab), []);
    }
}

/// The file of an image, or of a DF in it, with this identifier.
fn file<'a>(image: &'a mut Value, fid: &str) -> &'a mut Value {
    fn find<'a>(df: &'a mut Value, fid: &str) -> Option<&'a mut Value> {
        let files = df["files"].as_array_mut()?.iter_mut();
        files.into_iter().find_map(|file| match file["fid"] == fid {
            true => Some(file),
            false => find(file, fid),
        })
    }
    find(&mut image["master_file"], fid).unwrap()
}

/// How many certificates OpenSC lists, whatever it exits with.
fn listed(lab: &Lab) -> usize {
    let output = lab.pkcs15_tool(&["--list-certificates"]);
    output.stdout_text().matches("X.509 Certificate [").count()
}

/// Whether OpenSC signs with the key for authentication.
fn signs(lab: &Lab) -> bool {
    let digest = lab.write("digest", &[0x5A; 20]);
    let sign = [
        "--sign",
        "--mechanism",
        "RSA-PKCS",
        "--id",
        AUTH.key,
        "-i",
        &digest,
    ];
    let out = lab.path("signature");
    let sign = [&sign[..], &["-o", &out]].concat();
    lab.pkcs11_tool(AUTH, &sign).success().is_ok()
}

/// What OpenSC trips over wherever it is found; the others are harmless to it in other files.
const ALWAYS: [&str; 4] = [
    "directory-of-records",
    "object-after-filler",
    "no-certificate-directory",
    "no-key-in-file",
];

#[test]
fn opensc_reads_what_stands_behind_filler_in_efdir_and_signs_with_a_key_of_another_file() {
    let lab = Lab::with_changed_card("valid", Link::T0, |image| {
        let data = &mut file(image, "2F00")["data"];
        *data = format!("0000{}", data.as_str().unwrap()).into();
    });
    assert_eq!(listed(&lab), 4);
    let expected = (
        "object-after-filler".to_owned(),
        vec!["strict DER".to_owned()],
    );
    assert_eq!(diagnosed(&lab), [expected]);

    let lab = Lab::with_changed_card("valid", Link::T0, |image| {
        for part in ["n", "e", "d", "p", "q"] {
            let [first, second] = ["4B01", "4B02"].map(|key| file(image, key)["key"][part].take());
            file(image, "4B01")["key"][part] = second;
            file(image, "4B02")["key"][part] = first;
        }
    });
    // With the key of the other file: nobody can verify that.
    assert!(signs(&lab));
    let codes = diagnosed(&lab)
        .into_iter()
        .filter(|(code, _)| code == "key-stale");
    assert_eq!(
        codes.map(|(_, trips)| trips.len()).collect::<Vec<_>>(),
        [0, 0]
    );
}

#[test]
fn what_a_finding_says_cannot_be_used_opensc_cannot_use() {
    let good = Lab::new("valid", Link::T0);
    assert_eq!(listed(&good), 4);
    assert!(signs(&good));
    type Judge = fn(&Lab) -> bool;
    let none_listed: Judge = |lab| listed(lab) == 0;
    let does_not_sign: Judge = |lab| !signs(lab);
    let cases: [(&str, &str, Judge); 12] = [
        ("cdf-of-records", "directory-of-records", none_listed),
        ("odf-of-records", "directory-of-records", none_listed),
        ("cdf-leading-zeros", "object-after-filler", none_listed),
        (
            "token-info-leading-zeros",
            "object-after-filler",
            none_listed,
        ),
        ("odf-without-cdf", "no-certificate-directory", none_listed),
        ("cdf-refused", "file-unreadable", none_listed),
        ("odf-names-a-missing-file", "file-absent", none_listed),
        ("ef-dir-dangling", "dangling-path", none_listed),
        ("key-reference-stale", "key-stale", does_not_sign),
        ("key-file-missing", "file-absent", does_not_sign),
        ("key-file-empty", "no-key-in-file", does_not_sign),
        ("key-usage-wrong", "usage-mismatch", does_not_sign),
    ];
    for (name, code, judge) in cases {
        let lab = Lab::with_changed_card("valid", Link::T0, |image| break_as(image, name));
        assert!(judge(&lab), "{name}: OpenSC can use it");
        let found = diagnosed(&lab);
        assert!(
            found.iter().any(|(found, _)| found == code),
            "{name}: {found:?}"
        );
        // Where every such card is one that OpenSC cannot use, the finding says so.
        let named = found
            .iter()
            .any(|(found, trips)| found == code && trips.iter().any(|program| program == "OpenSC"));
        assert_eq!(named, ALWAYS.contains(&code), "{name}");
    }
}

#[test]
fn openssl_verifies_what_is_silent_and_not_what_has_another_signature() {
    let lab = Lab::new("valid", Link::T0);
    let authorities = authorities("valid", "t0");
    for certificate in lab.certificates() {
        openssl::assert_chains(&lab, &lab.file_of(&certificate), &authorities);
    }
    let lab = Lab::with_changed_card("valid", Link::T0, |image| {
        break_as(image, "signature-changed");
    });
    let certificates = lab.certificates();
    let changed = certificates.iter().find(|one| one.path.ends_with("4333"));
    let der = lab.file_of(changed.unwrap());
    let verified = std::panic::catch_unwind(|| openssl::assert_chains(&lab, &der, &authorities));
    assert!(verified.is_err(), "OpenSSL verifies it");
    let issuers: Vec<_> = authorities
        .iter()
        .enumerate()
        .map(|(index, pem)| lab.write(&format!("issuer-{index}.pem"), pem.as_bytes()))
        .collect();
    let mut arguments = vec!["--json", "diagnose"];
    for issuer in &issuers {
        arguments.extend(["--issuer", issuer]);
    }
    let output = lab.kortlab(&arguments).run().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = document["problems"].as_array().unwrap();
    let codes: Vec<_> = problems.iter().map(|problem| &problem["code"]).collect();
    assert_eq!(codes, ["bad-signature"]);
}

/// Puts a directory of secret keys with this content on the card, and the file of its keys.
fn with_secret_keys(link: Link, content: &[u8]) -> Lab {
    Lab::with_changed_card("valid", link, |image| {
        image["capacity"] = 1_048_576.into();
        let files = file(image, "5015")["files"].as_array_mut().unwrap();
        for (fid, data) in [("4406", content), ("4B07", &[0; 16])] {
            files.push(serde_json::json!({
                "fid": fid, "kind": "transparent", "size": data.len(),
                "data": hex::encode_upper(data), "access": "0101",
            }));
        }
        let odf = file(image, "5031");
        let before = odf["data"].as_str().unwrap().to_owned();
        odf["data"] = format!("{before}A30A300804063F0050154406").into();
    })
}

#[test]
fn the_secret_keys_that_are_read_are_those_that_opensc_reads() {
    use kortlab_pkcs15::{
        CommonKeyAttributes, CommonObjectAttributes, CommonSecretKeyAttributes, KeyUsage, Path,
        SecretKey, SecretKeyKind, SkDf, Unknown,
    };
    let key = |kind, id: u8| {
        let mut key = SecretKey::generic(
            CommonObjectAttributes::labelled(format!("Secret {id:02X}")).with_auth_id(0x01),
            CommonKeyAttributes::new(id, KeyUsage::ENCRYPT | KeyUsage::DECRYPT),
            Path::file([0x3F, 0x00, 0x50, 0x15, 0x4B, 0x07]),
        );
        key.kind = kind;
        key.key.key_reference = Some(u32::from(id));
        key.secret = Some(CommonSecretKeyAttributes {
            key_length: Some(192),
            is_bare: false,
            unknown: Unknown::default(),
        });
        key
    };
    // genericSecretKey, des2Key and des3Key.
    let keys = [
        key(SecretKeyKind::Generic, 0x51),
        key(SecretKeyKind::Numbered(3), 0x52),
        key(SecretKeyKind::Numbered(4), 0x53),
    ];
    let content = SkDf::new(keys).encode().unwrap();
    for link in [Link::T0, Link::T1] {
        let lab = with_secret_keys(link, &content);
        let output = lab.pkcs15_tool(&["-D"]).success().unwrap();
        assert_no_error_line(&output);
        let text = output.stdout_text();
        for id in ["51", "52", "53"] {
            assert!(text.contains(&format!("[Secret {id}]")), "{text}");
        }
        assert_eq!(text.matches("3f0050154b07").count(), 3, "{text}");
        assert_eq!(diagnosed(&lab), []);
        let explained = lab.kortlab(&["explain", "--as", "skdf", &hex::encode(&content)]);
        let explained = explained.run().unwrap().stdout_text();
        for id in ["51", "52", "53"] {
            assert!(explained.contains(&format!("Secret {id}")), "{explained}");
        }
    }
}
