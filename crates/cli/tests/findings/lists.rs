//! Revocation lists: which one counts, and what is said of those that do not.

use std::fs;

use crate::authority::{Authority, CERTIFICATE};
use crate::bench::*;
use crate::common::{assert_code, assert_plain_error};
use crate::der::{element, elements, replaced};

/// In force now, and long expired.
const NOW: &[&str] = &["-crldays", "30"];
const OLD: &[&str] = &[
    "-crl_lastupdate",
    "20240101000000Z",
    "-crl_nextupdate",
    "20240201000000Z",
];

#[test]
fn a_list_in_force_decides_and_an_expired_one_does_not_make_good() {
    let authority = Authority::new("Own CA", "utf8only");
    let issuer = &["--issuer", "own.pem"][..];
    authority.list("good.pem", false, NOW);
    assert_eq!(
        authority.check(&["good.pem"], issuer),
        ("good".into(), vec![], 0)
    );
    authority.list("bad.pem", true, NOW);
    let (says, codes, exit) = authority.check(&["bad.pem"], issuer);
    assert_eq!(
        (says.as_str(), codes, exit),
        ("revoked", vec!["revoked".to_owned()], 6)
    );
    authority.list("old.pem", false, OLD);
    let (says, codes, exit) = authority.check(&["old.pem"], issuer);
    assert_eq!(
        (says.as_str(), codes, exit),
        ("unknown", vec!["list-expired".to_owned()], 6)
    );
    // What an old list has revoked stays so, as nothing newer says otherwise.
    authority.list("old-bad.pem", true, OLD);
    let (says, _, exit) = authority.check(&["old-bad.pem"], issuer);
    assert_eq!((says.as_str(), exit), ("revoked", 6));
    // From the future.
    let future = [
        "-crl_lastupdate",
        "20480101000000Z",
        "-crl_nextupdate",
        "20490101000000Z",
    ];
    authority.list("future.pem", false, &future);
    let (says, codes, exit) = authority.check(&["future.pem"], issuer);
    assert_eq!((says.as_str(), exit), ("unknown", 6));
    assert_eq!(codes, ["list-not-yet-valid"]);
}

#[test]
fn of_two_lists_the_newest_in_force_counts() {
    let authority = Authority::new("Own CA", "utf8only");
    let issuer = &["--issuer", "own.pem"][..];
    let since = |day: &'static str| ["-crl_lastupdate", day, "-crl_nextupdate", "20490101000000Z"];
    authority.list("first-bad.pem", true, &since("20250101000000Z"));
    authority.list("second-good.pem", false, &since("20250201000000Z"));
    authority.list("third-bad.pem", true, &since("20250301000000Z"));
    let says = |lists: &[&str]| {
        let (says, codes, _) = authority.check(lists, issuer);
        assert!(codes.contains(&"list-superseded".to_owned()), "{codes:?}");
        says
    };
    for order in [
        ["first-bad.pem", "second-good.pem"],
        ["second-good.pem", "first-bad.pem"],
    ] {
        assert_eq!(says(&order), "good");
    }
    assert_eq!(says(&["second-good.pem", "third-bad.pem"]), "revoked");
    // An expired list that is newer than nothing else in force gives way.
    authority.list("old-bad.pem", true, OLD);
    let (says, codes, exit) = authority.check(&["old-bad.pem", "second-good.pem"], issuer);
    assert_eq!((says.as_str(), exit), ("good", 6));
    assert_eq!(codes, ["list-expired"]);
}

#[test]
fn a_list_that_is_for_part_only_is_not_taken_for_the_whole() {
    let authority = Authority::new("Own CA", "utf8only");
    let issuer = &["--issuer", "own.pem"][..];
    for section in ["idp", "attributes", "indirect", "both", "delta", "odd"] {
        authority.list("part.pem", false, &[NOW, &["-crlexts", section]].concat());
        let (says, codes, exit) = authority.check(&["part.pem"], issuer);
        assert_eq!((says.as_str(), exit), ("unknown", 6), "{section}");
        assert_eq!(codes, ["list-not-supported"], "{section}");
    }
    authority.list("users.pem", false, &[NOW, &["-crlexts", "users"]].concat());
    assert_eq!(authority.check(&["users.pem"], issuer).0, "good");
    for section in ["cas", "elsewhere"] {
        for revoked in [false, true] {
            let extensions = [NOW, &["-crlexts", section]].concat();
            authority.list("other.pem", revoked, &extensions);
            let (says, codes, exit) = authority.check(&["other.pem"], issuer);
            assert_eq!((says.as_str(), exit), ("unknown", 0), "{section}");
            assert_eq!(codes, ["list-not-used"], "{section}");
        }
        // One that is for them counts beside it, and the other is still told.
        let (says, codes, _) = authority.check(&["other.pem", "users.pem"], issuer);
        assert_eq!(
            (says.as_str(), codes),
            ("good", vec!["list-not-used".to_owned()])
        );
    }
}

#[test]
fn a_list_that_names_another_key_of_its_issuer_makes_nothing_good() {
    let authority = Authority::strict();
    let issuer = &["--issuer", "strict.pem"][..];
    authority.lab.openssl(&[
        "x509", "-inform", "DER", "-in", "new.der", "-out", "new.pem",
    ]);
    for (section, taken) in [("own", true), ("other", false), ("serial", false)] {
        for revoked in [false, true] {
            let by = ["-cert", "strict.pem", "-crlexts", section];
            authority.list("list.pem", revoked, &[NOW, &by].concat());
            let (says, codes, exit) = authority.check(&["list.pem"], issuer);
            let openssl = [
                "verify",
                "-partial_chain",
                "-crl_check",
                "-CAfile",
                "strict.pem",
                "-CRLfile",
                "list.pem",
                "new.pem",
            ];
            let good = authority.openssl_does(&openssl);
            assert_eq!(good, taken && !revoked, "{section}");
            let expected = match (revoked, taken) {
                (true, _) => ("revoked", 6),
                (false, true) => ("good", 0),
                (false, false) => ("unknown", 6),
            };
            assert_eq!((says.as_str(), exit), expected, "{section}");
            let told = codes.contains(&"list-other-key".to_owned());
            assert_eq!(told, !taken, "{section}: {codes:?}");
        }
    }
    // A scope that is none.
    for section in ["empty", "untrue"] {
        authority.list("list.pem", false, &[NOW, &["-crlexts", section]].concat());
        let (says, codes, exit) = authority.check(&["list.pem"], issuer);
        assert_eq!((says.as_str(), exit), ("unknown", 6), "{section}");
        assert_eq!(codes, ["list-malformed"], "{section}");
    }
}

#[test]
fn a_list_of_somebody_else_is_said_not_to_be_used_and_a_forged_one_is_refused() {
    let authority = Authority::new("Own CA", "utf8only");
    authority.list("good.pem", false, NOW);
    // Unverified without the issuer's certificate.
    let (says, codes, exit) = authority.check(&["good.pem"], &[]);
    assert_eq!((says.as_str(), codes.len(), exit), ("good", 0, 0));
    let (document, _) = run(&authority.lab, &["cert", "check", "--crl", "good.pem"]);
    let row = certificate(&document, CERTIFICATE);
    let not_checked: Vec<_> = row["not_checked"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["code"].clone())
        .collect();
    assert!(not_checked.contains(&"list-signature".into()), "{row:#}");

    let other = Authority::new("Other CA", "utf8only");
    other.list("other.pem", true, NOW);
    fs::copy(other.lab.path("other.pem"), authority.lab.path("other.pem")).expect("copied");
    let (says, codes, exit) = authority.check(&["other.pem"], &["--issuer", "own.pem"]);
    assert_eq!((says.as_str(), exit), ("not-checked", 0));
    assert_eq!(codes, ["list-not-used"]);

    let forger = Authority::new("Own CA", "utf8only");
    for revoked in [true, false] {
        forger.list("forged.pem", revoked, NOW);
        fs::copy(
            forger.lab.path("forged.pem"),
            authority.lab.path("forged.pem"),
        )
        .expect("copied");
        let (says, codes, exit) = authority.check(&["forged.pem"], &["--issuer", "own.pem"]);
        assert_eq!((says.as_str(), exit), ("unknown", 6));
        assert_eq!(codes, ["list-bad-signature"]);
    }
}

#[test]
fn an_issuer_of_the_same_name_in_another_string_type_is_the_same() {
    let authority = Authority::new("Own CA", "utf8only");
    let issuer = authority.lab.path("own.pem");
    assert!(issuer.exists());
    // The same key and name, as PrintableString, in other case and with more spaces.
    let config = fs::read_to_string(authority.lab.path("own.cnf")).expect("a configuration");
    for (mask, name) in [
        ("nombstr", "Own CA"),
        ("nombstr", "own  ca"),
        ("utf8only", "OWN CA"),
    ] {
        let config = config
            .replace("string_mask = utf8only", &format!("string_mask = {mask}"))
            .replace("CN = Own CA", &format!("CN = {name}"));
        fs::write(authority.lab.path("own.cnf"), config).expect("written");
        authority.lab.openssl(&[
            "req", "-x509", "-key", "own.key", "-out", "own.pem", "-days", "4000", "-config",
            "own.cnf",
        ]);
        authority.list("list.pem", true, NOW);
        for options in [&[][..], &["--issuer", "own.pem"]] {
            let (says, codes, exit) = authority.check(&["list.pem"], options);
            assert_eq!((says.as_str(), exit), ("revoked", 6), "{mask} {name}");
            assert_eq!(codes, ["revoked"], "{mask} {name}");
        }
    }
}

#[test]
fn lists_of_version_1_der_and_text_around_pem_are_taken() {
    let authority = Authority::new("Own CA", "utf8only");
    fs::remove_file(authority.lab.path("crlnumber")).expect("removed");
    let path = authority.lab.path("own.cnf");
    let config = fs::read_to_string(&path).expect("a configuration");
    fs::write(&path, config.replace("crlnumber = crlnumber\n", "")).expect("written");
    authority.list("v1.pem", true, NOW);
    let text = authority.lab.openssl(&["crl", "-in", "v1.pem", "-text"]);
    assert!(text.contains("Version 1"), "{text}");
    fs::write(authority.lab.path("text.pem"), text).expect("written");
    authority
        .lab
        .openssl(&["crl", "-in", "v1.pem", "-outform", "DER", "-out", "v1.der"]);
    for name in ["v1.pem", "text.pem", "v1.der"] {
        let (says, _, exit) = authority.check(&[name], &["--issuer", "own.pem"]);
        assert_eq!((says.as_str(), exit), ("revoked", 6), "{name}");
    }
}

#[test]
fn what_is_no_list_is_named_for_what_it_is() {
    let lab = valid();
    let whole = fs::read(lab.path("ca/test-siths-type-1-ca-v1.crl")).expect("a list");
    fs::write(lab.path("cut.crl"), &whole[..whole.len() / 2]).expect("written");
    fs::write(lab.path("long.crl"), [&whole[..], &[0]].concat()).expect("written");
    for name in [
        "ca/test-siths-type-1-ca-v1.pem",
        "card.json",
        "cut.crl",
        "long.crl",
        "missing",
    ] {
        assert_plain_error(&lab.run(&["cert", "check", "--crl", name]), 1);
    }
    assert_code(
        &lab.run(&["cert", "list", "--crl", "ca/test-siths-type-1-ca-v1.crl"]),
        0,
    );
}

/// The certificate's number on a list, and another one.
const SERIAL: &[u8] = &[0x02, 0x02, 0x12, 0x67];
const OTHER_SERIAL: &[u8] = &[0x02, 0x02, 0x12, 0x68];

/// The entry of the certificate in a list.
fn entry(list: &[u8]) -> Vec<u8> {
    let at = list
        .windows(SERIAL.len())
        .position(|part| part == SERIAL)
        .expect("an entry");
    elements(&list[at - 2..])[0].2.to_vec()
}

#[test]
fn a_list_that_is_not_der_makes_nothing_good_and_what_it_revokes_stays_revoked() {
    let authority = Authority::new("Own CA", "utf8only");
    let issuer = &["--issuer", "own.pem"][..];
    authority.list("list.pem", true, NOW);
    authority.lab.openssl(&[
        "crl", "-in", "list.pem", "-outform", "DER", "-out", "list.der",
    ]);
    let list = fs::read(authority.lab.path("list.der")).expect("a list");
    let content = |entry: &[u8]| elements(entry)[0].1.to_vec();
    type Change = fn(&[u8], &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8>;
    // Whether OpenSSL loads the list.
    let cases: [(&str, bool, Change); 7] = [
        ("as it is", true, |entry, _| entry.to_vec()),
        ("a number with a zero too many", false, |entry, _| {
            replaced(entry, SERIAL, &[0x02, 0x03, 0x00, 0x12, 0x67])
        }),
        ("a number with two zeros too many", false, |entry, _| {
            replaced(entry, SERIAL, &[0x02, 0x04, 0x00, 0x00, 0x12, 0x67])
        }),
        ("an entry that is a SET", false, |entry, content| {
            element(0x31, &content(entry))
        }),
        ("a long length", true, |entry, content| {
            let content = content(entry);
            [&[0x30, 0x81, content.len() as u8], &content[..]].concat()
        }),
        ("an entry with more in it", false, |entry, content| {
            element(0x30, &[content(entry), vec![0x05, 0x00]].concat())
        }),
        ("a date that is none", true, |entry, content| {
            let content = content(entry);
            let mut content = content;
            let month = SERIAL.len() + 4;
            content[month..month + 2].copy_from_slice(b"13");
            element(0x30, &content)
        }),
    ];
    for (what, loads, change) in cases {
        for other in [false, true] {
            let changed = authority.resigned(&list, |body| {
                let entry = entry(body);
                let mut changed = change(&entry, &content);
                if other {
                    let last = changed.windows(2).position(|part| part == [0x12, 0x67]);
                    changed[last.expect("the number") + 1] += 1;
                }
                replaced(body, &entry, &changed)
            });
            fs::write(authority.lab.path("changed.crl"), &changed).expect("written");
            let openssl = ["crl", "-inform", "DER", "-in", "changed.crl", "-noout"];
            assert_eq!(authority.openssl_does(&openssl), loads, "{what}");
            let (says, codes, exit) = authority.check(&["changed.crl"], issuer);
            let malformed = what != "as it is";
            assert_eq!(
                codes.contains(&"list-malformed".to_owned()),
                malformed,
                "{what}: {codes:?}"
            );
            let expected = match (other, malformed) {
                (false, _) => ("revoked", 6),
                (true, false) => ("good", 0),
                (true, true) => ("unknown", 6),
            };
            assert_eq!((says.as_str(), exit), expected, "{what} {other}");
        }
    }
    // A version that no list has.
    let list = authority.resigned(&list, |body| {
        let body = replaced(body, SERIAL, OTHER_SERIAL);
        replaced(&body, &[0x02, 0x01, 0x01], &[0x02, 0x01, 0x04])
    });
    fs::write(authority.lab.path("version.crl"), list).expect("written");
    let (says, codes, exit) = authority.check(&["version.crl"], issuer);
    assert_eq!((says.as_str(), exit), ("unknown", 6));
    assert_eq!(codes, ["list-malformed"]);
}

#[test]
fn of_two_entries_for_one_certificate_the_one_against_it_counts() {
    let authority = Authority::new("Own CA", "utf8only");
    authority.list("list.pem", true, NOW);
    authority.lab.openssl(&[
        "crl", "-in", "list.pem", "-outform", "DER", "-out", "list.der",
    ]);
    let list = fs::read(authority.lab.path("list.der")).expect("a list");
    // removeFromCRL (RFC 5280 §5.3.1), before and behind the entry without a reason.
    for before in [true, false] {
        let changed = authority.resigned(&list, |body| {
            let entry = entry(body);
            let reason = [
                element(0x06, &[0x55, 0x1D, 0x15]),
                element(0x04, &[0x0A, 0x01, 0x08]),
            ];
            let extensions = element(0x30, &element(0x30, &reason.concat()));
            let removed = element(0x30, &[elements(&entry)[0].1.to_vec(), extensions].concat());
            let both = match before {
                true => [removed, entry.clone()],
                false => [entry.clone(), removed],
            };
            replaced(body, &entry, &both.concat())
        });
        fs::write(authority.lab.path("changed.crl"), &changed).expect("written");
        let openssl = ["crl", "-inform", "DER", "-in", "changed.crl", "-noout"];
        assert!(authority.openssl_does(&openssl));
        let (says, _, exit) = authority.check(&["changed.crl"], &["--issuer", "own.pem"]);
        assert_eq!((says.as_str(), exit), ("revoked", 6), "{before}");
    }
}
