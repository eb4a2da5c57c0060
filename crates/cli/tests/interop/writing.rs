//! Certificates written and removed by OpenSC, and what our side makes of them.

use serde_json::Value;

use crate::lab::{AUTH, Lab, Link, Role, SIGN, assert_no_error_line};
use crate::openssl;

fn store(lab: &Lab, role: Role, der: &[u8], label: &str) {
    let file = lab.write("new.der", der);
    let init = lab.tool("pkcs15-init").args([
        "-X",
        &file,
        "--format",
        "der",
        "--id",
        role.key,
        "--label",
        label,
        "--auth-id",
        "01",
        "--pin",
        AUTH.pin,
    ]);
    assert_no_error_line(&init.run().unwrap().success().unwrap());
}

fn delete(lab: &Lab, role: Role) {
    let init = lab.tool("pkcs15-init").args([
        "--delete-objects",
        "cert",
        "--id",
        role.key,
        "--auth-id",
        "01",
        "--pin",
        AUTH.pin,
    ]);
    assert_no_error_line(&init.run().unwrap().success().unwrap());
}

/// The only certificate on the card, read by OpenSC.
#[track_caller]
fn assert_only(lab: &Lab, role: Role, der: &[u8]) {
    let certificates = lab.certificates();
    assert_eq!(certificates.len(), 1, "{certificates:?}");
    assert_eq!(certificates[0].id, role.key);
    assert_eq!(lab.file_of(&certificates[0]), der);
}

fn stored_and_deleted_by_pkcs15_init(link: Link) {
    let lab = Lab::new("blank-slots", link);
    assert!(lab.certificates().is_empty());
    for role in [AUTH, SIGN] {
        let der = openssl::certificate_for(&lab, role, "stored by pkcs15-init");
        store(&lab, role, &der, "Stored");
        assert_only(&lab, role, &der);
        // The key is still found, with the certificate's id, and signs.
        let info = openssl::sha256_digest_info(&lab, b"x");
        let input = lab.write("input", &info);
        let output = lab.path("output");
        let sign = ["--sign", "--id", role.key, "-m", "RSA-PKCS", "-i", &input];
        let sign = [&sign[..], &["-o", &output]].concat();
        lab.pkcs11_tool(role, &sign).success().unwrap();
        delete(&lab, role);
        assert!(lab.certificates().is_empty());
    }
}

#[test]
fn pkcs15_init_stores_and_deletes_certificates_under_t0() {
    stored_and_deleted_by_pkcs15_init(Link::T0);
}

#[test]
fn pkcs15_init_stores_and_deletes_certificates_under_t1() {
    stored_and_deleted_by_pkcs15_init(Link::T1);
}

#[test]
fn pkcs15_init_stores_and_deletes_certificates_with_extended_length() {
    stored_and_deleted_by_pkcs15_init(Link::T1LargeApdus);
}

fn written_and_deleted_by_pkcs11_tool(link: Link) {
    let lab = Lab::new("blank-slots", link);
    let der = openssl::certificate_for(&lab, AUTH, "written by pkcs11-tool");
    let file = lab.write("new.der", &der);
    let object = ["--type", "cert", "--id", AUTH.key];
    let write = ["--write-object", &file, "--label", "Written"];
    let written = lab.pkcs11_tool(AUTH, &[&write[..], &object].concat());
    assert_no_error_line(&written.success().unwrap());
    assert_only(&lab, AUTH, &der);
    let deleted = lab.pkcs11_tool(AUTH, &[&["--delete-object"][..], &object].concat());
    assert_no_error_line(&deleted.success().unwrap());
    assert!(lab.certificates().is_empty());
}

#[test]
fn pkcs11_tool_writes_and_deletes_a_certificate_under_t0() {
    written_and_deleted_by_pkcs11_tool(Link::T0);
}

#[test]
fn pkcs11_tool_writes_and_deletes_a_certificate_under_t1() {
    written_and_deleted_by_pkcs11_tool(Link::T1);
}

#[test]
fn a_certificate_that_opensc_stored_is_listed_and_read_by_kortlab() {
    let lab = Lab::new("blank-slots", Link::T0);
    let der = openssl::certificate_for(&lab, SIGN, "stored by OpenSC");
    store(&lab, SIGN, &der, "Stored");
    let list = lab.kortlab(&["--json", "cert", "list"]).run().unwrap();
    let list: Value = serde_json::from_slice(&list.success().unwrap().stdout).unwrap();
    assert!(list.to_string().contains("TEST stored by OpenSC"), "{list}");
}

#[test]
fn a_certificate_that_kortlab_wrote_is_read_by_opensc_and_removed_for_good() {
    let lab = Lab::new("blank-slots", Link::T0);
    for role in [AUTH, SIGN] {
        let der = openssl::certificate_for(&lab, role, "written by kortlab");
        let file = lab.write("new.der", &der);
        let write = ["cert", "write", &file, "--key", role.key];
        lab.kortlab(&write).run().unwrap().success().unwrap();
        assert_no_error_line(&lab.pkcs15_tool(&["-D"]).success().unwrap());
        assert_only(&lab, role, &der);
        delete(&lab, role);
        assert!(lab.certificates().is_empty());
    }
}

#[test]
fn what_opensc_wrote_survives_a_kill_of_the_emulator() {
    let mut lab = Lab::new("blank-slots", Link::T0);
    let der = openssl::certificate_for(&lab, AUTH, "to survive");
    store(&lab, AUTH, &der, "Stored");
    lab.kill();
    lab.insert();
    assert_only(&lab, AUTH, &der);
}

#[test]
fn a_wrong_pin_stores_nothing() {
    let lab = Lab::new("blank-slots", Link::T0);
    let der = openssl::certificate_for(&lab, AUTH, "never stored");
    let file = lab.write("new.der", &der);
    let init = lab.tool("pkcs15-init").args([
        "-X",
        &file,
        "--format",
        "der",
        "--id",
        AUTH.key,
        "--auth-id",
        "01",
        "--pin",
        "000000",
    ]);
    init.run().unwrap().failure().unwrap();
    assert!(lab.certificates().is_empty());
}
