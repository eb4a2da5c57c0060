//! Revocation lists: which one counts, and what is said of those that do not.

use std::fs;

use crate::authority::{Authority, CERTIFICATE};
use crate::bench::*;
use crate::common::{assert_code, assert_plain_error};

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
    for section in ["idp", "attributes", "indirect", "delta", "odd"] {
        authority.list("part.pem", false, &[NOW, &["-crlexts", section]].concat());
        let (says, codes, exit) = authority.check(&["part.pem"], issuer);
        assert_eq!((says.as_str(), exit), ("unknown", 6), "{section}");
        assert_eq!(codes, ["list-not-supported"], "{section}");
    }
    authority.list("users.pem", false, &[NOW, &["-crlexts", "users"]].concat());
    assert_eq!(authority.check(&["users.pem"], issuer).0, "good");
    authority.list("cas.pem", false, &[NOW, &["-crlexts", "cas"]].concat());
    assert_eq!(authority.check(&["cas.pem"], issuer).0, "unknown");
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
