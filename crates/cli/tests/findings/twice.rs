//! Two entries that name one certificate: each can be taken away, and the file stays for the other.

use crate::bench::*;
use crate::common::{assert_code, stderr, stdout};

#[test]
fn each_of_two_entries_for_one_certificate_can_be_named_and_removed() {
    let lab = valid();
    // The last entry once more behind itself.
    change_data(&lab, CDF, |cdf| {
        let (mut at, mut last) = (0, 0..0);
        while cdf.get(at) == Some(&0x30) {
            let length = usize::from(cdf[at + 1]);
            assert!(length < 0x80, "a short form");
            last = at..at + 2 + length;
            at = last.end;
        }
        let entry = cdf[last].to_vec();
        cdf.splice(at..at, entry);
    });
    let file = data(&lab, "4334");
    let listed = |lab: &crate::common::Lab| {
        let (document, _) = run(lab, &["cert", "list"]);
        let all = document["certificates"].as_array().expect("a list").clone();
        let is_one = |one: &&serde_json::Value| one["id"] == "4334";
        all.iter().filter(is_one).count()
    };
    assert_eq!(listed(&lab), 2);
    let output = lab.with_pins(&["cert", "remove", "4334"]);
    assert_code(&output, 2);
    let text = stderr(&output);
    assert!(text.contains("#3 (") && text.contains("#4 ("), "{text}");
    assert_code(&lab.run(&["cert", "read", "#4"]), 0);
    assert_code(&lab.with_pins(&["cert", "remove", "#4"]), 0);
    assert_eq!(listed(&lab), 1);
    assert_eq!(data(&lab, "4334"), file);
    let (document, _) = check(&lab, &[]);
    assert_eq!(codes(&document), [""; 0], "{document:#}");
    // By its number or not, the last one takes its file along.
    assert_code(&lab.with_pins(&["cert", "remove", "#3"]), 0);
    let tree = stdout(&lab.run(&["tree"]));
    assert!(!tree.contains("4334"), "{tree}");
}
