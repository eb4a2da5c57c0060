//! A dump of a card behind the real pcscd, played again: OpenSC sees the same card.

use crate::lab::{AUTH, Lab, Link, assert_no_error_line};

/// What `pkcs15-tool` and others print of the card in the reader.
fn seen(lab: &Lab) -> Vec<String> {
    let tool = |arguments: &[&str]| lab.pkcs15_tool(arguments).success().unwrap();
    let dump = tool(&["-D"]);
    assert_no_error_line(&dump);
    let others = [
        tool(&["--read-certificate", AUTH.key]),
        tool(&["--read-public-key", AUTH.key]),
    ];
    let mut seen = vec![dump.stdout_text()];
    seen.extend(others.map(|output| output.stdout_text()));
    let walked = lab.tool("opensc-tool").arg("-f").run().unwrap();
    seen.push(walked.success().unwrap().stdout_text());
    seen
}

fn is_the_same_card(link: Link) {
    let mut lab = Lab::new("valid", link);
    let before = seen(&lab);
    let copy = lab.path("copy.json");
    let dumped = lab.kortlab(&["dump", "-o", &copy]).run().unwrap();
    dumped.success().unwrap();
    lab.eject();
    lab.image = lab.sandbox.file("copy.json");
    lab.insert();
    for (copy, card) in seen(&lab).iter().zip(&before) {
        assert_eq!(copy, card);
    }
    // And a copy of the copy is the copy.
    let again = lab.path("again.json");
    lab.kortlab(&["dump", "-o", &again])
        .run()
        .unwrap()
        .success()
        .unwrap();
    let without_count = |name: &str| {
        let mut image: serde_json::Value = serde_json::from_slice(&lab.read(name)).unwrap();
        image.as_object_mut().unwrap().remove("provenance");
        image
    };
    assert_eq!(without_count("again.json"), without_count("copy.json"));
    // Its keys are refused, and its PINs are known to nobody.
    let verified = lab.pkcs15_tool(&["--verify-pin", "--auth-id", "01", "--pin", AUTH.pin]);
    assert!(verified.success().is_err());
}

#[test]
fn opensc_sees_the_same_card_in_a_dump_under_t0() {
    is_the_same_card(Link::T0);
}

#[test]
fn opensc_sees_the_same_card_in_a_dump_under_t1() {
    is_the_same_card(Link::T1);
}
