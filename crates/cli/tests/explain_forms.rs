//! `kortlab explain` and the forms in which people post bytes and sessions: other programs write them here,
//! and what is not understood is said, with its line.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::process::Command;

use base64::Engine as _;
use common::{Lab, assert_code, assert_plain_error, stderr, stdout};

/// A certificate of the card, which the forms are of.
fn certificate(lab: &Lab) -> Vec<u8> {
    assert_code(
        &lab.run(&["cert", "read", "4333", "--der", "--out", "one.der"]),
        0,
    );
    fs::read(lab.path("one.der")).unwrap()
}

fn output(lab: &Lab, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(lab.directory())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_certificate_is_the_same_in_every_form_that_programs_write() {
    let lab = Lab::new("valid");
    let der = certificate(&lab);
    let expected = lab.run(&["--json", "explain", "one.der"]);
    assert_code(&expected, 0);
    let base64 = output(&lab, "openssl", &["base64", "-in", "one.der"]);
    let numbers: Vec<_> = der.iter().map(|byte| format!("0x{byte:02x}")).collect();
    let decimals: Vec<_> = der.iter().map(u8::to_string).collect();
    let escapes: String = der.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    for (name, text) in [
        ("base64", base64),
        (
            "PEM",
            output(
                &lab,
                "openssl",
                &["x509", "-inform", "DER", "-in", "one.der"],
            ),
        ),
        ("hexadecimal", format!("{}\n", hex::encode(&der))),
        (
            "od",
            output(&lab, "od", &["-A", "x", "-t", "x1", "one.der"]),
        ),
        ("od octal", output(&lab, "od", &["-t", "x1", "one.der"])),
        (
            "od with characters",
            output(&lab, "od", &["-A", "x", "-t", "x1z", "one.der"]),
        ),
        (
            "array of C",
            format!(
                "static const uint8_t der[] = {{\n{}\n}};\n",
                numbers.join(", ")
            ),
        ),
        ("list of Python", format!("[{}]\n", decimals.join(", "))),
        ("escapes", format!("\"{escapes}\"\n")),
    ] {
        // As Windows writes them, too.
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let utf16: Vec<u8> = windows.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.into_bytes(), windows.into_bytes(), utf16] {
            fs::write(lab.path("form.txt"), bytes).unwrap();
            let explained = lab.run(&["--json", "explain", "form.txt"]);
            assert_eq!(stdout(&explained), stdout(&expected), "{name}");
        }
    }
}

#[test]
fn every_block_of_a_chain_is_explained_and_what_is_not_is_counted() {
    let lab = Lab::with(&["--state", "valid", "--ca-dir", "ca"]);
    certificate(&lab);
    let leaf = output(&lab, "openssl", &["x509", "-in", "one.der"]);
    let ca = fs::read_to_string(lab.path("ca/test-siths-type-1-ca-v1.pem")).unwrap();
    let explained = |text: &str, code: i32| {
        fs::write(lab.path("chain.pem"), text).unwrap();
        let (words, json) = (
            lab.run(&["explain", "chain.pem"]),
            lab.run(&["--json", "explain", "chain.pem"]),
        );
        assert_code(&words, code);
        assert_code(&json, code);
        let document: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
        (stdout(&words), document)
    };
    let [(leaf_words, of_leaf), (_, of_ca)] = [&leaf, &ca].map(|one| explained(one, 0));
    assert!(of_leaf.get("more").is_none() && of_leaf.get("not_explained").is_none());
    // What each block says is what it says alone; the first stands where one alone does.
    for (text, first, second) in [
        (format!("{ca}{leaf}"), &of_ca, &of_leaf),
        (format!("{leaf}text\n{ca}"), &of_leaf, &of_ca),
    ] {
        let (words, document) = explained(&text, 0);
        for field in ["what", "nodes", "problems"] {
            assert_eq!(document[field], first[field], "{field}");
        }
        assert_eq!(document["more"], serde_json::json!([second]));
        assert!(words.contains("block 1 of 2: certificate"), "{words}");
        assert!(words.contains("block 2 of 2: certificate"), "{words}");
        let body = leaf_words.split_once('\n').unwrap().1;
        assert!(words.contains(body), "{words}");
    }
    // One that is not base64, and too many, are not left out in silence.
    let broken = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n";
    let (words, document) = explained(&format!("{broken}{leaf}"), 6);
    assert_eq!(document["not_explained"], 1);
    assert_eq!(document["damaged"][0]["block"], 1);
    assert!(
        words.contains("not explained: the block CERTIFICATE that begins on line 1 is not base64"),
        "{words}"
    );
    let (words, document) = explained(&format!("{leaf}-----BEGIN X-----\nBQA="), 6);
    assert_eq!(document["not_explained"], 1);
    assert!(words.contains("does not end"), "{words}");
    let (_, document) = explained(&leaf.repeat(100), 6);
    assert_eq!(document["more"].as_array().map(Vec::len), Some(31));
    assert_eq!(document["not_explained"], 68);
}

/// Judged by OpenSSL, which reads none of these either.
#[test]
fn a_damaged_block_alone_is_named_and_of_a_private_key_nothing_is_shown() {
    let lab = Lab::new("valid");
    let key = output(&lab, "openssl", &["genrsa", "2048"]);
    let lines: Vec<_> = key.lines().collect();
    let (first, last) = (lines[0], lines[lines.len() - 1]);
    let explained = |text: &str, code: i32| {
        fs::write(lab.path("block.pem"), text).unwrap();
        let run = lab.run(&["explain", "block.pem"]);
        assert_code(&run, code);
        format!("{}{}", stdout(&run), stderr(&run))
    };
    let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    assert!(explained(empty, 1).contains("begins on line 1 is empty"));
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nBAEB\n-----END RSA PRIVATE KEY-----\n";
    assert!(explained(old, 1).contains("is encrypted"));
    // Its first lines, one that is missing in it, and its last ones alone.
    for body in [
        &lines[1..4],
        &[&lines[1..3], &lines[5..20]].concat(),
        &lines[9..20],
    ] {
        let text = format!("{first}\n{}\n{last}\n", body.join("\n"));
        let told = explained(&text, 6);
        assert!(told.contains("a private key"), "{told}");
        let hex = |line: &&str| {
            let der = base64::engine::general_purpose::STANDARD
                .decode(line)
                .unwrap();
            hex::encode_upper(der)
        };
        for shown in body.iter().map(hex) {
            let digits: String = told.chars().filter(|sign| !sign.is_whitespace()).collect();
            assert!(!digits.contains(&shown[8..24]), "{told}");
        }
    }
}

#[test]
fn a_session_with_a_certificate_in_its_text_is_a_session_and_a_certificate_with_text_is_not() {
    let lab = Lab::new("valid");
    certificate(&lab);
    assert_code(&lab.run(&["--trace", "t.apdu", "pin", "status"]), 0);
    let session = fs::read_to_string(lab.path("t.apdu")).unwrap();
    let pem = output(&lab, "openssl", &["x509", "-in", "one.der"]);
    let told = output(&lab, "openssl", &["x509", "-in", "one.der", "-text"]);
    let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    for block in [&pem, empty] {
        fs::write(lab.path("both.log"), format!("{session}{block}")).unwrap();
        let run = lab.run(&["explain", "both.log"]);
        assert!(stdout(&run).contains("VERIFY PIN 81"), "{}", stdout(&run));
        assert!(stderr(&run).contains("blocks of PEM"), "{}", stderr(&run));
    }
    fs::write(lab.path("told.pem"), told).unwrap();
    let run = lab.run(&["explain", "told.pem"]);
    assert_code(&run, 0);
    assert!(stdout(&run).starts_with("certificate"), "{}", stdout(&run));
}

/// As OpenSSL makes them.
#[test]
fn of_signed_and_enveloped_messages_nothing_is_hidden() {
    let lab = Lab::new("valid");
    fs::write(lab.path("text"), "a text").unwrap();
    for (kind, options) in [("rsa", "rsa:2048"), ("pss", "rsa-pss"), ("ed", "ed25519")] {
        let make = format!(
            "req -x509 -newkey {options} -nodes -keyout k.pem -out c.pem -subj /CN=A -set_serial 5"
        );
        output(&lab, "openssl", &make.split(' ').collect::<Vec<_>>());
        let mut messages = vec!["x509 -in c.pem -outform DER -out m.der"];
        // OpenSSL 3.0 signs no CMS with Ed25519.
        if kind != "ed" {
            messages.push(
                "cms -sign -signer c.pem -inkey k.pem -in text -outform DER -out m.der -nodetach",
            );
        }
        if kind == "rsa" {
            messages.push(
                "cms -sign -signer c.pem -inkey k.pem -in text -outform DER -out m.der -noattr",
            );
            messages.push("cms -encrypt -in text -outform DER -out m.der c.pem");
        }
        for make in messages {
            output(&lab, "openssl", &make.split(' ').collect::<Vec<_>>());
            let whole = fs::read(lab.path("m.der")).unwrap();
            for part in [
                &whole[..],
                &whole[..64],
                &whole[..128],
                &whole[..200],
                &whole[100..],
            ] {
                fs::write(lab.path("part.der"), part).unwrap();
                let told = stdout(&lab.run(&["explain", "part.der"]));
                assert!(!told.contains("private key"), "{kind} {make}: {told}");
            }
        }
    }
}

/// Keys as OpenSSL writes them; what is secret in them it says, too.
#[test]
fn of_a_private_key_in_whatever_form_and_wrapping_nothing_is_shown() {
    let lab = Lab::new("valid");
    for (name, options) in [
        ("rsa", &["genpkey", "-algorithm", "RSA"][..]),
        (
            "ec",
            &["ecparam", "-genkey", "-noout", "-name", "prime256v1"],
        ),
        ("ed", &["genpkey", "-algorithm", "ed25519"]),
    ] {
        let key = output(&lab, "openssl", options);
        fs::write(lab.path("key.pem"), key).unwrap();
        let told = output(
            &lab,
            "openssl",
            &["pkey", "-in", "key.pem", "-text", "-noout"],
        );
        let start = ["prime1:", "priv:"]
            .iter()
            .find_map(|start| told.split_once(start));
        let digits: String = start.unwrap().1.lines().skip(1).take(2).collect();
        let digits = digits.replace([' ', ':'], "").to_uppercase();
        let secret = digits
            .strip_prefix("00")
            .unwrap_or(&digits)
            .get(..24)
            .unwrap();
        let certify = "req -x509 -key key.pem -subj /CN=A -out cert.pem";
        output(&lab, "openssl", &certify.split(' ').collect::<Vec<_>>());
        let wrap = "pkcs12 -export -inkey key.pem -in cert.pem -keypbe NONE -certpbe NONE -passout pass:x \
                    -out key.p12";
        output(
            &lab,
            "openssl",
            &wrap.split_whitespace().collect::<Vec<_>>(),
        );
        let mut forms = vec![fs::read(lab.path("key.p12")).unwrap()];
        let convert = "pkey -in key.pem -outform DER -out key.der";
        output(&lab, "openssl", &convert.split(' ').collect::<Vec<_>>());
        forms.push(fs::read(lab.path("key.der")).unwrap());
        if name != "ed" {
            let convert = format!("{name} -in key.pem -outform DER -out key.der");
            output(&lab, "openssl", &convert.split(' ').collect::<Vec<_>>());
            forms.push(fs::read(lab.path("key.der")).unwrap());
        }
        let last = forms.last().unwrap().clone();
        let wrapped = kortlab_apdu::tlv::object(kortlab_apdu::tlv::Tag::OCTET_STRING, &last);
        let mut damaged = last.clone();
        let version = damaged
            .windows(2)
            .position(|two| two == [0x02, 0x01])
            .unwrap()
            + 2;
        damaged[version] ^= 0x08;
        forms.extend([wrapped, damaged, last[4..].to_vec()]);
        // Written and read again in pieces, as cards do.
        let mut trace = String::from("> 00A40000024B01\n< 9000\n");
        for (ins, answers) in [("D6", false), ("B0", true)] {
            for (index, piece) in last.chunks(128).enumerate() {
                let (header, piece) = (
                    format!("00{ins}{:04X}", index * 128),
                    hex::encode_upper(piece),
                );
                trace.push_str(&match answers {
                    true => format!("> {header}80\n< {piece}9000\n"),
                    false => format!("> {header}{:02X}{piece}\n< 9000\n", piece.len() / 2),
                });
            }
        }
        forms.push(trace.clone().into_bytes());
        let in_one = last.get(..200).unwrap_or(&last);
        let length = in_one.len();
        forms.push(format!("00D60000{length:02X}{}", hex::encode_upper(in_one)).into_bytes());
        for (index, form) in forms.iter().enumerate() {
            fs::write(lab.path("form"), form).unwrap();
            for arguments in [
                &["explain", "form"][..],
                &["--json", "explain", "form"],
                &["--json", "explain", "--as", "tlv", "form"],
                &["--json", "explain", "--as", "prkdf", "form"],
                &["trace", "show", "form"],
                &["-c", "replay:form", "info"],
            ] {
                let run = lab.run(arguments);
                let told = format!("{}{}", stdout(&run), stderr(&run)).to_uppercase();
                let told = told.replace([' ', '\n', ':'], "");
                assert!(
                    !told.contains(secret),
                    "{name} {index} {arguments:?}: {told}"
                );
            }
        }
    }
}

#[test]
fn what_tshark_prints_of_a_capture_is_its_bytes() {
    let lab = Lab::new("valid");
    assert_code(&lab.run(&["--trace", "t.pcapng", "info"]), 0);
    let rows = output(
        &lab,
        "tshark",
        &["-r", "t.pcapng", "-x", "-Y", "frame.number == 2"],
    );
    fs::write(lab.path("rows.txt"), rows.trim()).unwrap();
    let explained = lab.run(&["explain", "rows.txt"]);
    // The rows are of the exported PDU: its tags, and then a command. That they are read is judged by
    // the bytes that tshark prints as hexadecimal.
    let hex = output(
        &lab,
        "tshark",
        &["-r", "t.pcapng", "-T", "jsonraw", "-Y", "frame.number == 2"],
    );
    let document: serde_json::Value = serde_json::from_str(&hex).unwrap();
    let frame = &document[0]["_source"]["layers"]["frame_raw"][0];
    let plain = lab.run(&["explain", frame.as_str().unwrap()]);
    assert_eq!(stdout(&explained), stdout(&plain), "{rows}");
}

#[test]
fn what_opensc_tool_prints_of_a_session_is_explained_command_by_command() {
    let lab = Lab::new("valid");
    let select = "00:A4:08:00:04:50:15:50:31:00";
    let read = "00:B0:00:00:30";
    let ran = lab.run(&[
        "run",
        "card.json",
        "--",
        "opensc-tool",
        "-s",
        select,
        "-s",
        read,
        "-s",
        "00:B0:7F:00:10",
    ]);
    assert_code(&ran, 0);
    fs::write(lab.path("tool.txt"), &ran.stdout).unwrap();
    let explained = lab.run(&["--json", "explain", "tool.txt"]);
    assert_code(&explained, 0);
    let document: serde_json::Value = serde_json::from_slice(&explained.stdout).unwrap();
    assert_eq!(document["source"], "opensc-tool");
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3, "{document:#}");
    // EF(ODF) as the card has it, whatever characters stand behind the rows.
    let image: serde_json::Value = serde_json::from_slice(&lab.image()).unwrap();
    let files = image["master_file"]["files"].as_array().unwrap().iter();
    let application = files.clone().find(|file| file["fid"] == "5015").unwrap();
    let odf = application["files"].as_array().unwrap().iter();
    let odf = odf.clone().find(|file| file["fid"] == "5031").unwrap();
    let content = odf["data"].as_str().unwrap();
    let answer = steps[1]["answer"].as_str().unwrap();
    let answer = answer.strip_suffix("9000").unwrap();
    assert!(content.starts_with(&answer[..content.len().min(answer.len())]));
}

#[test]
fn a_script_of_apdutool_is_commands_and_no_array() {
    let lab = Lab::new("valid");
    for text in [
        "0x00 0xA4 0x04 0x00 0x02 0xA0 0x00 0x7F;\n",
        "// select\n0x00 0xA4 0x04 0x00 0x02 0xA0 0x00 0x7F;\n0x00 0xB0 0x00 0x00 0x10;\n",
    ] {
        fs::write(lab.path("script.scr"), text).unwrap();
        let output = lab.run(&["--json", "explain", "script.scr"]);
        assert_code(&output, 0);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["source"], "apdutool", "{document:#}");
        let steps = document["steps"].as_array().unwrap().len();
        assert_eq!(steps, text.matches(';').count());
    }
}

#[test]
fn a_text_of_no_known_form_is_refused_and_its_lines_are_named() {
    let lab = Lab::new("valid");
    for (text, line) in [
        ("hello world\nthis is no trace\n", "line 1"),
        ("{ \"format\": \"another\" }\n", "line 1"),
        ("0000  00 a4 04 00\n0004  00 b0\nand more\n", "line 3"),
        ("0000  00 a4 04 00\n0020  00 b0\n", "line 2"),
        ("{ 0x00,\n  0x1FF }\n", "line 2"),
        ("{ 0x00, // one\n  /* two */ x }\n", "line 2"),
        ("0000  00 a4 04 00  and more\n", "line 1"),
        ("\\x00\\xA4 and more", "line 1"),
    ] {
        fs::write(lab.path("text.txt"), text).unwrap();
        let output = lab.run(&["explain", "text.txt"]);
        assert_plain_error(&output, 1);
        assert!(
            stderr(&output).contains(line),
            "{text}: {}",
            stderr(&output)
        );
    }
    // What is understood is kept, and what is not is told.
    fs::write(
        lab.path("text.txt"),
        "> 00 A4 04 00\n< 90 00\n00 B0 00 00 10\n",
    )
    .unwrap();
    let output = lab.run(&["explain", "text.txt"]);
    assert_code(&output, 6);
    assert!(stdout(&output).contains("SELECT") && stderr(&output).contains("line 3"));
    // What another program must unpack, a capture file with nothing whole in it, and nothing at all.
    for (bytes, word) in [
        (&b"\x1F\x8B\x08\x00\x00\x90\x00"[..], "gunzip"),
        (
            b"\x0A\x0D\x0D\x0A\x2C\0\0\0\x4D\x3C\x2B\x1A\x90\x00",
            "byte 0",
        ),
        (b"", "no bytes"),
        (b"\xEF\xBB\xBF\r\n", "no bytes"),
    ] {
        fs::write(lab.path("other"), bytes).unwrap();
        let output = lab.run(&["explain", "other"]);
        assert_plain_error(&output, 1);
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
    // A binary file is bytes.
    fs::write(lab.path("bytes"), [0x30, 0x03, 0x02, 0x01, 0x05]).unwrap();
    assert_code(&lab.run(&["explain", "bytes"]), 0);
    // One card in a list is its answer to reset.
    fs::write(lab.path("scan.txt"), "Reader 0: R\n  ATR: 3B 80 80 01 01\n").unwrap();
    let output = lab.run(&["explain", "scan.txt"]);
    assert_code(&output, 0);
    assert!(
        stdout(&output).contains("answer to reset"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_log_in_utf16_with_a_control_character_is_read_and_shows_no_pin() {
    let lab = Lab::new("valid");
    let log = "Initialized slot 0x0 with token \u{4}x\nOutgoing APDU (13 bytes):\n\
               00 20 00 81 08 31 32 33 34 35 36 00 00 . .....123456..\n\
               Incoming APDU (2 bytes):\n90 00 ..\n";
    // The same of no form that is known.
    let unknown = "token \u{4}x\nsent the PIN: it is 31 32 33 34 35 36 00 00 123456\n";
    let marked = |text: &str| format!("\u{feff}{text}");
    let little =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let big = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
    let every = |text: &str| {
        let latin = [text.as_bytes(), b"\xE5\n"].concat();
        [
            text.as_bytes().to_vec(),
            latin,
            little(&marked(text)),
            big(&marked(text)),
            little(text),
            big(text),
            [little(text), b"#".to_vec()].concat(),
        ]
    };
    // A last line that is none is told, which is a finding.
    for (text, codes) in [(log, &[0, 6][..]), (unknown, &[1])] {
        for (index, bytes) in every(text).into_iter().enumerate() {
            fs::write(lab.path("u.log"), &bytes).unwrap();
            let explained = lab.run(&["explain", "u.log"]);
            let shown = format!("{}{}", stdout(&explained), stderr(&explained));
            for pin in ["123456", "31 32 33", "313233", "  31\n"] {
                assert!(!shown.contains(pin), "{index}: {shown}");
            }
            let code = explained.status.code().unwrap();
            assert!(codes.contains(&code), "{index}: {code}: {shown}");
            assert_eq!(shown.contains("VERIFY"), text == log, "{index}: {shown}");
        }
    }
}

/// What OpenSSL says of a file, whether it likes it or not.
fn asn1parse(lab: &Lab) -> String {
    let output = Command::new("openssl")
        .args(["asn1parse", "-inform", "DER", "-in", "file"])
        .current_dir(lab.directory())
        .output()
        .unwrap();
    stdout(&output)
}

#[test]
fn a_file_of_a_kind_is_read_as_it_stands_where_only_so_it_is_of_it_and_how_is_said() {
    let lab = Lab::new("valid");
    let explain = |bytes: &[u8], kind: &str| {
        fs::write(lab.path("file"), bytes).unwrap();
        let output = lab.run(&["explain", "--as", kind, "file"]);
        (output.status.code(), stdout(&output), stderr(&output))
    };
    // Empty SEQUENCEs, which are zeros of hexadecimal in UTF-16; and SEQUENCEs in one another, which are zeros in
    // ASCII. OpenSSL sees SEQUENCEs in both.
    let empty = [0x30, 0x00].repeat(64);
    for bytes in [empty.clone(), vec![0x30; 256]] {
        let (code, out, error) = explain(&bytes, "cdf");
        assert_eq!(code, Some(6), "{out}");
        assert!(!out.contains("filler"), "{out}");
        assert!(error.contains("as the bytes that it has"), "{error}");
        let seen = asn1parse(&lab);
        assert!(seen.contains("SEQUENCE"), "{seen}");
    }
    // What is text stays text, and that is said.
    for (text, kind) in [
        ("A40A300804063F0050154403\n", "odf"),
        ("pAowCAQGPwBQFUQD\n", "odf"),
        ("00 00 00 00\n", "cdf"),
        ("FFFF", "cdf"),
        ("300A02010130053003020101", "tlv"),
        ("6A82", "status"),
    ] {
        let (_, out, error) = explain(text.as_bytes(), kind);
        assert!(error.contains("was read as text"), "{text}: {out}{error}");
    }
    // What is no text needs no word.
    let (code, _, error) = explain(
        &[0xA4, 0x0A, 0x30, 0x08, 4, 6, 0x3F, 0, 0x50, 0x15, 0x44, 3],
        "odf",
    );
    assert_eq!((code, error.as_str()), (Some(0), ""));
}

#[test]
fn a_pem_file_that_is_damaged_is_named_as_cert_write_names_it() {
    let lab = Lab::new("valid");
    certificate(&lab);
    let pem = output(
        &lab,
        "openssl",
        &["x509", "-inform", "DER", "-in", "one.der"],
    );
    let lines: Vec<_> = pem.lines().collect();
    let quoted: String = lines.iter().map(|line| format!("> {line}\n")).collect();
    for (name, text, told) in [
        ("cut.pem", lines[..6].join("\n"), "does not end"),
        ("sign.pem", pem.replacen('M', "!", 2), "is not base64"),
        ("quoted.pem", quoted, "is not base64"),
        ("returns.pem", lines[..6].join("\r"), "does not end"),
    ] {
        fs::write(lab.path(name), text).unwrap();
        let explained = lab.run(&["explain", name]);
        assert_plain_error(&explained, 1);
        let said = stderr(&explained);
        assert!(
            said.contains("the block CERTIFICATE that begins on line 1"),
            "{name}: {said}"
        );
        assert!(said.contains(told), "{name}: {said}");
        let written = stderr(&lab.with_pins(&["cert", "write", "--key", "45", name]));
        assert!(written.contains(told), "{name}: {written}");
    }
}

#[test]
fn what_stands_behind_a_certificate_is_not_its_issuers_fault() {
    let lab = Lab::new("valid");
    let der = certificate(&lab);
    for (behind, told) in [
        (&b"\n"[..], "1 byte behind the certificate"),
        (&der, "look like another certificate"),
    ] {
        fs::write(lab.path("two.der"), [&der, behind].concat()).unwrap();
        // OpenSSL reads it.
        let read = ["x509", "-inform", "DER", "-in", "two.der", "-noout"];
        output(&lab, "openssl", &read);
        let explained = lab.run(&["explain", "two.der"]);
        assert_code(&explained, 6);
        let said = stdout(&explained);
        assert!(said.contains("[behind-certificate]"), "{said}");
        assert!(said.contains(told), "{said}");
        assert!(!said.contains("issuer is at fault"), "{said}");
    }
}

#[test]
fn filler_in_an_answer_is_one_line_with_its_status_word_and_without() {
    let lab = Lab::new("valid");
    for filler in ["00", "FF"] {
        let data = format!("61094F07A0000001510000{}", filler.repeat(200));
        for given in [data.clone(), format!("{data}9000")] {
            let said = stdout(&lab.run(&["explain", &given]));
            assert!(said.lines().count() < 8, "{said}");
            assert!(said.contains("filler"), "{said}");
        }
    }
    // EF.DIR of the card, which is longer than what is in it.
    let sent = lab.run(&["apdu", "00A4080C022F00", "00B0000000"]);
    let said = stdout(&sent);
    assert!(!said.contains("00 (0)"), "{said}");
    assert!(said.contains("00, "), "{said}");
}
