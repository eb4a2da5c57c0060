//! What OpenSC reads from the card: its name, its objects, its certificates.

use crate::lab::{AUTH, KORTLAB, Lab, Link, SIGN, assert_no_error_line, authorities};
use crate::openssl;

fn lists_everything(link: Link) {
    let lab = Lab::new("valid", link);

    let name = lab.tool("opensc-tool").arg("-n").run().unwrap();
    assert!(name.success().unwrap().stdout_text().contains("SetCOS"));

    let dump = lab.pkcs15_tool(&["-D"]).success().unwrap();
    assert_no_error_line(&dump);
    let text = dump.stdout_text();
    let count = |needle: &str| text.matches(needle).count();
    assert_eq!(count("PIN ["), 2, "{text}");
    assert_eq!(count("Private RSA Key ["), 2, "{text}");
    assert_eq!(count("X.509 Certificate ["), 4, "{text}");

    let slots = lab.tool("pkcs11-tool").arg("-L").run().unwrap();
    let slots = slots.success().unwrap().stdout_text();
    assert!(slots.contains("(Legitimering)"), "{slots}");
    assert!(slots.contains("(Underskrift)"), "{slots}");
}

#[test]
fn opensc_lists_two_pins_two_keys_and_four_certificates_under_t0() {
    lists_everything(Link::T0);
}

#[test]
fn opensc_lists_two_pins_two_keys_and_four_certificates_under_t1() {
    lists_everything(Link::T1);
}

#[test]
fn opensc_lists_two_pins_two_keys_and_four_certificates_with_large_apdus() {
    lists_everything(Link::T0LargeApdus);
    lists_everything(Link::T1LargeApdus);
}

#[test]
fn a_card_in_any_state_is_listed_by_opensc_without_an_error() {
    for (state, certificates) in [
        ("blank-slots", 0),
        ("delivered", 2),
        ("expired", 4),
        ("revoked", 4),
        ("blocked", 4),
        // Two of them are the authorities', which take up the room.
        ("full", 6),
    ] {
        let lab = Lab::new(state, Link::T0);
        assert_no_error_line(&lab.pkcs15_tool(&["-D"]).success().unwrap());
        assert_eq!(lab.certificates().len(), certificates, "{state}");
    }
}

#[test]
fn a_card_that_was_renewed_is_listed_by_opensc_and_its_new_certificates_go_with_its_keys() {
    let mut lab = Lab::without_card(Link::T0);
    let demo = lab.tool(KORTLAB).args(["demo", "--keep", "kept"]);
    demo.run().unwrap().success().unwrap();
    lab.image = lab.sandbox.file("kept/card.json");
    lab.insert();
    assert_no_error_line(&lab.pkcs15_tool(&["-D"]).success().unwrap());
    let certificates = lab.certificates();
    assert_eq!(certificates.len(), 4);
    for certificate in &certificates {
        let role = if certificate.id == AUTH.key {
            AUTH
        } else {
            SIGN
        };
        openssl::assert_holds_key(&lab, &lab.file_of(certificate), role);
    }
    for role in [AUTH, SIGN] {
        let test = lab.pkcs11_tool(role, &["--test"]).success().unwrap();
        assert!(test.stdout_text().contains("No errors"));
    }
}

#[test]
fn the_files_of_the_card_are_walked_by_opensc_tool_without_an_error() {
    let lab = Lab::new("valid", Link::T0);
    let walk = lab.tool("opensc-tool").arg("-f").run().unwrap();
    let text = walk.success().unwrap().stdout_text();
    assert!(text.contains("5015"), "{text}");
}

#[test]
fn openssl_reads_every_certificate_and_chains_it_to_the_ca_that_issued_it() {
    let lab = Lab::new("valid", Link::T0);
    let authorities = authorities("valid", "t0");
    let certificates = lab.certificates();
    assert_eq!(certificates.len(), 4);
    for certificate in &certificates {
        let der = lab.file_of(certificate);
        let described = openssl::describe(&lab, &der).stdout_text();
        assert!(described.contains("subject="), "{described}");
        openssl::assert_chains(&lab, &der, &authorities);
        // A certificate belongs to the key whose id it has.
        let role = if certificate.id == AUTH.key {
            AUTH
        } else {
            SIGN
        };
        openssl::assert_holds_key(&lab, &der, role);
    }
    // Two of each issuer: the carrier's and the HCCs.
    for role in [AUTH, SIGN] {
        let read = lab.pkcs15_tool(&["--read-certificate", role.key]);
        let pem = read.success().unwrap().stdout_text();
        assert!(pem.contains("BEGIN CERTIFICATE"), "{pem}");
        let of_the_key = certificates.iter().filter(|c| c.id == role.key);
        assert_eq!(of_the_key.count(), 2);
    }
}
