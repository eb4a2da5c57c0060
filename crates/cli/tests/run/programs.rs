//! What programs see here that they do not see of a real reader, or that is not the same everywhere.

use crate::lab::{AUTH, KORTLAB, Lab, assert_code, stderr, stdout};

#[test]
fn what_pkcs15_init_stores_and_deletes_is_saved_and_with_ephemeral_forgotten() {
    let valid = Lab::new("valid");
    valid.ran(&["sh", "-c", "pkcs15-tool --read-certificate 45 >45.pem"]);
    let lab = Lab::new("blank-slots");
    lab.write("45.pem", &valid.read("45.pem"));
    let certificates = || {
        let listed = lab.ran(&["pkcs15-tool", "--list-certificates"]);
        listed.matches("X.509 Certificate [").count()
    };
    let store = [
        "pkcs15-init",
        "-X",
        "45.pem",
        "--format",
        "pem",
        "--id",
        "45",
        "--label",
        "Stored",
        "--auth-id",
        "01",
        "--pin",
        AUTH,
    ];
    let image = lab.read("card.json");
    assert_code(&lab.run_with(&["--ephemeral"], &store), 0);
    assert_eq!(lab.read("card.json"), image);
    assert_eq!(certificates(), 0);
    lab.ran(&store);
    assert_eq!(certificates(), 1);
    assert_ne!(lab.read("card.json"), image);
    lab.ran(&[
        "pkcs15-init",
        "--delete-objects",
        "cert",
        "--id",
        "45",
        "--auth-id",
        "01",
        "--pin",
        AUTH,
    ]);
    assert_eq!(certificates(), 0);
}

#[test]
fn kortlab_itself_finds_the_card_in_the_only_reader() {
    let lab = Lab::new("valid");
    let listed = lab.ran(&[KORTLAB, "--card", "pcsc", "cert", "list"]);
    assert_eq!(
        listed,
        stdout(
            &lab.kortlab(&["-c", "card.json", "cert", "list"])
                .output()
                .expect("run")
        )
    );
    let verified = lab.ran(&[KORTLAB, "--auth-pin", "env:AUTH", "pin", "verify", "auth"]);
    assert!(verified.contains("is right"), "{verified}");
    let readers = lab.ran(&[KORTLAB, "readers"]);
    assert!(readers.contains("Kortlab 00 00"), "{readers}");
}

#[test]
fn pcsc_scan_sees_reader_and_card() {
    let lab = Lab::new("valid");
    let seen = lab.ran(&["pcsc_scan", "-n", "-t", "1"]);
    assert!(seen.contains("Kortlab 00 00"), "{seen}");
    assert!(seen.contains("Card inserted"), "{seen}");
    assert!(seen.contains("ATR: 3B"), "{seen}");
}

#[test]
fn pyscard_connects_transmits_and_waits_for_cards() {
    let lab = Lab::new("valid");
    let script = "\
from smartcard.System import readers
from smartcard.CardType import AnyCardType
from smartcard.CardRequest import CardRequest
print([str(reader) for reader in readers()])
service = CardRequest(timeout=5, cardType=AnyCardType()).waitforcard()
service.connection.connect()
print(service.connection.transmit([0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00]))
";
    let printed = lab.ran(&["/usr/bin/python3", "-c", script]);
    assert!(printed.contains("['Kortlab 00 00']"), "{printed}");
    assert!(printed.contains("([], 144, 0)"), "{printed}");
}

#[test]
fn a_program_in_a_sandbox_without_network_finds_the_card_by_the_variable_or_at_the_usual_path() {
    let lab = Lab::new("valid");
    let sandbox = [
        "bwrap",
        "--dev-bind",
        "/",
        "/",
        "--unshare-net",
        "--unshare-pid",
    ];
    let name = ["opensc-tool", "-n"];
    let seen = lab.ran(&[&sandbox[..], &name].concat());
    assert!(seen.contains("SetCOS"), "{seen}");
    let usual = ["--tmpfs", "/run", "--bind", "dir", "/run/pcscd"];
    let unset = ["env", "-u", "PCSCLITE_CSOCK_NAME"];
    let program = [&sandbox[..], &usual, &unset, &name].concat();
    let output = lab.run_with(&["--socket", "dir/pcscd.comm"], &program);
    assert!(stdout(&output).contains("SetCOS"), "{}", stderr(&output));
}
