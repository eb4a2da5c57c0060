//! What EF(PrKDF) says of a key, where it does not fit together or with EF(TokenInfo).

use kortlab_pkcs15::{
    AlgorithmInfo, Directory, KeyAccess, KeyAttributes, KeyInfo, Operations, PrKdf, PrivateKey,
    TokenInfo,
};
use serde_json::Value;

use crate::bench::*;
use crate::common::Lab;

const PRKDF: &str = "4402";
const TOKEN_INFO: &str = "5032";
const RSA_PKCS: u32 = 0x01;
const ECDSA: u32 = 0x1041;

/// A card whose keys were changed like this, and that lists these algorithms, each with its reference.
fn with(algorithms: &[(u32, u32)], work: impl Fn(usize, &mut PrivateKey)) -> Lab {
    let lab = valid();
    change_whole(&lab, PRKDF, |bytes| {
        let mut keys: Vec<_> = PrKdf::parse(bytes).value.objects().cloned().collect();
        for (index, key) in keys.iter_mut().enumerate() {
            work(index, key);
        }
        *bytes = Directory::new(keys).encode().expect("it encodes");
    });
    let mut token = TokenInfo::parse(&data(&lab, TOKEN_INFO))
        .expect("one")
        .value;
    for &(reference, algorithm) in algorithms {
        let does = Operations::COMPUTE_SIGNATURE | Operations::DECIPHER;
        let info = AlgorithmInfo::new(reference, algorithm, does);
        token.supported_algorithms.push(info);
    }
    set_data(&lab, TOKEN_INFO, &token.encode().expect("it encodes"));
    lab
}

/// What is told of keys by each command that looks at them: severities, and the exit codes.
fn told(lab: &Lab, by: &[&[&str]]) -> Vec<(Vec<String>, i32)> {
    by.iter()
        .map(|command| {
            let (document, exit) = run(lab, command);
            let problems = document["problems"].as_array().expect("problems").iter();
            let told = problems
                .clone()
                .filter(|problem| problem["code"] == "key-contradiction");
            assert!(
                problems.len() == told.clone().count(),
                "{command:?}: {document:#}"
            );
            let severity = |problem: &Value| problem["severity"].as_str().expect("one").to_owned();
            (told.map(severity).collect(), exit)
        })
        .collect()
}

const ALL: [&[&str]; 3] = [
    &["info"],
    &["cert", "check", "--date", DAY],
    &["diagnose", "--date", DAY],
];
/// Those that ask the card for the files of keys.
const OF_FILES: [&[&str]; 2] = [
    &["cert", "check", "--date", DAY],
    &["diagnose", "--date", DAY],
];

#[track_caller]
fn assert_told(lab: &Lab, by: &[&[&str]], severity: Option<&str>) {
    for (told, exit) in told(lab, by) {
        let expected: Vec<_> = severity.into_iter().collect();
        assert_eq!(told, expected);
        assert_eq!(exit, if severity == Some("warning") { 6 } else { 0 });
    }
}

#[test]
fn access_flags_that_exclude_each_other_are_found_and_others_are_not() {
    use KeyAccess as A;
    let whole = A::SENSITIVE | A::ALWAYS_SENSITIVE | A::NEVER_EXTRACTABLE | A::LOCAL;
    for (flags, severity) in [
        (whole, None),
        (A::SENSITIVE, None),
        // It may leave the card under another key.
        (A::SENSITIVE | A::EXTRACTABLE, None),
        (A::LOCAL, None),
        (A::empty(), None),
        (whole | A::EXTRACTABLE, Some("warning")),
        (A::EXTRACTABLE | A::NEVER_EXTRACTABLE, Some("warning")),
        (A::ALWAYS_SENSITIVE | A::LOCAL, Some("warning")),
        // As a key is that was brought to the card.
        (A::SENSITIVE | A::NEVER_EXTRACTABLE, Some("note")),
        (A::SENSITIVE | A::ALWAYS_SENSITIVE, Some("note")),
    ] {
        let lab = with(&[], |index, key| {
            if index == 0 {
                key.key.access_flags = Some(flags);
            }
        });
        assert_told(&lab, &ALL, severity);
    }
}

#[test]
fn an_algorithm_of_a_key_is_one_that_the_card_lists_for_such_keys() {
    let refers = |reference: u32| {
        move |index: usize, key: &mut PrivateKey| {
            if index == 0 {
                key.key.algorithm_references = vec![reference];
            }
        }
    };
    let informs = |reference: u32| {
        move |index: usize, key: &mut PrivateKey| {
            if let (0, KeyAttributes::Rsa { key_info, .. }) = (index, &mut key.attributes) {
                *key_info = Some(KeyInfo::Reference(reference));
            }
        }
    };
    let listed = [(1, RSA_PKCS), (2, ECDSA), (3, 0x250)];
    for (reference, severity) in [
        (1, None),
        // A hash function is for any.
        (3, None),
        (2, Some("warning")),
        (9, Some("warning")),
    ] {
        assert_told(&with(&listed, refers(reference)), &ALL, severity);
        assert_told(&with(&listed, informs(reference)), &ALL, severity);
    }
    // Where EF(TokenInfo) is not known whole, that is told, and not what it seems to lack.
    let lab = with(&[], refers(9));
    let fault = format!("sw:sw=6F00,ins=B0,file={TOKEN_INFO}");
    let (document, exit) = run(&lab, &["--fault", &fault, "cert", "check", "--date", DAY]);
    assert_eq!(
        (&*codes(&document), exit),
        (&["file-unreadable".to_owned()][..], 6)
    );
}

#[test]
fn a_number_that_two_keys_of_one_directory_have_is_a_note() {
    let same = with(&[], |_, key| key.key.key_reference = Some(1));
    assert_told(&same, &OF_FILES, Some("note"));
    let others = with(&[], |index, key| {
        key.key.key_reference = u32::try_from(index).ok();
    });
    assert_told(&others, &OF_FILES, None);
}
