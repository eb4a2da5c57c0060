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

/// From this day on, and for ever or a month.
fn lasting(day: &'static str) -> [&'static str; 4] {
    ["-crl_lastupdate", day, "-crl_nextupdate", "20490101000000Z"]
}

fn over(day: &'static str) -> [&'static str; 4] {
    ["-crl_lastupdate", day, "-crl_nextupdate", "20250401000000Z"]
}

#[test]
fn of_lists_that_are_as_new_the_one_that_revokes_counts_in_whatever_order_they_are_given() {
    let authority = Authority::new("Own CA", "utf8only");
    let issuer = &["--issuer", "own.pem"][..];
    let numbered = |name: &str, revoked, number: &str| {
        fs::write(authority.lab.path("crlnumber"), number).expect("written");
        authority.list(name, revoked, &lasting("20250101000000Z"));
    };
    for (name, revoked, number) in [
        ("good.pem", false, "01"),
        ("again.pem", false, "01"),
        ("bad.pem", true, "01"),
        ("later-good.pem", false, "0100"),
        ("later-bad.pem", true, "0100"),
    ] {
        numbered(name, revoked, number);
    }
    // One of version 1 has no number.
    let path = authority.lab.path("own.cnf");
    let config = fs::read_to_string(&path).expect("a configuration");
    fs::write(&path, config.replace("crlnumber = crlnumber\n", "")).expect("written");
    authority.list("no-number-bad.pem", true, &lasting("20250101000000Z"));
    authority.list("no-number-good.pem", false, &lasting("20250101000000Z"));
    for (lists, expected) in [
        (&["good.pem", "bad.pem"][..], "revoked"),
        (&["good.pem", "bad.pem", "again.pem"], "revoked"),
        (&["good.pem", "no-number-bad.pem"], "revoked"),
        (&["bad.pem", "no-number-good.pem"], "revoked"),
        (
            &["later-good.pem", "no-number-bad.pem", "bad.pem"],
            "revoked",
        ),
        // Of the same time the one with the higher number is newer.
        (&["bad.pem", "later-good.pem"], "good"),
        (&["bad.pem", "good.pem", "later-good.pem"], "good"),
        (&["later-bad.pem", "good.pem"], "revoked"),
        (&["later-bad.pem", "bad.pem", "later-good.pem"], "revoked"),
        (&["good.pem", "again.pem"], "good"),
    ] {
        let backwards: Vec<_> = lists.iter().rev().copied().collect();
        let rotated: Vec<_> = lists[1..].iter().chain(&lists[..1]).copied().collect();
        for order in [lists, &backwards, &rotated] {
            let (says, codes, exit) = authority.check(order, issuer);
            let exit_expected = if expected == "good" { 0 } else { 6 };
            assert_eq!(
                (says.as_str(), exit),
                (expected, exit_expected),
                "{order:?}"
            );
            let superseded = codes.iter().filter(|code| *code == "list-superseded");
            let numbers = order.iter().filter(|name| name.starts_with("later"));
            let older = order
                .iter()
                .filter(|name| !name.starts_with("later") && !name.starts_with("no"));
            let outdated = if numbers.count() > 0 {
                older.count()
            } else {
                0
            };
            assert_eq!(superseded.count(), outdated, "{order:?}");
        }
    }
}

#[test]
fn what_an_expired_list_has_revoked_stays_so_until_something_newer_says_otherwise() {
    let authority = Authority::new("Own CA", "utf8only");
    let issuer = &["--issuer", "own.pem"][..];
    let index = |reason: &str| {
        let line = format!("R\t400101000000Z\t240101000000Z{reason}\t1267\tunknown\t/CN=Kim\n");
        fs::write(authority.lab.path("index.txt"), line).expect("written");
    };
    let list = |name: &str, options: &[&str]| {
        let base = ["ca", "-config", "own.cnf", "-gencrl", "-out", name];
        authority.lab.openssl(&[&base[..], options].concat());
    };
    authority.list("first-good.pem", false, &lasting("20250101000000Z"));
    authority.list("third-good.pem", false, &lasting("20250301000000Z"));
    for reason in ["", ",keyCompromise", ",certificateHold"] {
        index(reason);
        list("second-bad.pem", &over("20250201000000Z"));
        for (others, expected) in [
            (&["first-good.pem"][..], "revoked"),
            (&["third-good.pem"], "good"),
            (&["first-good.pem", "third-good.pem"], "good"),
        ] {
            for first in [true, false] {
                let lists = match first {
                    true => [&["second-bad.pem"][..], others].concat(),
                    false => [others, &["second-bad.pem"]].concat(),
                };
                let (says, codes, exit) = authority.check(&lists, issuer);
                assert_eq!((says.as_str(), exit), (expected, 6), "{reason} {lists:?}");
                assert!(codes.contains(&"list-expired".to_owned()), "{codes:?}");
            }
        }
    }
    // No longer on hold, says a newer one; an older one says nothing of that.
    index(",removeFromCRL");
    list("third-off-hold.pem", &lasting("20250301000000Z"));
    list("first-off-hold.pem", &lasting("20250101000000Z"));
    for (other, expected) in [
        ("third-off-hold.pem", "good"),
        ("first-off-hold.pem", "revoked"),
    ] {
        for lists in [[other, "second-bad.pem"], ["second-bad.pem", other]] {
            let (says, _, exit) = authority.check(&lists, issuer);
            assert_eq!((says.as_str(), exit), (expected, 6), "{lists:?}");
        }
    }
}

#[test]
fn a_list_by_a_certificate_that_is_not_for_lists_makes_nothing_good() {
    let authority = Authority::new("Own CA", "utf8only");
    authority.lab.openssl(&[
        "x509", "-inform", "DER", "-in", "new.der", "-out", "new.pem",
    ]);
    for (extensions, taken) in [
        (&["keyUsage=critical,keyCertSign,cRLSign"][..], true),
        (&[], true),
        (&["keyUsage=critical,keyCertSign"], false),
        (&["1.2.3.4=critical,DER:0500"], false),
    ] {
        authority.root(
            "root.pem",
            "4000",
            &[&["basicConstraints=critical,CA:true"], extensions].concat(),
        );
        for revoked in [false, true] {
            authority.list("list.pem", revoked, NOW);
            let openssl = [
                "verify",
                "-crl_check",
                "-CAfile",
                "root.pem",
                "-CRLfile",
                "list.pem",
                "new.pem",
            ];
            assert_eq!(
                authority.openssl_does(&openssl),
                taken && !revoked,
                "{extensions:?}"
            );
            let (says, codes, _) = authority.check(&["list.pem"], &["--issuer", "root.pem"]);
            let expected = match (revoked, taken) {
                (true, _) => "revoked",
                (false, true) => "good",
                (false, false) => "unknown",
            };
            assert_eq!(says, expected, "{extensions:?}");
            let told = codes.contains(&"list-not-authorised".to_owned());
            assert_eq!(told, !taken, "{extensions:?}: {codes:?}");
        }
    }
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
    // Without the issuer's certificate nobody knows whose list it is, and what it revokes stays revoked.
    let (says, codes, exit) = authority.check(&["good.pem"], &[]);
    assert_eq!((says.as_str(), exit), ("unknown", 6));
    assert_eq!(codes, ["list-not-verified"]);
    authority.list("bad.pem", true, NOW);
    let (says, codes, exit) = authority.check(&["bad.pem"], &[]);
    assert_eq!((says.as_str(), exit), ("revoked", 6));
    assert_eq!(codes, ["list-not-verified", "revoked"]);
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
        let extensions = [
            "basicConstraints=critical,CA:true",
            "keyUsage=critical,keyCertSign,cRLSign",
        ];
        authority.root("own.pem", "4000", &extensions);
        authority.list("list.pem", true, NOW);
        for (options, expected) in [
            (&[][..], &["list-not-verified", "revoked"][..]),
            (&["--issuer", "own.pem"], &["revoked"]),
        ] {
            let (says, codes, exit) = authority.check(&["list.pem"], options);
            assert_eq!((says.as_str(), exit), ("revoked", 6), "{mask} {name}");
            assert_eq!(codes, expected, "{mask} {name}");
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

/// A time as it stands in a list, as a GeneralizedTime of this century.
fn generalized(time: &[u8]) -> Vec<u8> {
    element(0x18, &[b"20", time].concat())
}

#[test]
fn a_list_of_a_form_that_the_profile_does_not_have_makes_nothing_good() {
    let authority = Authority::new("Own CA", "utf8only");
    let issuer = &["--issuer", "own.pem"][..];
    type Change = fn(&[u8]) -> Vec<u8>;
    let cases: [(&str, Change); 6] = [
        ("extensions without a version", |body| {
            let parts = elements(elements(body)[0].1);
            let rest: Vec<_> = parts[1..].iter().flat_map(|part| part.2.to_vec()).collect();
            element(0x30, &rest)
        }),
        ("a list of no entries", |body| {
            let parts = elements(elements(body)[0].1);
            let has_entries = parts[5].0 == 0x30;
            let before: Vec<_> = parts[..5].iter().flat_map(|part| part.2.to_vec()).collect();
            let entries = if has_entries {
                parts[5].2.to_vec()
            } else {
                vec![0x30, 0x00]
            };
            let last = parts[parts.len() - 1].2;
            element(0x30, &[before, entries, last.to_vec()].concat())
        }),
        ("thisUpdate", |body| {
            let time = elements(elements(body)[0].1)[3];
            replaced(body, time.2, &generalized(time.1))
        }),
        ("nextUpdate", |body| {
            let time = elements(elements(body)[0].1)[4];
            replaced(body, time.2, &generalized(time.1))
        }),
        ("as it is", <[u8]>::to_vec),
        // From 2050 on it is what must be.
        ("a late nextUpdate", |body| {
            let time = elements(elements(body)[0].1)[4];
            replaced(body, time.2, &element(0x18, b"20600101000000Z"))
        }),
    ];
    for revoked in [false, true] {
        authority.list("list.pem", revoked, NOW);
        authority.lab.openssl(&[
            "crl", "-in", "list.pem", "-outform", "DER", "-out", "list.der",
        ]);
        let list = fs::read(authority.lab.path("list.der")).expect("a list");
        for (what, change) in cases {
            let changed = authority.resigned(&list, change);
            fs::write(authority.lab.path("changed.crl"), &changed).expect("written");
            let (says, codes, exit) = authority.check(&["changed.crl"], issuer);
            let is_right = what.starts_with("as")
                || what.starts_with("a late")
                || revoked && what == "a list of no entries";
            let told = codes.contains(&"list-malformed".to_owned());
            assert_eq!(told, !is_right, "{what}: {codes:?}");
            let expected = match (revoked, is_right) {
                (true, _) => ("revoked", 6),
                (false, true) => ("good", 0),
                (false, false) => ("unknown", 6),
            };
            assert_eq!((says.as_str(), exit), expected, "{what}");
        }
    }
    // The date of an entry.
    let list = fs::read(authority.lab.path("list.der")).expect("a list");
    let changed = authority.resigned(&list, |body| {
        let entry = entry(body);
        let time = elements(elements(&entry)[0].1)[1];
        replaced(body, time.2, &generalized(time.1))
    });
    fs::write(authority.lab.path("changed.crl"), &changed).expect("written");
    let (says, codes, _) = authority.check(&["changed.crl"], issuer);
    assert_eq!(says, "revoked");
    assert!(codes.contains(&"list-malformed".to_owned()), "{codes:?}");
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
