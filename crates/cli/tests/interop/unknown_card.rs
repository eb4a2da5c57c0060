//! Cards that are not what a program looks for.

use kortlab_interop::Sandbox;
use serde_json::Value;

use crate::lab::{Lab, Link, card};

/// The applications that OpenSC 0.23 and master look for on a card they do not know, in the order
/// in which they do.
const PROBED: [&str; 14] = [
    "627601FF000000",
    "A00000000101",
    "E82B0601040181C31F0201",
    "D23300000045737445494420763335",
    "A00000030800001000",
    "A000000116DB00",
    "A0000000791000",
    "A00000007901",
    "A0000000790100",
    "A000000079010F",
    "F276A288BCFBA69D34F31001",
    "A00000039742544659",
    "D27600012401",
    "D392F000260100000001",
];

#[test]
fn every_application_that_middleware_probes_for_is_answered_with_6a82() {
    for link in [Link::T0, Link::T1] {
        let lab = Lab::new("valid", link);
        for aid in PROBED {
            for p2 in ["00", "0C"] {
                let command = format!("00A404{p2}{:02X}{aid}", aid.len() / 2);
                let sent = lab
                    .tool("opensc-tool")
                    .args(["-s", &command])
                    .run()
                    .unwrap();
                let text = sent.success().unwrap().stdout_text();
                assert!(text.contains("SW1=0x6A, SW2=0x82"), "{command}: {text}");
            }
        }
    }
}

/// Every command and status word that pcscd's log holds, in hexadecimal.
fn exchanges(sandbox: &Sandbox) -> Vec<(String, String)> {
    let log = sandbox.pcscd_log();
    let bytes = |line: &str, marker: &str| {
        let (_, bytes) = line.split_once(marker)?;
        Some(bytes.split_whitespace().collect::<String>())
    };
    let mut command = None;
    let mut exchanges = Vec::new();
    for line in log.lines() {
        if let Some(sent) = bytes(line, "APDU: ") {
            command = Some(sent);
        } else if let Some(answer) = bytes(line, "SW: ") {
            exchanges.extend(command.take().map(|sent| (sent, answer)));
        }
    }
    exchanges
}

#[test]
fn opensc_finds_no_application_on_a_card_nobody_knows() {
    // A valid card but for its ATR, which is in no table, and for the applet's version, which
    // OpenSC asks for.
    let mut lab = Lab::from(Sandbox::builder().verbose(true));
    let mut image: Value = serde_json::from_slice(&card("valid", "t1")).unwrap();
    image["atr"] = "3B800181".into();
    image["data_objects"].as_array_mut().unwrap().clear();
    lab.write("card.json", image.to_string().as_bytes());
    lab.insert();
    let name = lab.tool("opensc-tool").arg("-n").run().unwrap();
    let text = name.text();
    assert!(!text.contains("SetCOS") && !text.contains("PIV"), "{text}");

    let exchanges = exchanges(&lab.sandbox);
    let by_name = exchanges
        .iter()
        .filter(|(sent, _)| sent.starts_with("00A404"));
    let mut probed = 0;
    for (sent, answer) in by_name {
        assert!(answer.ends_with("6A82"), "{sent} got {answer}");
        probed += 1;
    }
    assert!(probed >= 10, "OpenSC probed {probed} applications only");
}

#[test]
fn a_card_without_pkcs15_is_one_clear_line_and_exit_code_5() {
    let lab = Lab::with_changed_card("valid", Link::T0, |image| {
        image["master_file"]["files"]
            .as_array_mut()
            .unwrap()
            .clear();
    });
    for command in [&["pin", "status"][..], &["cert", "list"], &["key", "list"]] {
        let output = lab.kortlab(command).run().unwrap().code(5).unwrap();
        assert_eq!(output.stdout_text(), "");
        let said = output.stderr_text();
        assert!(said.starts_with("error: "), "{said}");
    }
    // The ATR needs no PKCS#15, nor does what the card is.
    lab.kortlab(&["atr"]).run().unwrap().success().unwrap();
    let output = lab.kortlab(&["info"]).run().unwrap().code(6).unwrap();
    let text = output.stdout_text();
    assert!(
        text.contains("not PKCS#15") && text.contains("6A82"),
        "{text}"
    );
}
