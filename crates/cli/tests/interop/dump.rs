//! A dump of a card behind the real pcscd, played again: OpenSC sees the same card.

use serde_json::{Value, json};

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

/// The staff card's files behind the AID of an application that has a file system of its own, as
/// applets have it that come with their whole file system: nothing answers until it is selected.
fn behind_an_application(image: &mut Value) {
    fn without_access(file: &mut Value) {
        file.as_object_mut().unwrap().remove("access");
        for file in file["files"].as_array_mut().into_iter().flatten() {
            without_access(file);
        }
    }
    image["model"] = json!("none");
    image["atr"] = json!("3B800181");
    image["data_objects"] = json!([]);
    let mut all = image["master_file"].take();
    without_access(&mut all);
    image["master_file"] = json!({
        "fid": "3F00", "kind": "df", "application": "iso",
        "recorded": {"select": "6986"},
        "files": [{
            "fid": "7F80", "kind": "df", "name": "F276A288BCFBA69D34F31001",
            "recorded": {"answer": "000606", "unasked": true, "file_system": true},
            "files": all["files"].take(),
        }],
    });
}

#[test]
fn opensc_sees_the_same_card_in_a_dump_of_an_application_with_its_own_files() {
    let mut lab = Lab::with_changed_card("valid", Link::T1, behind_an_application);
    let listing = |lab: &Lab| lab.pkcs15_tool(&["-D"]).success().unwrap().stdout_text();
    let before = listing(&lab);
    assert!(before.contains("Private RSA Key"), "{before}");
    assert!(before.contains("X.509 Certificate"), "{before}");
    let copy = lab.path("copy.json");
    let dumped = lab.kortlab(&["dump", "-o", &copy]).run().unwrap();
    dumped.success().unwrap();
    lab.eject();
    lab.image = lab.sandbox.file("copy.json");
    lab.insert();
    assert_eq!(listing(&lab), before);
    // And it is found in the same place whether the application is selected already or not.
    let told = |lab: &Lab| {
        let output = lab.kortlab(&["--json", "info"]).run().unwrap();
        serde_json::from_str::<Value>(&output.stdout_text()).unwrap()
    };
    let first = told(&lab);
    let path = first["keys"][0]["path"].as_str().unwrap();
    assert!(path.starts_with("3F005015"), "{first:#}");
    assert_eq!(told(&lab), first);
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
