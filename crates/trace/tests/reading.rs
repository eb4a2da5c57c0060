//! What a recorder writes is read again, in every notation; what is cut, foreign or of another
//! version is told with its place, and the rest is kept.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::sync::{Arc, Mutex};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_trace::{
    Entry, Event, Format, MAX_NAME, Place, Reading, Secrets, Sent, Source, Trace, What, read,
};

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

/// Commands with the PIN 4711 in them, each as ASCII, as BCD with its length before it, and as UTF-16: of
/// any class, chained or not, short or extended, to change, unblock and switch PINs, as keys and data objects.
fn with_pins() -> Vec<Vec<u8>> {
    let pins: [&[u8]; 3] = [
        b"471147",
        &[0x26, 0x47, 0x11, 0x47, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0, b'4', 0, b'7', 0, b'1', 0, b'1', 0, b'4', 0, b'7'],
    ];
    let mut commands = Vec::new();
    for pin in pins {
        for ins in [
            0x20, 0x21, 0x24, 0x25, 0x26, 0x28, 0x2C, 0x2D, 0x46, 0xC2, 0xDA, 0xDB,
        ] {
            for class in [
                0x00, 0x01, 0x0C, 0x10, 0x1C, 0x40, 0x80, 0x84, 0x90, 0xA0, 0xFF,
            ] {
                let length = pin.len() as u8;
                commands.push([&[class, ins, 0x00, 0x81, length], pin].concat());
                commands.push([&[class, ins, 0x00, 0x81, 0x00, 0x00, length], pin].concat());
                // Two PINs, an Le behind them, and a length that lies.
                commands.push([&[class, ins, 0x00, 0x81, 2 * length], pin, pin, &[0x00]].concat());
                commands.push([&[class, ins, 0x00, 0x81, 0xFF], pin].concat());
            }
        }
    }
    commands
}

#[test]
fn no_notation_shows_a_pin_of_any_command_in_any_encoding() {
    for format in Format::ALL {
        let paper = Paper::default();
        let trace = Trace::new(paper.clone(), format, Secrets::Masked);
        let mut card = trace.record(Card);
        for command in with_pins() {
            let _ = card.transmit(&command);
        }
        trace.finish().unwrap();
        let text = paper.0.lock().unwrap().clone();
        let has = |bytes: &[u8]| text.windows(bytes.len()).any(|window| window == bytes);
        for pin in [
            &b"471147"[..],
            &[0x47, 0x11, 0x47],
            b"4\x007\x001",
            b"\x004\x007\x001",
        ] {
            let upper = hex::encode_upper(pin);
            assert!(!has(pin), "{format:?} {pin:02X?}");
            // Lengths and classes stand in hexadecimal, too: shorter runs than a PIN tell nothing.
            assert!(!has(upper.as_bytes()), "{format:?} {upper}");
            assert!(!has(upper.to_lowercase().as_bytes()), "{format:?} {upper}");
        }
        assert_eq!(read(&text).exchanges().len(), with_pins().len());
        // The judge can find.
        let shown = Paper::default();
        let trace = Trace::new(shown.clone(), format, Secrets::Shown);
        let _ = trace.record(Card).transmit(b"\x00\x20\x00\x81\x06471147");
        trace.finish().unwrap();
        let text = shown.0.lock().unwrap().clone();
        let digits = b"343731313437";
        let found = text.windows(6).any(|window| window == b"471147")
            || text.windows(digits.len()).any(|window| window == digits);
        assert!(found, "{format:?}");
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

/// Commands and answers of a text, in hexadecimal: `00A4…>9000`.
fn exchanged(reading: &Reading) -> Vec<String> {
    let exchanges = reading.exchanges().into_iter();
    exchanges
        .map(|exchange| {
            let answer = match exchange.answer {
                Some(Ok(bytes)) => hex::encode_upper(bytes),
                Some(Err(why)) => why.to_owned(),
                None => String::new(),
            };
            format!("{}>{answer}", hex::encode_upper(exchange.command.shown()))
        })
        .collect()
}

#[test]
fn what_globalplatformpro_and_apdu4j_print_is_read_also_where_a_terminal_broke_it() {
    let text = "# GlobalPlatformPro v21.12.31\n\
        SCardConnect(\"Some Reader 00 00\", T=*) -> T=1, 3B8580018073C821100E\n\
        A>> T=1 (4+0008) 00A40400 08 A000000151000000\n\
        A<< (0018+2) (26ms) 6F108408A000000151000000A5049F6501FF 9000\n\
        [DEBUG] GlobalPlatform - Auto-detected ISD: A000000151000000\n\
        A>> T=1 (4+0000) 00A40400 00 \n\
        A<< (0018+2) (7ms) 6F108408A000\n\
        000151000000A5049F6501FF 9000\n\
        A>> T=1 (4+0004) 80CA9F7F 04 0102\n\
        A<< (0002+2) (1ms) 0102\n\
        A>> T=1 (4+0000) 00B00000 10\n\
        << SCARD_E_NOT_TRANSACTED\n";
    let reading = read(text.as_bytes());
    assert_eq!(reading.source, Source::GlobalPlatformLog);
    let atr = hex::decode("3B8580018073C821100E").unwrap();
    assert_eq!(reading.card(), Some((&atr[..], Some(Protocol::T1))));
    assert_eq!(reading.cards(), ["Some Reader 00 00"]);
    assert_eq!(
        exchanged(&reading),
        [
            "00A4040008A000000151000000>6F108408A000000151000000A5049F6501FF9000",
            "00A4040000>6F108408A000000151000000A5049F6501FF9000",
            "80CA9F7F040102>",
            "00B0000010>SCARD_E_NOT_TRANSACTED",
        ]
    );
    let after = reading.exchanges()[0].after;
    assert_eq!(after, Some(std::time::Duration::from_millis(26)));
    let told: Vec<_> = reading.troubles.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 9, column 1: 1 of 8 bytes are missing; the line may be cut",
            "line 10, column 1: 2 of 4 bytes are missing; the line may be cut",
        ]
    );
}

#[test]
fn what_opensc_tool_prints_is_read_and_characters_are_no_bytes() {
    let text = "Using reader with a card: Some Reader 00 00\n\
        Sending: 00 A4 04 00 \n\
        Received (SW1=0x90, SW2=0x00):\n\
        6F 12 84 10 A0 00 00 00 63 50 4B 43 53 2D 31 35 o.......cPKCS-15\n\
        61 62 63 64                                     abcd\n\
        Sending: 00 B0 00 00 03 \n\
        Received (SW1=0x90, SW2=0x00):\n\
        61 62 20 ab \n\
        Sending: 00 B0\n\
        Received (SW1=0x6A, SW2=0x82)\n";
    let reading = read(text.as_bytes());
    assert_eq!(reading.source, Source::OpenScTool);
    assert_eq!(
        exchanged(&reading),
        [
            "00A40400>6F128410A000000063504B43532D3135616263649000",
            "00B0000003>6162209000",
        ]
    );
    assert_eq!(reading.troubles.len(), 1, "{:?}", reading.troubles);
    assert_eq!(
        reading.troubles[0].place,
        Place::Line { line: 9, column: 1 }
    );
}

#[test]
fn an_answer_of_opensc_tool_without_all_its_bytes_is_told_and_is_no_answer() {
    const ROW: &str = "6F 12 84 10 A0 00 00 00 63 50 4B 43 53 2D 31 35 o.......cPKCS-15\n";
    for (rows, line, told) in [
        // Rows were announced, and none is there.
        (String::new(), 2, "0 are there, and its status word 9000"),
        ("Sending: 00 C0 00 00 00 \n".to_owned(), 2, "0 are there"),
        // A row is cut in its bytes, and in its characters.
        (format!("{ROW}6F 12 84"), 4, "cut"),
        (format!("{ROW}6F 12 84 10   o..\n{ROW}"), 4, "cut"),
    ] {
        let text = format!("Sending: 00 A4 04 00 \nReceived (SW1=0x90, SW2=0x00):\n{rows}");
        let reading = read(text.as_bytes());
        assert_eq!(exchanged(&reading)[0], "00A40400>", "{text}");
        let first = &reading.troubles[0];
        assert_eq!(first.place, Place::Line { line, column: 1 }, "{text}");
        assert!(first.what.contains(told), "{first}");
    }
    let text = format!("Sending: 00 A4 04 00 \nReceived (SW1=0x90, SW2=0x00):\n{ROW}6F 12");
    let reading = read(text.as_bytes());
    let told: Vec<_> = reading.troubles.iter().map(ToString::to_string).collect();
    assert_eq!(
        told[1..],
        [
            "line 2, column 1: bytes of this answer are missing: 16 are there, and its status word 9000"
        ]
    );
    // Where no row has characters, they were taken off.
    let text = "Sending: 00 A4 04 00 \nReceived (SW1=0x90, SW2=0x00):\n\
        61 11 4F 06 00 00 10 00 01 00 79 07 4F 05 A0 00\n00 00 03 08\n";
    let reading = read(text.as_bytes());
    assert_eq!(
        exchanged(&reading),
        ["00A40400>61114F0600001000010079074F05A000000003089000"]
    );
    assert_eq!(reading.troubles, []);
    // Without a colon nothing is announced.
    let reading = read(b"Sending: 00 A4 04 00 \nReceived (SW1=0x6A, SW2=0x82)\n");
    assert_eq!(exchanged(&reading), ["00A40400>6A82"]);
    assert_eq!(reading.troubles, []);
}

/// The same session in every form.
fn forms() -> Vec<Vec<u8>> {
    let mut forms: Vec<Vec<u8>> = [
        "Outgoing APDU (4 bytes):\n00 A4 00 00 ....\nIncoming APDU (2 bytes):\n90 00 ..\n",
        "APDU: 00 A4 00 00 \nSW: 90 00 \n",
        "A>> T=1 (4+0000) 00A40000\nA<< (0000+2) (1ms) 9000\n",
        "Sending: 00 A4 00 00 \nReceived (SW1=0x90, SW2=0x00)\n",
        "CLA: 00, INS: a4, P1: 00, P2: 00, Lc: 00, Le: 00, SW1: 90, SW2: 00\n",
        "> 00 A4 00 00\n< 90 00\n",
        "00A40000\n# Received: 9000\n",
        "{\"event\":\"command\",\"command\":\"00A40000\"}\n{\"event\":\"answer\",\"answer\":\"9000\"}\n",
        "[{\"event\":\"command\",\"command\":\"00A40000\"},{\"event\":\"answer\",\"answer\":\"9000\"}]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    // Where the first line is the only one that tells the form.
    forms.push(b"APDU: 00 A4 00 00\n".to_vec());
    forms
}

#[test]
fn every_form_may_begin_with_a_byte_order_mark_and_be_in_utf16() {
    for form in forms() {
        let text = str::from_utf8(&form).unwrap();
        let plain = read(&form);
        assert_eq!(plain.troubles, [], "{text}");
        assert!(exchanged(&plain)[0].starts_with("00A40000>"), "{text}");
        let windows = text.replace('\n', "\r\n");
        let marked = |text: &str| [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        let little = |text: &str| -> Vec<u8> {
            let text = format!("\u{feff}{text}");
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        let big = |text: &str| -> Vec<u8> {
            let text = format!("\u{feff}{text}");
            text.encode_utf16().flat_map(u16::to_be_bytes).collect()
        };
        for bytes in [
            marked(text),
            little(text),
            big(text),
            marked(&windows),
            little(&windows),
        ] {
            let reading = read(&bytes);
            assert_eq!(reading.source, plain.source, "{text}");
            assert_eq!(reading.troubles, [], "{text}");
            assert_eq!(reading.entries, plain.entries, "{text}");
        }
        // In colours, cut in the middle of a character, and with half of one that takes two.
        let coloured = format!("\u{1b}[36m\u{1b}[0m{text}");
        for odd in [
            little(&coloured),
            big(&coloured),
            [little(text), b"#".to_vec()].concat(),
            [big(text), vec![0]].concat(),
            [little(text), vec![b'\n', 0, 0x3D, 0xD8, b'\n', 0]].concat(),
            [big(text), vec![0, b'\n', 0xDE, 0x00, 0, b'\n']].concat(),
            // A control character, as the names of tokens have them, with the mark and without.
            little(&format!("{text}# token \u{4}\n")),
            little(&format!("{text}# token \u{4}\n"))[2..].to_vec(),
            big(&format!("{text}# token \u{4}\n"))[2..].to_vec(),
        ] {
            let reading = read(&odd);
            assert_eq!(reading.source, plain.source, "{text}");
            assert_eq!(exchanged(&reading), exchanged(&plain), "{text}");
        }
    }
    // An answer that goes on behind the cut is not taken for a whole one.
    let cut = "\u{feff}APDU: 00 A4 00 00\nSW: 90 00 ".encode_utf16();
    let mut cut: Vec<_> = cut.flat_map(u16::to_le_bytes).collect();
    cut.push(b'6');
    let reading = read(&cut);
    assert_eq!(exchanged(&reading), ["00A40000>"]);
    assert_eq!(reading.troubles.len(), 1);
}

#[test]
fn the_name_of_a_card_is_bounded_since_each_event_has_it() {
    let long = "ä".repeat(MAX_NAME + 1);
    let fits = "ä".repeat(MAX_NAME);
    for form in [
        "x 1 reader 'NAME'\nOutgoing APDU (4 bytes):\n00 A4 00 00 ....\n",
        "SCardConnect(\"NAME\", T=*) -> T=1, 3B00\nA>> T=1 (4+0000) 00A40000\n",
        "Using reader with a card: NAME\nSending: 00 A4 00 00 \n",
        "Reader 0: NAME\n  ATR: 3B 00\n",
        "# CARD: NAME\n# ATR: 3B00\n00A40000\n",
        "{\"event\":\"command\",\"command\":\"00A40000\",\"card\":\"NAME\"}",
    ] {
        let reading = read(form.replace("NAME", &fits).as_bytes());
        assert_eq!(reading.troubles, [], "{form}");
        let reading = read(form.replace("NAME", &long).as_bytes());
        assert_eq!(reading.cards(), [fits.as_str()], "{form}");
        assert_eq!(reading.troubles.len(), 1, "{form}");
        assert!(reading.troubles[0].what.contains("256"), "{form}");
    }
    let paper = Paper::default();
    let trace = Trace::new(paper.clone(), Format::Pcapng, Secrets::Masked);
    let mut card = trace.record_as(&long, Card);
    let _ = card.transmit(&[0x00, 0xA4, 0x00, 0x00]);
    let reading = read(&paper.0.lock().unwrap());
    assert_eq!(reading.cards(), [fits.as_str()]);
    assert_eq!(reading.troubles.len(), 1);
}

#[test]
fn a_recorded_text_whose_last_line_has_no_end_is_told() {
    let whole = "# ATR: 3B00\n00B0000002\n# Received in 0.1 ms: 61629000\n";
    assert_eq!(read(whole.as_bytes()).troubles, []);
    for (length, column) in [
        // In the middle of a comment, of an answer, of a command, and behind the last digit.
        ("# ATR: 3B00\n00B0000002\n# Recei".len(), 8),
        (
            "# ATR: 3B00\n00B0000002\n# Received in 0.1 ms: 6162".len(),
            27,
        ),
        ("# ATR: 3B00\n00B00000".len(), 9),
        (whole.len() - 1, 31),
    ] {
        let reading = read(&whole.as_bytes()[..length]);
        let told: Vec<_> = reading.troubles.iter().map(ToString::to_string).collect();
        let line = whole[..length].lines().count();
        let expected =
            format!("line {line}, column {column}: the last line has no end: it may be cut");
        assert_eq!(told, [expected]);
    }
    // Whatever it is that a recorder has written.
    for line in [
        "# Secret: 00200081",
        "# Not shown: 0020008106 and 6 bytes",
        "# No APDU: 00B0",
        "# CARD: one",
        "# PROTOCOL: T=1",
    ] {
        assert_eq!(read(format!("{line}\n").as_bytes()).troubles, [], "{line}");
        for (text, number) in [(line.to_owned(), 1), (format!("{line}\n00B0000002"), 2)] {
            let reading = read(text.as_bytes());
            let told: Vec<_> = reading.troubles.iter().map(ToString::to_string).collect();
            let column = text.lines().last().unwrap().len() + 1;
            let place = format!("line {number}, column {column}");
            let expected = format!("{place}: the last line has no end: it may be cut");
            assert_eq!(told, [expected], "{text}");
        }
    }
    // What is wrong with it is told once; a script needs no end.
    let reading = read(b"# ATR: 3B00\n# Received in 0.");
    assert_eq!(reading.troubles.len(), 1);
    assert_eq!(read(b"00B0000002 # a comment").troubles, []);
}

#[test]
fn of_two_programs_at_once_each_has_its_answers_and_its_times() {
    let text = "00000005 [111] APDU: 00 B0 00 00 02\n00000007 [222] APDU: 00 84 00 00 01\n\
        00000100 [111] SW: 61 62 90 00\n00000009 [222] SW: 05 90 00\n";
    let reading = read(text.as_bytes());
    assert_eq!(reading.cards(), ["thread 111", "thread 222"]);
    assert_eq!(
        exchanged(&reading),
        ["00B0000002>61629000", "0084000001>059000"]
    );
    let after: Vec<_> = reading.exchanges().iter().map(|one| one.after).collect();
    let micros = |micros| Some(core::time::Duration::from_micros(micros));
    assert_eq!(after, [micros(107), micros(109)]);
    // When a command was sent that does not stand there is not known.
    let text = "00000005 [111] SW: 90 00\n00000007 [111] APDU: 00 B0 00 00 02\n\
        00000100 [111] SW: 61 62 90 00\n";
    let reading = read(text.as_bytes());
    let after = reading.entries.iter().map(|entry| match &entry.event.what {
        What::Answer { after, .. } => *after,
        _ => None,
    });
    assert_eq!(after.collect::<Vec<_>>(), [None, None, micros(100)]);
    // One behind the other, they may be about one card.
    let text = "00000005 [111] APDU: 00 B0 00 00 02\n00000100 [111] SW: 61 62 90 00\n\
        00000007 [222] APDU: 00 84 00 00 01\n00000009 [222] SW: 05 90 00\n";
    assert_eq!(read(text.as_bytes()).cards(), Vec::<&str>::new());
}

#[test]
fn cards_with_as_many_names_as_threads_have_take_no_time_for_each_other() {
    const CARDS: usize = 100_000;
    let place = Place::Line { line: 1, column: 1 };
    let entry = |number: usize, what| Entry {
        place,
        event: Event {
            card: Some(format!("thread {number}")),
            time: None,
            what,
        },
    };
    let bytes = |number: usize| number.to_be_bytes().to_vec();
    let commands =
        (0..CARDS).map(|number| entry(number, What::Command(Sent::whole(bytes(number)))));
    let answer = |number: usize| What::Answer {
        bytes: bytes(number).into(),
        after: None,
    };
    let answers = (0..CARDS).rev().map(|number| entry(number, answer(number)));
    let reading = Reading {
        source: Source::PcscdLog,
        entries: commands.chain(answers).collect(),
        troubles: Vec::new(),
    };
    let exchanges = reading.exchanges();
    assert_eq!(exchanges.len(), CARDS);
    for exchange in exchanges {
        assert_eq!(exchange.answer, Some(Ok(exchange.command.shown())));
    }
}

#[test]
fn what_another_program_must_unpack_first_is_named() {
    for (bytes, word) in [
        (&b"\x1F\x8B\x08\x00\x00"[..], "gunzip"),
        (b"\xD4\xC3\xB2\xA1\x02\x00\x04\x00", "editcap"),
        (b"PK\x03\x04", "unzip"),
    ] {
        let reading = read(bytes);
        assert!(reading.is_empty());
        assert_eq!(reading.troubles[0].place, Place::Byte(0));
        assert!(reading.troubles[0].what.contains(word));
    }
}

#[test]
fn arrows_of_every_program_are_read_and_bytes_without_a_mark_are_told() {
    for (text, expected) in [
        (
            "00A40800022F00\n> 00 A4 08 00 02 2F 00 \n< 6A 82 : File not found.\n00 B0 00 00 00\n\
             > 00 B0 00 00 00\n< 61 62 63 64 61 62 63 64 61 62 63 64 61 62 63 64 \n\
             61 62 90 00 : Normal processing.\n",
            &[
                "00A40800022F00>6A82",
                "00B0000000>616263646162636461626364616263646162\
              9000",
            ][..],
        ),
        (
            "connecting to Some Reader\n> A0 A4 00 00 02 7F 10\n<   9F 1A\n> 00 B0 00 00 02\n\
             < 61 62 90 0 \n> 00 84 00 00 08\n<   6D 0 \n",
            &[
                "A0A40000027F10>9F1A",
                "00B0000002>61629000",
                "0084000008>6D00",
            ],
        ),
        (
            "-> 00a40004023f00\n<- 9000: 620482013883\n-> 00b0000002\n<- 6982:\n",
            &["00A40004023F00>6204820138839000", "00B0000002>6982"],
        ),
        (
            " => 00 A4 04 00 08 A0 00 00 00 03 00 00 00 00          ................\n\
             \x20(12 msec)\n <= 6F 10 84 08 A0 00 00 00 03 00 00 00 A5 04 9F 65    o..............e\n\
             \x20   01 FF 90 00                                        ....\nStatus: No Error\n",
            &["00A4040008A00000000300000000>6F108408A000000003000000A5049F6501FF9000"],
        ),
        (
            "select -AID a000\nCommand --> 00A4040002A000\nWrapped command --> 0CA4040002A000\n\
             Response <-- 6A82\nUnwrapped response <-- 6A82\n",
            &["0CA4040002A000>6A82"],
        ),
        ("C-APDU: 00 A4 04 00\nR-APDU: 90 00\n", &["00A40400>9000"]),
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(reading.source, Source::Arrows, "{text}");
        assert_eq!(exchanged(&reading), expected, "{text}");
        assert_eq!(reading.troubles, [], "{text}");
    }
    let reading = read(b"> RESET\n< OK: 3B 00\n> 00 A4 04 00\n< 90 00 : OK.\n");
    assert_eq!((reading.entries.len(), &reading.troubles[..]), (4, &[][..]));
    assert_eq!(reading.card(), Some((&[0x3B, 0x00][..], None)));
    let reading = read(b"> 00 A4 04 00\n< 90 00\n00 B0 00 00 10\n> nonsense\n< 9\n");
    let lines: Vec<_> = reading
        .troubles
        .iter()
        .map(|trouble| trouble.place)
        .collect();
    let line = |line| Place::Line { line, column: 1 };
    assert_eq!(lines, [line(3), line(4), line(5)]);
}

#[test]
fn scripts_of_apdutool_and_what_it_prints_are_read() {
    let text = "powerup;\n// select\n0x00 0xA4 0x04 0x00 0x02 0xA0 0x00 0x7F;\n\
        0x80 0x10 0x00 0x00\n 0x02 0x01\n 0x02;\n/* more\n of it */\necho \"hello\";\n\
        delay 100;\nnonsense;\npowerdown;\n0x00 0xB0";
    let reading = read(text.as_bytes());
    assert_eq!(reading.source, Source::ApduTool);
    assert_eq!(
        exchanged(&reading),
        ["00A4040002A0007F>", "80100000020102>"]
    );
    let told: Vec<_> = reading.troubles.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 11, column 1: this is no statement of such a script",
            "line 13, column 1: the command does not end: a semicolon is missing",
            "line 13, column 1: a command has four bytes or more",
        ]
    );
    let text = "CLA: 00, INS: a4, P1: 04, P2: 00, Lc: 02, a0, 00, Le: 00, SW1: 6a, SW2: 82\n\
        CLA: 00, INS: b0, P1: 00, P2: 00, Lc: 00, Le: 02, 61, 62, SW1: 90, SW2: 00\n\
        CLA: 00, INS: b0, P1: 00, P2: 00, Lc: 02, 61\n";
    let reading = read(text.as_bytes());
    assert_eq!(
        exchanged(&reading),
        ["00A4040002A000>6A82", "00B00000>61629000"]
    );
    assert_eq!(reading.troubles.len(), 1);
}

#[test]
fn a_number_with_a_sign_is_no_byte() {
    for (text, expected) in [
        (
            "0x00 0xA4 0x04 0x00;\n0x00 0xB0 0x00 0x+5;\n",
            "line 2, column 1: a byte as 0x00 is expected",
        ),
        (
            "CLA: 00, INS: a4, P1: 04, P2: 00, Lc: 00, Le: 00, SW1: 90, SW2: 00\n\
             CLA: 00, INS: b0, P1: +5, P2: 00, Lc: 00, Le: 00, SW1: 90, SW2: 00\n",
            "line 2, column 1: the line is cut, or not as apdutool prints it",
        ),
        (
            "Sending: 00 A4 04 00 \nReceived (SW1=0x+9, SW2=0x00)\n",
            "line 2, column 1: the status word cannot be read; the line may be cut",
        ),
        (
            "A>> T=1 (4+0000) 00A40400\nA<< (0000++2) 9000\n",
            "line 2, column 1: the line does not say how many bytes it has",
        ),
        (
            "00A40400\n# Not shown: 0020008106 and +6 bytes\n",
            "line 2, column 29: a number of bytes is expected here",
        ),
    ] {
        let reading = read(text.as_bytes());
        let told: Vec<_> = reading.troubles.iter().map(ToString::to_string).collect();
        assert_eq!(told, [expected], "{text}");
        assert_eq!(reading.exchanges().len(), 1, "{text}");
    }
}

#[test]
fn comments_in_scripts_of_apdutool_hide_nothing_that_stands_beside_them() {
    for text in [
        "/* one */ 0x00 0xA4 0x04 0x00; // two\n/* over\n lines */ 0x00 0xB0 0x00 0x00;\n",
        "/* one */ /* two */ 0x00 0xA4 0x04 0x00;\n/* a // b */ 0x00 0xB0 /* c */ 0x00\n0x00;",
        "0x00 0xA4 0x04 0x00; // not /* a comment\n0x00 0xB0 0x00 0x00;",
        "0x00 0xA4 0x04 0x00; 0x00 0xB0 0x00 0x00;",
        "echo \"a // b; /*\"; 0x00 0xA4 0x04 0x00; delay 5; 0x00 0xB0 0x00 0x00;;\n",
        "0x00 0xA4\n0x04 0x00;\n0x00 0xB0 0x00 0x00;",
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(reading.source, Source::ApduTool, "{text}");
        assert_eq!(exchanged(&reading), ["00A40400>", "00B00000>"], "{text}");
        assert_eq!(reading.troubles, [], "{text}");
    }
    for (text, expected) in [
        (
            "0x00 0xA4 0x04 0x00;\n  /* 0x00 0xB0 0x00 0x00;\n more",
            "line 2, column 3: the comment that begins here does not end; what follows it is not \
             read",
        ),
        (
            "0x00 0xA4 0x04 0x00; echo \"a; 0x00 0xB0 0x00 0x00;",
            "line 1, column 27: the text that begins here does not end",
        ),
        (
            "0x00 0xA4 0x04 0x00; /* x */ nonsense;",
            "line 1, column 30: this is no statement of such a script",
        ),
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(exchanged(&reading), ["00A40400>"], "{text}");
        let told: Vec<_> = reading.troubles.iter().map(ToString::to_string).collect();
        assert_eq!(told, [expected], "{text}");
    }
}

#[test]
fn lists_of_cards_and_the_atrs_in_logs_are_read() {
    let text = "PC/SC device scanner\n Reader 0: Some Reader 00 00\n  Card state: Card inserted, \n\
        \x20 ATR: 3B D5 18 FF 81 B1 FE 45 1F C3 80 73 C8 21 10 6F\n\n\
        ATR: 3B D5 18 FF 81 B1 FE 45 1F C3 80 73 C8 21 10 6F\n+ TS = 3B --> Direct Convention\n";
    let reading = read(text.as_bytes());
    assert_eq!(reading.source, Source::Scan);
    let atr = hex::decode("3BD518FF81B1FE451FC38073C821106F").unwrap();
    assert_eq!(reading.card(), Some((&atr[..], None)));
    assert_eq!(
        (reading.entries.len(), reading.cards()),
        (1, vec!["Some Reader 00 00"])
    );

    let pcscd = "00000031 [139741320026936] Card ATR: 3B 00 \n\
        00000005 [139741320026936] APDU: 00 A4 00 00 \n00000171 [139741320026936] SW: 90 00 \n";
    assert_eq!(
        read(pcscd.as_bytes()).card(),
        Some((&[0x3B, 0x00][..], None))
    );
    let opensc = "0x7f 10:00:00 [t] ATR     : 3b:00\n0x7f 10:00:00 [t] reader 'R'\n\
        Outgoing APDU (4 bytes):\n00 A4 00 00 ....\nIncoming APDU (2 bytes):\n90 00 ..\n";
    let reading = read(opensc.as_bytes());
    assert_eq!(reading.card(), Some((&[0x3B, 0x00][..], None)));
    assert_eq!(exchanged(&reading), ["00A40000>9000"]);
}
