//! What a recorder writes is read again, in every notation; what is cut, foreign or of another
//! version is told with its place, and the rest is kept.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::sync::{Arc, Mutex};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_trace::{Format, Place, Reading, Secrets, Source, Trace, What, read};

struct Card;

impl Channel for Card {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        match command {
            [0xFF, ..] => Err(ChannelError::Link("gone".to_owned())),
            [_, 0xB0, ..] => Ok([&[0xA5; 300][..], &[0x90, 0x00]].concat()),
            _ => Ok(vec![0x90, 0x00]),
        }
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const VERIFY: &[u8] = b"\x00\x20\x00\x81\x06123456";

fn recorded(format: Format, secrets: Secrets, names: &[&str]) -> Vec<u8> {
    let paper = Paper::default();
    let meaning = Box::new(|_: &kortlab_trace::Event| Some("in words".to_owned()));
    let trace = Trace::explained(paper.clone(), format, secrets, meaning);
    for name in names {
        let mut card: Box<dyn Channel> = match *name {
            "" => Box::new(trace.record(Card)),
            name => Box::new(trace.record_as(name, Card)),
        };
        let _ = card.transmit(&[0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00]);
        let _ = card.transmit(VERIFY);
        let _ = card.transmit(&[0x00, 0xB0, 0x00, 0x00, 0x00]);
        let _ = card.transmit(&[0x00, 0xA4, 0x00]);
        let _ = card.transmit(&[0xFF, 0x00, 0x00, 0x00]);
        card.reset(ResetKind::Warm).unwrap();
        card.power_on().unwrap();
        card.power_off().unwrap();
    }
    trace.finish().unwrap();
    paper.0.lock().unwrap().clone()
}

/// What happened, without times.
fn happened(reading: &Reading) -> Vec<(Option<String>, What)> {
    let events = reading.entries.iter().map(|entry| &entry.event);
    events
        .map(|event| {
            let mut what = event.what.clone();
            match &mut what {
                What::Answer { after, .. } | What::NoAnswer { after, .. } => {
                    assert!(after.is_some());
                    *after = None;
                }
                _ => {}
            }
            (event.card.clone(), what)
        })
        .collect()
}

#[test]
fn every_notation_says_the_same_and_is_recognised_by_its_content() {
    for names in [&[""][..], &["anna", "bert"]] {
        let mut all = Vec::new();
        for (format, source) in [
            (Format::Text, Source::Text),
            (Format::Json, Source::Json),
            (Format::Pcapng, Source::Pcapng),
        ] {
            let reading = read(&recorded(format, Secrets::Masked, names));
            assert_eq!(reading.source, source);
            assert_eq!(reading.troubles, [], "{format:?}");
            assert_eq!(
                reading.card(),
                Some((&[0x3B, 0x00][..], Some(Protocol::T1)))
            );
            let exchanges = reading.exchanges();
            assert_eq!(exchanges.len(), 5 * names.len(), "{format:?}");
            assert!(exchanges.iter().all(|exchange| exchange.answer.is_some()));
            assert!(exchanges[1].command.is(VERIFY) && exchanges[1].command.bytes().is_none());
            assert_eq!(exchanges[2].answer.unwrap().unwrap().len(), 302);
            all.push(happened(&reading));
        }
        assert_eq!(all[0], all[1]);
        assert_eq!(all[0], all[2]);
    }
}

#[test]
fn no_notation_shows_a_pin_unless_it_is_asked_for() {
    for format in Format::ALL {
        for (secrets, shown) in [(Secrets::Masked, false), (Secrets::Shown, true)] {
            let trace = recorded(format, secrets, &[""]);
            let has = |text: &[u8]| trace.windows(text.len()).any(|window| window == text);
            let found = has(b"123456") || has(b"313233343536");
            assert_eq!(found, shown, "{format:?} {secrets:?}");
            let reading = read(&trace);
            let exchanges = reading.exchanges();
            assert_eq!(exchanges[1].command.bytes() == Some(VERIFY), shown);
        }
    }
}

#[test]
fn a_trace_that_is_cut_at_any_byte_keeps_what_stands_before() {
    for format in Format::ALL {
        let whole = recorded(format, Secrets::Masked, &["anna"]);
        let all = happened(&read(&whole)).len();
        for cut in (0..whole.len()).step_by(7) {
            let reading = read(&whole[..cut]);
            let kept = reading.entries.len();
            assert!(kept <= all);
            for trouble in &reading.troubles {
                assert!(!trouble.what.is_empty());
                match trouble.place {
                    Place::Byte(offset) => assert!(offset <= cut),
                    Place::Line { line, .. } => {
                        let lines = whole[..cut].split(|byte| *byte == b'\n').count();
                        assert!(line <= lines, "{trouble}");
                    }
                }
            }
        }
        let half = read(&whole[..whole.len() / 2]);
        assert!(
            half.entries.len() >= 2,
            "{format:?}: {}",
            half.entries.len()
        );
    }
}

#[test]
fn lines_in_between_and_lines_that_are_cut_are_told_with_line_and_column() {
    let text = "\
# ATR: 3B00
some program said this
00A40000023F00
# Received in 0.021 ms: 900
00B0000010
# Received in 0.3 ms: 90
# A comment of a person's
# Received in soon ms: 9000
  00 B0 00 00 0G
# Not shown: 0020008108 and
# PROTOCOL: T=7
00C00000 /4 =9000 # a script's line
# Received: 6A82
";
    let reading = read(text.as_bytes());
    let places: Vec<_> = reading
        .troubles
        .iter()
        .map(|trouble| trouble.place)
        .collect();
    let at = |line, column| Place::Line { line, column };
    assert_eq!(
        places,
        [
            at(2, 1),
            at(4, 28),
            at(6, 1),
            at(8, 11),
            at(9, 16),
            at(10, 28),
            at(11, 13)
        ],
        "{:?}",
        reading.troubles
    );
    let exchanges = reading.exchanges();
    assert_eq!(exchanges.len(), 3);
    assert_eq!(exchanges[0].answer, None);
    assert_eq!(exchanges[1].answer, Some(Ok(&[0x90][..])));
    assert_eq!(
        exchanges[2].command.bytes(),
        Some(&[0x00, 0xC0, 0, 0, 4][..])
    );
    assert_eq!(exchanges[2].answer, Some(Ok(&[0x6A, 0x82][..])));
}

#[test]
fn json_is_a_document_a_line_or_one_document_and_another_version_is_told() {
    let lines = r#"{"format":"kortlab-trace","version":2}
{"event":"card","atr":"3B00","protocol":"t1"}
{"event":"command","command":"00A40000023F00","colour":"blue"}
{"event":"smell","of":"roses"}
{"event":"answer","answer":"90"0}
{"event":"answer","answer":"9000"}
"#;
    let reading = read(lines.as_bytes());
    let told: Vec<_> = reading.troubles.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("line 1, column 1: this is version 2"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("line 4, column 1: an event of a kind"),
        "{told:?}"
    );
    assert!(
        told[2].starts_with("line 5, column 32: this is not JSON"),
        "{told:?}"
    );
    assert_eq!(reading.exchanges()[0].answer, Some(Ok(&[0x90, 0x00][..])));

    let document = r#"{
  "format": "kortlab-trace",
  "version": 1,
  "events": [
    { "event": "command", "command": "00A40000023F00" },
    { "event": "answer", "answer": "9000" },
    { "event": "command", "command": "00B0"#;
    let reading = read(document.as_bytes());
    assert_eq!(reading.entries.len(), 2);
    assert_eq!(reading.troubles.len(), 1);
    let told = reading.troubles[0].to_string();
    assert!(told.starts_with("line 7, column"), "{told}");
    assert!(told.contains("2 events before it were read"), "{told}");
    let whole = format!("{document}\" }} ] }}");
    assert_eq!(read(whole.as_bytes()).troubles, []);
    assert_eq!(read(whole.as_bytes()).entries.len(), 3);
}

/// The shape of what people post of OpenSC's debug log, old and new, other lines in between.
const OPENSC: &str = "\
P:9018; T:0x140038891418240 09:19:12.002 [opensc-tool] card.c:477:sc_lock: called
P:9018; T:0x140038891418240 09:19:12.002 [opensc-tool] reader-pcsc.c:324:pcsc_transmit: reader 'Some Reader 00 00'
P:9018; T:0x140038891418240 09:19:12.002 [opensc-tool] reader-pcsc.c:325:pcsc_transmit: 
Outgoing APDU (8 bytes):
00 A4 08 00 02 2F 00 00 ...../..
P:9018; T:0x140038891418240 09:19:12.002 [opensc-tool] reader-pcsc.c:244:pcsc_internal_transmit: called
P:9018; T:0x140038891418240 09:19:12.031 [opensc-tool] reader-pcsc.c:335:pcsc_transmit: 
Incoming APDU (25 bytes):
6F 15 81 02 00 80 82 01 01 83 02 2F 00 86 08 FF o........../....
00 00 00 00 00 00 00 90 00                      .........
P:9018; T:0x140038891418240 09:19:12.031 [opensc-tool] apdu.c:382:sc_single_transmit: returning with: 0 (Success)
2015-09-29 04:22:23.761
Outgoing APDU data [    5 bytes] =====================================
00 B0 00 00 02 .....
======================================================================
2015-09-29 04:22:23.761 [pkcs15-crypt] reader-pcsc.c:184:pcsc_internal_transmit: called
Incoming APDU data [    4 bytes] =====================================
41 42 90 00 AB..
======================================================================
Outgoing APDU (13 bytes):
00 20 00 81 08 31 32 33
";

#[test]
fn the_debug_log_of_opensc_is_read_with_its_reader_and_a_cut_end_is_told() {
    let reading = read(OPENSC.as_bytes());
    assert_eq!(reading.source, Source::OpenScLog);
    let exchanges = reading.exchanges();
    assert_eq!(exchanges.len(), 3, "{:?}", reading.entries);
    let select = [0x00, 0xA4, 0x08, 0x00, 0x02, 0x2F, 0x00, 0x00];
    assert_eq!(exchanges[0].command.bytes(), Some(&select[..]));
    assert_eq!(exchanges[0].answer.unwrap().unwrap().len(), 25);
    assert_eq!(
        exchanges[0].event.card.as_deref(),
        Some("Some Reader 00 00")
    );
    assert_eq!(exchanges[1].answer, Some(Ok(&[0x41, 0x42, 0x90, 0x00][..])));
    assert_eq!(exchanges[2].command.length(), 13);
    assert!(!format!("{:?}", reading.entries).contains("313233"));
    assert_eq!(reading.troubles.len(), 1);
    let line = OPENSC.lines().count() - 1;
    assert_eq!(reading.troubles[0].place, Place::Line { line, column: 1 });
}

/// The shape of pcscd's log.
const PCSCD: &str = "\
00000038 [140017007589056] ../PCSC/src/winscard_svc.c:383:ContextThread() Received command: TRANSMIT from client 12
00000005 [140017007589056] APDU: 00 A4 04 0C 05 A0 00 00 00 77
00000004 [140017007589056] ifdhandler.c:1384:IFDHTransmitToICC() usb:058f/9540 (lun: 0)
00171781 [140017007589056] SW: 90 00 
00000031 [1946149872] APDU: 00 84 00 00 08
00006126 [1946149872] <- 000000 80 06 00 00 00 00 1F 00 00 00 00 40 02 6D 00 2F 
00000031 [1946149872] SW: 6D 00 
00000003 APDU: 00 B0 00 00 0
";

#[test]
fn the_log_of_pcscd_is_read_with_its_times() {
    let reading = read(PCSCD.as_bytes());
    assert_eq!(reading.source, Source::PcscdLog);
    let exchanges = reading.exchanges();
    assert_eq!(exchanges.len(), 2);
    assert_eq!(exchanges[0].answer, Some(Ok(&[0x90, 0x00][..])));
    assert_eq!(exchanges[0].after.unwrap().as_micros(), 171_785);
    assert_eq!(exchanges[1].answer, Some(Ok(&[0x6D, 0x00][..])));
    assert_eq!(reading.troubles.len(), 1, "{:?}", reading.troubles);
    assert_eq!(
        reading.troubles[0].place,
        Place::Line {
            line: 8,
            column: 29
        }
    );
}

#[test]
fn packets_of_something_else_are_told_and_not_read() {
    let mut other = recorded(Format::Pcapng, Secrets::Masked, &[""]);
    // The link type of the first interface: behind the section header.
    let header = u32::from_le_bytes(other[4..8].try_into().unwrap()) as usize;
    other[header + 8] = 1;
    let reading = read(&other);
    assert!(reading.is_empty());
    let told = reading.troubles[0].to_string();
    assert!(told.contains("link type 1 "), "{told}");
    assert!(told.starts_with("byte "), "{told}");
}
