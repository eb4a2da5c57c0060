//! What others say of cards that `kortlab diagnose` calls broken, and of those it calls good.

use serde_json::Value;

use crate::lab::{Lab, Link, assert_no_error_line};

/// Puts these bytes in front of the content of a file in DF(PKCS15).
fn put_before(image: &mut Value, fid: &str, bytes: &str) {
    let application = &mut image["master_file"]["files"][1]["files"];
    let mut files = application.as_array_mut().unwrap().iter_mut();
    let file = files.find(|file| file["fid"] == fid).unwrap();
    let data = file["data"].as_str().unwrap();
    file["data"] = format!("{bytes}{data}").into();
}

/// What `kortlab diagnose` finds of the card in the reader, by its codes, without notes.
fn diagnosed(lab: &Lab) -> Vec<(String, Vec<String>)> {
    let output = lab.kortlab(&["--json", "diagnose"]).run().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = document["problems"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    problems
        .filter(|problem| problem["severity"] != "note")
        .map(|problem| {
            let trips = problem["trips_over"].as_array().unwrap().iter();
            (text(&problem["code"]), trips.map(text).collect())
        })
        .collect()
}

#[test]
fn opensc_sees_no_certificate_behind_filler_as_the_finding_says() {
    let lab = Lab::with_changed_card("valid", Link::T0, |image| {
        put_before(image, "4403", "0000");
    });
    assert_eq!(lab.certificates().len(), 0);
    let found = diagnosed(&lab);
    let expected = ("object-after-filler".to_owned(), vec!["OpenSC".to_owned()]);
    assert_eq!(found, [expected]);
}

#[test]
fn of_a_card_that_opensc_reads_without_an_error_nothing_is_said() {
    for link in [Link::T0, Link::T1] {
        let lab = Lab::new("valid", link);
        assert_no_error_line(&lab.pkcs15_tool(&["-D"]).success().unwrap());
        assert_eq!(diagnosed(&lab), []);
    }
}
