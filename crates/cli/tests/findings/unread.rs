//! Directories that cannot be read, or not to their end: what they may list is never said not to be
//! on the card.

use serde_json::Value;

use crate::bench::*;
use crate::common::{Lab, assert_code, stdout};

const PRKDF: &str = "4402";
const AODF: &str = "4401";

/// As the last command says why it failed.
#[track_caller]
fn error(lab: &Lab, arguments: &[&str], code: i32) -> Value {
    let output = lab.with_pins(&[&["--json"], arguments].concat());
    assert_code(&output, code);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    document["error"].clone()
}

/// Puts a file into the directory `around`.
fn add_file(lab: &Lab, around: &str, fid: &str, data: &[u8]) {
    let file = serde_json::json!({
        "fid": fid, "kind": "transparent", "size": data.len(), "data": hex::encode_upper(data),
        "access": "0101",
    });
    change(lab, |image| image["capacity"] = 1_048_576.into());
    change_file(lab, around, |directory| {
        directory["files"].as_array_mut().expect("files").push(file);
    });
}

fn refusing(file: &str) -> String {
    format!("sw:sw=6F00,ins=B0,file={file}")
}

#[test]
fn a_list_of_keys_says_what_of_their_directory_could_not_be_read() {
    let lab = valid();
    for (fault, code, keys) in [
        (&*refusing(PRKDF), "file-unreadable", 0),
        ("cut:at=80,ins=B0,file=4402", "truncated", 1),
    ] {
        let (document, exit) = run(&lab, &["--fault", fault, "key", "list"]);
        let found = problem(&document, code);
        assert_eq!(found["path"], "3F0050154402", "{fault}");
        assert_eq!(document["keys"].as_array().expect("keys").len(), keys);
        let text = stdout(&lab.run(&["--fault", fault, "key", "list"]));
        assert!(text.contains(&format!("[{code}]")), "{text}");
        // As `cert list` ends for the same card.
        assert_eq!(exit, run(&lab, &["--fault", fault, "cert", "list"]).1);
    }
    let (document, _) = run(&lab, &["key", "list"]);
    assert_eq!(document["problems"], serde_json::json!([]), "{document:#}");
    remove_file(&lab, PRKDF);
    let (document, _) = run(&lab, &["key", "list"]);
    assert_eq!(codes(&document), ["file-absent"], "{document:#}");
    let text = stdout(&lab.run(&["key", "list"]));
    assert!(text.starts_with("no private keys were found"), "{text}");
}

#[test]
fn a_list_of_keys_that_the_budget_cuts_says_so() {
    let lab = valid();
    // The shortest key that is read: as many in a file as are read of one, in more files than are
    // read of one card.
    let key = hex::decode("301C3003040101300704014503020560A10C300A300404024B0102020800");
    let keys = key.expect("hex").repeat(512);
    let mut odf = Vec::new();
    for number in 0..3 {
        let path = [&[0x3F, 0x00, 0x50, 0x15, 0x60][..], &[number]].concat();
        odf.extend([&[0xA0, 0x0A, 0x30, 0x08, 0x04, 0x06][..], &path].concat());
        add_file(&lab, "5015", &format!("60{number:02X}"), &keys);
    }
    change_data(&lab, ODF, |own| drop(own.splice(0..0, odf)));
    let (document, _) = run(&lab, &["key", "list"]);
    problem(&document, "budget");
    let text = stdout(&lab.run(&["key", "list"]));
    assert!(text.contains("[budget]"), "{text}");
    assert!(text.contains("--budget 10"), "{text}");
    std::fs::write(lab.path("text"), "text").expect("written");
    let failed = error(&lab, &["key", "sign", "--key", "99", "--in", "text"], 1);
    assert_eq!(failed["kind"], "budget", "{failed:#}");
    let (document, _) = run(&lab, &["--budget", "10", "key", "list"]);
    assert!(!codes(&document).iter().any(|code| code == "budget"));
    assert_eq!(
        document["keys"].as_array().expect("keys").len(),
        3 * 512 + 2
    );
}

#[test]
fn a_certificate_that_an_unread_directory_may_list_is_not_said_to_be_absent() {
    let lab = valid();
    for command in ["read", "remove"] {
        let unread = refusing(CDF);
        let failed = error(&lab, &["--fault", &unread, "cert", command, "4334"], 5);
        assert_eq!(failed["kind"], "refused", "{failed:#}");
        assert_eq!(failed["status_word"], "6F00", "{failed:#}");
        let message = failed["message"].as_str().expect("a message");
        assert!(message.contains("EF(CDF)"), "{message}");
        assert!(message.contains("READ BINARY"), "{message}");
        // Cut in the middle of an entry: the others are known.
        let cut = "cut:at=160,ins=B0,file=4403";
        let failed = error(&lab, &["--fault", cut, "cert", command, "4334"], 5);
        assert_eq!(failed["kind"], "nonsense", "{failed:#}");
        let hint = failed["hint"].as_str().expect("a hint");
        assert!(hint.contains("4331"), "{hint}");
    }
    // Half of it lost: what stood there is not known.
    for (fill, lost) in [
        (0x00, 0..64),
        (0xFF, 0..64),
        (0x00, 40..100),
        (0xFF, 40..100),
    ] {
        let lab = valid();
        change_data(&lab, CDF, |bytes| bytes[lost.clone()].fill(fill));
        for command in ["read", "remove"] {
            let failed = error(&lab, &["cert", command, "4331"], 5);
            assert_eq!(failed["kind"], "nonsense", "{lost:?}: {failed:#}");
        }
    }
    // What is read whole is believed.
    let failed = error(&lab, &["cert", "read", "4399"], 1);
    assert_eq!(failed["kind"], "not-found", "{failed:#}");
    remove_file(&lab, CDF);
    let failed = error(&lab, &["cert", "read", "4334"], 5);
    assert_eq!(failed["status_word"], "6A82", "{failed:#}");
    // Nor is it said that there is none at all.
    let found = problem(&check(&lab, &[]).0, "no-certificates");
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains("EF(CDF) was not read"), "{message}");
}

#[test]
fn a_key_that_an_unread_directory_may_list_is_not_said_to_be_absent() {
    let lab = valid();
    std::fs::write(lab.path("text"), "text").expect("written");
    let der = lab.run(&["cert", "read", "4334", "--der"]).stdout;
    std::fs::write(lab.path("one.der"), der).expect("written");
    for arguments in [
        &["key", "sign", "--key", "46", "--in", "text"][..],
        &["key", "decrypt", "--key", "45", "--in", "text"],
        &["cert", "write", "--key", "46", "one.der"],
    ] {
        let unread = refusing(PRKDF);
        let failed = error(&lab, &[&["--fault", &unread], arguments].concat(), 5);
        assert_eq!(failed["kind"], "refused", "{failed:#}");
        let message = failed["message"].as_str().expect("a message");
        assert!(message.contains("EF(PrKDF)"), "{message}");
        assert!(message.contains("READ BINARY"), "{message}");
    }
    let unread = refusing(AODF);
    let failed = error(&lab, &["--fault", &unread, "pin", "verify", "auth"], 5);
    let message = failed["message"].as_str().expect("a message");
    assert!(message.contains("EF(AODF)"), "{message}");
}

#[test]
fn a_certificate_is_not_said_to_have_no_key_where_the_keys_could_not_be_read() {
    let lab = valid();
    let unread = refusing(PRKDF);
    let options = ["--fault", &unread, "cert", "check", "--date", DAY];
    let (document, exit) = run(&lab, &options);
    assert_eq!(exit, 6);
    assert_eq!(codes(&document), ["file-unreadable"], "{document:#}");
    let not_checked = &certificate(&document, HCC)["not_checked"];
    let mut codes = not_checked.as_array().expect("a list").iter();
    assert!(codes.any(|one| one["code"] == "key"), "{not_checked:#}");
}

/// Where the objects of EF(CDF) start; each has a length of one byte.
fn certificates(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    while let Some([0x30, length]) = bytes
        .get(starts[starts.len() - 1]..)
        .and_then(|b| b.get(..2))
    {
        starts.push(starts[starts.len() - 1] + 2 + usize::from(*length));
    }
    starts
}

/// Behind the objects of a directory: what belongs to nothing, and an object that is cut.
const DAMAGE: [&[u8]; 2] = [&[0x77, 0x03, 0x01, 0x02, 0x03], &[0x30, 0x36, 0x30, 0x14]];

#[test]
fn no_key_is_said_to_have_no_certificate_and_no_pair_to_lack_a_half_where_some_may_be_lost() {
    let whole = data(&valid(), CDF);
    let starts = certificates(&whole);
    let entry = |index: usize| &whole[starts[index]..starts[index + 1]];
    // Those of the first key, and all but the last.
    for (left, code, commands) in [
        (
            [entry(0), entry(2)].concat(),
            "key-without-certificate",
            &["cert check", "diagnose"][..],
        ),
        (whole[..starts[3]].to_vec(), "missing-half", &["diagnose"]),
    ] {
        let lab = valid();
        set_data(&lab, CDF, &left);
        for command in commands {
            let command: Vec<_> = command.split(' ').collect();
            problem(
                &run(&lab, &[&command[..], &["--date", DAY]].concat()).0,
                code,
            );
        }
        for damage in DAMAGE {
            set_data(&lab, CDF, &[&left, damage].concat());
            for command in [&["cert", "check"][..], &["diagnose"]] {
                let (document, exit) = run(&lab, &[command, &["--date", DAY]].concat());
                assert_eq!(exit, 6, "{document:#}");
                let codes = codes(&document);
                assert!(!codes.iter().any(|one| one == code), "{document:#}");
            }
        }
        // Nor where it could not be read to its end, or EF(ODF) may name another.
        set_data(&lab, CDF, &left);
        let odf = data(&lab, ODF);
        set_data(&lab, ODF, &[&odf, DAMAGE[0]].concat());
        for command in [&["cert", "check"][..], &["diagnose"]] {
            let (document, exit) = run(&lab, &[command, &["--date", DAY]].concat());
            assert_eq!(exit, 6, "{document:#}");
            assert!(
                !codes(&document).iter().any(|one| one == code),
                "{document:#}"
            );
        }
    }
}

#[test]
fn no_public_key_is_said_to_be_missing_where_some_may_be_lost() {
    let lab = valid();
    let whole = data(&lab, "4404");
    let first = 4 + (usize::from(whole[2]) << 8 | usize::from(whole[3]));
    set_data(&lab, "4404", &whole[..first]);
    problem(&check(&lab, &[]).0, "no-public-key");
    for damage in DAMAGE {
        set_data(&lab, "4404", &[&whole[..first], damage].concat());
        let (document, exit) = check(&lab, &[]);
        assert_eq!(exit, 6, "{document:#}");
        let codes = codes(&document);
        assert!(!codes.iter().any(|one| one == "no-public-key"), "{codes:?}");
        let not_checked = certificate(&document, "4332")["not_checked"].clone();
        let mut keys = not_checked.as_array().expect("a list").iter();
        assert!(keys.any(|one| one["code"] == "key"), "{not_checked:#}");
    }
}

#[test]
fn damage_to_the_pins_directory_is_told_once_and_not_of_every_key() {
    let lab = valid();
    let message = |lab: &Lab| {
        let found = problem(&check(lab, &[]).0, "no-such-pin");
        found["message"].as_str().expect("a message").to_owned()
    };
    let told_once = |lab: &Lab, faults: &[&str]| {
        let faults: Vec<_> = faults.iter().flat_map(|fault| ["--fault", fault]).collect();
        for command in [
            &["info"][..],
            &["cert", "check", "--date", DAY],
            &["pin", "status"],
            &["diagnose", "--date", DAY],
        ] {
            let (document, exit) = run(lab, &[&faults[..], command].concat());
            assert_eq!(exit, 6, "{command:?}: {document:#}");
            let mut codes = codes(&document);
            codes.dedup();
            assert!(!codes.contains(&"no-such-pin".to_owned()), "{document:#}");
            assert_eq!(codes.len(), 1, "{command:?}: {document:#}");
        }
    };
    let whole = data(&lab, AODF);
    let first = 2 + usize::from(whole[1]);
    set_data(&lab, AODF, &whole[..first]);
    assert!(message(&lab).contains("the card does not list"));
    for damage in DAMAGE {
        set_data(&lab, AODF, &[&whole[..first], damage].concat());
        told_once(&lab, &[]);
    }
    told_once(&valid(), &[&refusing(AODF)]);
    remove_file(&lab, AODF);
    told_once(&lab, &[]);
}

#[test]
fn a_directory_is_not_said_to_be_unnamed_where_entries_of_the_odf_may_be_lost() {
    let lab = valid();
    let whole = data(&lab, ODF);
    // Twelve bytes each; the third is that of certificates.
    let without = [&whole[..24], &whole[36..48]].concat();
    for damage in [
        &[0x77, 0x03, 0x01, 0x02, 0x03][..],
        &[0xA4, 0x0A, 0x30, 0x08],
    ] {
        set_data(&lab, ODF, &[&without, damage].concat());
        let found = problem(&check(&lab, &[]).0, "no-certificate-directory");
        let message = found["message"].as_str().expect("a message");
        assert!(message.contains("in what was read of it"), "{message}");
    }
    set_data(&lab, ODF, &without);
    let found = problem(&check(&lab, &[]).0, "no-certificate-directory");
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains("it names no directory"), "{message}");
    // A file that is named for two kinds was read as one of them.
    set_data(&lab, ODF, &whole);
    change_data(&lab, ODF, |bytes| bytes[35] = 0x02);
    let found = problem(&check(&lab, &[]).0, "no-certificates");
    let message = found["message"].as_str().expect("a message");
    assert!(message.contains("was read as EF(PrKDF)"), "{message}");
}

#[test]
fn a_file_that_cannot_be_read_at_the_same_byte_each_time_is_not_called_unstable() {
    for status in ["6281", "6982", "6F00"] {
        for from in [0, 60] {
            let lab = valid();
            change_file(&lab, CDF, |file| {
                file["recorded"]["unreadable"] =
                    serde_json::json!({ "from": from, "status": status });
            });
            let (document, exit) = run(&lab, &["diagnose", "--date", DAY]);
            let told = codes(&document);
            assert_eq!(exit, 6, "{status} {from}");
            assert!(told.contains(&"file-unreadable".to_owned()), "{told:?}");
            assert!(
                !told.contains(&"unstable".to_owned()),
                "{status} {from}: {told:?}"
            );
        }
    }
    // One that ends elsewhere the second time, or not at all, is.
    let lab = valid();
    let fault = format!("sw:sw=6F00,ins=B0,file={CDF},times=1");
    let (document, _) = run(&lab, &["--fault", &fault, "diagnose", "--date", DAY]);
    let told = codes(&document);
    assert!(told.contains(&"file-unreadable".to_owned()), "{told:?}");
}

#[test]
fn where_the_certificates_could_not_be_read_it_is_not_advised_to_write_one() {
    let lab = valid();
    change_file(&lab, CDF, |file| {
        file["recorded"]["unreadable"] = serde_json::json!({ "from": 0, "status": "6982" });
    });
    for command in [&["cert", "check"][..], &["diagnose"]] {
        let (document, _) = run(&lab, &[command, &["--date", DAY]].concat());
        let found = problem(&document, "no-certificates");
        let next = found["next_step"].as_str().expect("words");
        assert!(!next.contains("cert write"), "{command:?}: {next}");
        assert!(next.contains("there may be some"), "{command:?}: {next}");
    }
    let blank = Lab::with(&["--state", "blank-slots", "--date", DAY]);
    let (document, _) = run(&blank, &["diagnose", "--date", DAY]);
    let found = problem(&document, "no-certificates");
    let next = found["next_step"].as_str().expect("words");
    assert!(next.contains("cert write"), "{next}");
}

#[test]
fn an_entry_that_names_the_file_of_a_private_key_is_said_to() {
    let lab = valid();
    change_data(&lab, CDF, |cdf| {
        let path = [0x3F, 0x00, 0x50, 0x15, 0x43, 0x33];
        let at = cdf.windows(path.len()).position(|part| part == path);
        let fid = at.expect("the path") + 4;
        cdf[fid..fid + 2].copy_from_slice(&[0x4B, 0x01]);
    });
    for command in [&["cert", "check"][..], &["diagnose"]] {
        let (document, exit) = run(&lab, &[command, &["--date", DAY]].concat());
        assert_eq!(exit, 6);
        let found = problem(&document, "unreadable");
        let message = found["message"].as_str().expect("words");
        assert!(message.contains("private key 45"), "{message}");
        assert!(message.contains("EF(PrKDF)"), "{message}");
        let next = found["next_step"].as_str().expect("words");
        assert!(next.contains("key's file"), "{next}");
        assert!(!next.contains("records"), "{next}");
    }
}

#[test]
fn a_token_info_that_is_none_is_not_called_a_nonsense_answer_of_the_card() {
    for content in [&[][..], &[0xFF; 40], &[0x00; 40], &[0x30, 0x00]] {
        let lab = valid();
        set_data(&lab, "5032", content);
        for command in [&["cert", "check"][..], &["diagnose"]] {
            let (document, exit) = run(&lab, &[command, &["--date", DAY]].concat());
            assert_eq!(exit, 6);
            let told = codes(&document);
            assert!(!told.contains(&"nonsense-answer".to_owned()), "{told:?}");
            let found = problem(&document, "missing-element");
            assert_eq!(found["path"], "3F0050155032");
            let next = found["next_step"].as_str().expect("words");
            assert!(!next.contains("have the card replaced"), "{next}");
        }
    }
}

#[test]
fn what_tells_whether_a_pin_works_is_named_as_it_is_typed() {
    let lab = valid();
    // Of an OS that is not known no PIN is asked for.
    change(&lab, |image| {
        image["data_objects"] = Value::Array(Vec::new())
    });
    let (document, _) = run(&lab, &["pin", "status"]);
    let steps: Vec<_> = document["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .filter(|problem| problem["code"] == "pin-state-unknown")
        .map(|problem| problem["next_step"].as_str().expect("words").to_owned())
        .collect();
    assert!(!steps.is_empty(), "{document:#}");
    let mut named = Vec::new();
    for step in &steps {
        let Some((_, command)) = step.split_once("`kortlab ") else {
            continue;
        };
        let (command, _) = command.split_once('`').expect("an end");
        let words: Vec<_> = command.split(' ').collect();
        assert_code(&lab.with_pins(&words), 0);
        named.push(command.to_owned());
    }
    assert_eq!(named, ["pin verify auth", "pin verify sign"], "{steps:?}");
}
