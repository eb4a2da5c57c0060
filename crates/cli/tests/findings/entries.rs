//! What the directories say of certificates and keys beside their places, and their certificates do not
//! say; hashes are those that OpenSSL makes.

use std::fs;

use crate::bench::*;
use crate::common::Lab;
use crate::der::{element, elements, replaced};

const PRKDF: &str = "4402";
/// The last certificate in EF(CDF), and the identifier of its key.
const LAST: &str = "4334";
const KEY: u8 = 0x46;
const CODE: &str = "listed-otherwise";

/// The directory with this in the place of a part of its object with this number.
fn with_part(lab: &Lab, fid: &str, number: usize, part: usize, new: &[u8]) {
    change_whole(lab, fid, |directory| {
        let objects: Vec<_> = elements(directory)
            .into_iter()
            .take_while(|(tag, ..)| *tag != 0)
            .enumerate()
            .map(|(index, (tag, value, raw))| {
                if index != number {
                    return raw.to_vec();
                }
                let parts = elements(value).into_iter().enumerate();
                let parts = parts.map(|(at, (.., raw))| if at == part { new } else { raw });
                element(tag, &parts.collect::<Vec<_>>().concat())
            })
            .collect();
        *directory = objects.concat();
    });
}

/// A good card whose entry for the last certificate has this more.
fn with_more(more: &[u8]) -> Lab {
    let lab = again();
    with_class(&lab, more);
    lab
}

fn with_class(lab: &Lab, more: &[u8]) {
    let class = element(0x30, &[&[0x04, 0x01, KEY], more].concat());
    with_part(lab, CDF, 3, 1, &class);
}

/// The parts of the last certificate: serial number, issuer, subject, key, and the identifier of that.
struct Parts {
    der: Vec<u8>,
    number: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    key: Vec<u8>,
    key_identifier: Vec<u8>,
}

impl Parts {
    fn of(lab: &Lab) -> Self {
        let der = data(lab, LAST);
        let (_, certificate, der) = elements(&der)[0];
        let (_, body, _) = elements(certificate)[0];
        let parts = elements(body);
        let part = |at: usize| parts[at].2.to_vec();
        let extension = [0x06, 0x03, 0x55, 0x1D, 0x0E, 0x04, 0x16, 0x04, 0x14];
        let at = der.windows(9).position(|part| part == extension);
        let at = at.expect("subjectKeyIdentifier") + 9;
        Self {
            number: part(1),
            issuer: part(3),
            subject: part(5),
            key: part(6),
            key_identifier: der[at..at + 20].to_vec(),
            der: der.to_vec(),
        }
    }
}

/// What OpenSSL makes of these bytes.
fn hash(lab: &Lab, function: &str, bytes: &[u8]) -> Vec<u8> {
    fs::write(lab.path("to-hash"), bytes).expect("written");
    lab.openssl(&["dgst", function, "-binary", "-out", "hash", "to-hash"]);
    fs::read(lab.path("hash")).expect("made")
}

fn identifier(kind: u8, value: &[u8]) -> Vec<u8> {
    element(0x30, &[&[0x02, 0x01, kind], value].concat())
}

/// `cert check` and `diagnose` find just this, or nothing.
#[track_caller]
fn assert_says(lab: &Lab, what: Option<&str>) {
    for command in [&["cert", "check"][..], &["diagnose"]] {
        let (document, exit) = run(lab, &[command, &["--date", DAY]].concat());
        match what {
            None => assert_eq!(
                (codes(&document), exit),
                (vec![], 0),
                "{command:?}: {document:#}"
            ),
            Some(what) => {
                assert_eq!(
                    (codes(&document), exit),
                    (vec![CODE.to_owned()], 6),
                    "{document:#}"
                );
                let found = problem(&document, CODE);
                let message = found["message"].as_str().expect("text");
                assert!(message.contains(what), "{what}: {message}");
            }
        }
    }
}

/// The identifiers of the last certificate, right and wrong, and what is said of the wrong ones.
fn identifiers(lab: &Lab) -> Vec<(Vec<u8>, Vec<u8>, &'static str)> {
    let own = Parts::of(lab);
    let octets = |bytes: &[u8]| element(0x04, bytes);
    let both = element(0x30, &[own.issuer.clone(), own.number.clone()].concat());
    let other_number = element(0x30, &[&own.issuer[..], &[0x02, 0x01, 0x01]].concat());
    let other_issuer = element(0x30, &[own.subject.clone(), own.number.clone()].concat());
    let wrong = octets(&[0x78; 20]);
    let hashed = |bytes: &[u8]| octets(&hash(lab, "-sha1", bytes));
    vec![
        (
            identifier(1, &both),
            identifier(1, &other_number),
            "another issuer and serial number",
        ),
        (
            identifier(1, &both),
            identifier(1, &other_issuer),
            "another issuer and serial number",
        ),
        (
            identifier(2, &octets(&own.key_identifier)),
            identifier(2, &wrong),
            "another key identifier",
        ),
        (
            identifier(3, &hashed(&both)),
            identifier(3, &hashed(&other_number)),
            "another hash of issuer and serial number",
        ),
        (
            identifier(4, &hashed(&own.key)),
            identifier(4, &wrong),
            "another hash of the key",
        ),
        (
            identifier(4, &octets(&own.key_identifier)),
            identifier(4, &octets(&[0x78; 3])),
            "another hash of the key",
        ),
        (
            identifier(6, &hashed(&own.issuer)),
            identifier(6, &hashed(&own.subject)),
            "another hash of the issuer's name",
        ),
        (
            identifier(7, &octets(&hash(lab, "-sha256", &own.subject))),
            identifier(7, &hashed(&own.issuer)),
            "another hash of the name",
        ),
    ]
}

#[test]
fn another_name_of_a_certificate_is_one_of_this_certificate() {
    for (right, wrong, what) in identifiers(&again()) {
        assert_says(&with_more(&right), None);
        assert_says(&with_more(&wrong), Some(what));
        // The same in the list of them, behind one that is right.
        assert_says(&with_more(&element(0xA2, &right)), None);
        assert_says(
            &with_more(&element(0xA2, &[right, wrong].concat())),
            Some(what),
        );
    }
    // Of PGP, and without the certificate of the issuer, nothing can be said.
    for kind in [5, 8, 9] {
        assert_says(
            &with_more(&identifier(kind, &element(0x04, &[0x78; 20]))),
            None,
        );
    }
}

#[test]
fn a_hash_of_the_issuers_key_is_held_against_the_certificate_that_is_at_hand() {
    let own = Parts::of(&again());
    let at = own
        .der
        .windows(4)
        .position(|part| part == [0x30, 0x16, 0x80, 0x14]);
    let at = at.expect("authorityKeyIdentifier") + 4;
    for (digest, is_own) in [(&own.der[at..at + 20], true), (&[0x78; 20], false)] {
        let lab = valid();
        with_class(&lab, &identifier(5, &element(0x04, digest)));
        let (document, exit) = check(&lab, &["--ca-dir", "ca"]);
        let expected = if is_own {
            (vec![], 0)
        } else {
            (vec![CODE.to_owned()], 6)
        };
        assert_eq!((codes(&document), exit), expected, "{document:#}");
    }
}

#[test]
fn the_hash_of_a_certificate_is_that_of_this_certificate() {
    let lab = again();
    let own = Parts::of(&lab);
    let bits = |digest: &[u8]| element(0x03, &[&[0x00], digest].concat());
    let sha1 = element(0x06, &[0x2B, 0x0E, 0x03, 0x02, 0x1A]);
    let unknown = element(0x06, &[0x2A, 0x03, 0x04]);
    let right = bits(&hash(&lab, "-sha1", &own.der));
    let longer = bits(&hash(&lab, "-sha256", &own.der));
    let with = |algorithm: &[u8], digest: &[u8]| {
        with_more(&element(
            0xA0,
            &[&element(0xA0, algorithm), digest].concat(),
        ))
    };
    assert_says(&with(&sha1, &right), None);
    assert_says(&with(&element(0x30, &sha1), &right), None);
    assert_says(&with_more(&element(0xA0, &right)), None);
    assert_says(&with_more(&element(0xA0, &element(0x30, &longer))), None);
    assert_says(&with(&unknown, &right), None);
    for wrong in [bits(&[0x78; 20]), longer, bits(&[])] {
        assert_says(&with(&sha1, &wrong), Some("another hash (certHash)"));
    }
    assert_says(
        &with_more(&element(0xA0, &bits(&[0x78; 32]))),
        Some("another hash (certHash)"),
    );
    // Of another certificate, by its number.
    let certificate = element(0xA1, &[0x02, 0x01, 0x01]);
    let hash = element(0xA0, &[certificate, right].concat());
    assert_says(&with_more(&hash), Some("another hash (certHash)"));
    for nonsense in [
        &[0x04, 0x01, 0x78][..],
        &[],
        &[0x03, 0x00],
        &[0x03, 0x02, 0x07, 0x80],
    ] {
        let lab = with_more(&element(0xA0, nonsense));
        assert_says(&lab, Some("that is none"));
    }
}

#[test]
fn what_a_certificate_is_trusted_for_is_something_that_it_is_for() {
    let purpose = |last: u8| {
        let purpose = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, last];
        element(0xA1, &element(0x30, &element(0x06, &purpose)))
    };
    // nonRepudiation; keyCertSign and cRLSign; digitalSignature.
    assert_says(&with_more(&element(0xA1, &[0x03, 0x02, 0x06, 0x40])), None);
    let wrong = [&[0x03, 0x02, 0x01, 0x06][..], &[0x03, 0x02, 0x07, 0x80]];
    for usage in wrong {
        assert_says(
            &with_more(&element(0xA1, usage)),
            Some("another use (trustedUsage)"),
        );
    }
    // Logging in to servers is a purpose of the other one, the signing of programs is not.
    let logging_in = |more: &[u8]| {
        let lab = again();
        let class = element(0x30, &[&[0x04, 0x01, 0x45], more].concat());
        with_part(&lab, CDF, 2, 1, &class);
        lab
    };
    assert_says(&logging_in(&purpose(2)), None);
    assert_says(&logging_in(&purpose(3)), Some("another use (trustedUsage)"));
}

/// A good card whose entry for the last key in EF(PrKDF) or EF(PuKDF) has this as CommonPrivateKeyAttributes
/// or CommonPublicKeyAttributes.
fn with_sub_class(fid: &str, content: &[u8]) -> Lab {
    let lab = again();
    change_whole(&lab, fid, |directory| {
        let objects = elements(directory)
            .into_iter()
            .take_while(|(tag, ..)| *tag != 0);
        let objects = objects.map(|(tag, value, raw)| {
            let parts = elements(value);
            match elements(parts[1].1)[0].1 == [KEY] {
                true => {
                    let sub = element(0xA0, &element(0x30, content));
                    element(tag, &[parts[0].2, parts[1].2, &sub, parts[2].2].concat())
                }
                false => raw.to_vec(),
            }
        });
        let objects = objects.collect::<Vec<_>>().concat();
        *directory = objects;
    });
    lab
}

#[test]
fn a_key_is_known_by_the_names_of_one_of_its_certificates() {
    let own = Parts::of(&again());
    // The identifiers are [0] in EF(PrKDF), and [1] in EF(PuKDF).
    for (fid, tag) in [(PRKDF, 0xA0), ("4404", 0xA1)] {
        let named = |value: &[u8]| {
            let name = identifier(2, &element(0x04, value));
            with_sub_class(fid, &element(tag, &name))
        };
        assert_says(&with_sub_class(fid, &own.subject), None);
        assert_says(
            &with_sub_class(fid, &own.issuer),
            Some("another subject of the key"),
        );
        assert_says(&named(&own.key_identifier), None);
        assert_says(
            &named(&[0x78; 20]),
            Some("another key identifier of the key"),
        );
    }
}

/// A good card whose entry for the first key in EF(PrKDF) has these dates behind its accessFlags.
fn with_dates(dates: &[u8]) -> Lab {
    let lab = again();
    let own = [
        0x04, 0x01, 0x45, 0x03, 0x02, 0x05, 0x60, 0x03, 0x02, 0x03, 0xB8,
    ];
    change_whole(&lab, PRKDF, |prkdf| {
        let new = element(0x30, &[&own[..], dates].concat());
        *prkdf = replaced(prkdf, &element(0x30, &own), &new);
    });
    lab
}

#[test]
fn a_time_of_a_key_that_is_not_now_while_its_certificate_is_valid_is_told() {
    let start = |day: &str| element(0x18, format!("{day}000000Z").as_bytes());
    let end = |day: &str| element(0x80, format!("{day}000000Z").as_bytes());
    for (dates, severity) in [
        ([start("20200101"), end("20400101")].concat(), None),
        (end("20200101"), Some("note")),
        (start("20300101"), Some("note")),
        (
            [start("20300101"), end("20290101")].concat(),
            Some("warning"),
        ),
    ] {
        for command in [&["cert", "check"][..], &["diagnose"]] {
            let (document, exit) = run(&with_dates(&dates), &[command, &["--date", DAY]].concat());
            let Some(severity) = severity else {
                assert_eq!((codes(&document), exit), (vec![], 0), "{document:#}");
                continue;
            };
            assert_eq!(codes(&document), ["key-period"], "{document:#}");
            assert_eq!(problem(&document, "key-period")["severity"], severity);
            assert_eq!(exit, if severity == "note" { 0 } else { 6 });
        }
    }
    // Where the certificates are over, too, that is told of them.
    let (document, _) = run(
        &with_dates(&end("20310101")),
        &["cert", "check", "--date", "2035-01-01"],
    );
    assert!(
        !codes(&document).contains(&"key-period".to_owned()),
        "{document:#}"
    );
}

/// CommonObjectAttributes with these access control rules in them.
fn with_rules(label: &str, rest: &[u8], rules: &[(u8, &[u8])]) -> Vec<u8> {
    let rules = rules
        .iter()
        .map(|(mode, condition)| element(0x30, &[&[0x03, 0x02, 0x00, *mode], *condition].concat()));
    let rules = element(0x30, &rules.collect::<Vec<_>>().concat());
    element(
        0x30,
        &[&element(0x0C, label.as_bytes()), rest, &rules].concat(),
    )
}

#[test]
fn access_control_rules_name_authentication_objects_that_are_there() {
    let missing = [0x04, 0x01, 0x77];
    let either = element(0xA2, &[&[0x04, 0x01, 0x02][..], &missing].concat());
    for condition in [&missing[..], &either] {
        let lab = again();
        let rules = with_rules(
            "HCC Underskrift",
            &[0x03, 0x02, 0x06, 0x40],
            &[(0x80, condition)],
        );
        with_part(&lab, CDF, 3, 0, &rules);
        let (document, exit) = check(&lab, &[]);
        let found = problem(&document, "no-such-pin");
        assert_eq!((&found["path"], exit), (&"3F0050154403".into(), 6));
        let message = found["message"].as_str().expect("text");
        assert!(message.contains("authentication object 77"), "{message}");
    }
}

#[test]
fn the_rules_for_using_a_key_name_the_pin_that_protects_it() {
    let key = |rules: &[(u8, &[u8])]| {
        let lab = again();
        let rest = [0x03, 0x02, 0x07, 0x80, 0x04, 0x01, 0x01];
        with_part(&lab, PRKDF, 0, 0, &with_rules("Legitimering", &rest, rules));
        let (document, _) = check(&lab, &[]);
        let mut found = codes(&document);
        // The bits of a rule are not trimmed here.
        found.retain(|code| code != "non-der-value");
        (lab, found)
    };
    let (own, other) = (&[0x04, 0x01, 0x01][..], &[0x04, 0x01, 0x02][..]);
    let either = element(0xA2, &[own, other].concat());
    for rules in [
        &[(0x20, own)][..],
        &[(0x20, &either)],
        // For reading and updating, not for use.
        &[(0xC0, other), (0x20, own)],
    ] {
        assert_eq!(key(rules).1, [""; 0], "{rules:02X?}");
    }
    let (lab, found) = key(&[(0x20, other)]);
    assert_eq!(found, ["doubtful-pin"]);
    // Neither of the two is sent.
    let refused = lab.with_pins(&["pin", "verify", "auth"]);
    crate::common::assert_code(&refused, 1);
    let text = crate::common::stderr(&refused);
    assert!(text.contains("no try was lost"), "{text}");
    let (_, found) = key(&[(0x20, &[0x04, 0x01, 0x77])]);
    assert_eq!(found, ["no-such-pin"]);
}
