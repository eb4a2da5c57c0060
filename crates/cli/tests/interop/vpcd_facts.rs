//! What vpcd does that is easy to get wrong, against the real vpcd and against one of our own
//! that does it at will.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::lab::{KORTLAB, Lab, Link, card};

// --- the real one, with scriptor as the PC/SC program ---

/// A command of `length` bytes: READ BINARY with an extended length field and data.
fn long_command(length: usize) -> String {
    let data = u16::try_from(length - 7).unwrap().to_be_bytes();
    let mut bytes = vec![0x00, 0xB0, 0x00, 0x00, 0x00, data[0], data[1]];
    bytes.resize(length, 0);
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    hex.join(" ")
}

/// What scriptor prints for these commands.
fn scriptor(lab: &Lab, commands: &str) -> kortlab_interop::Command {
    let script = lab.write("script", format!("{commands}\n").as_bytes());
    lab.tool("scriptor").arg(script)
}

fn answers(lab: &Lab) -> bool {
    let select = scriptor(lab, "00 A4 00 0C 02 3F 00").run().unwrap();
    select.stdout_text().contains("< 90 00")
}

#[test]
fn a_command_of_65535_bytes_is_answered_and_one_of_65536_does_not_reach_the_card() {
    let lab = Lab::new("valid", Link::T1);
    let longest = scriptor(&lab, &long_command(65_535)).run().unwrap();
    let text = longest.success().unwrap().stdout_text();
    // READ BINARY takes no data.
    assert!(text.contains("< 67 00"), "{text}");

    scriptor(&lab, &long_command(65_536))
        .run()
        .unwrap()
        .failure()
        .unwrap();
    // vpcd has thrown the card out, and pcscd sees it a moment later; the card comes back.
    let deadline = Instant::now() + Duration::from_secs(15);
    while !answers(&lab) {
        assert!(Instant::now() < deadline, "the card did not come back");
    }
}

#[test]
fn a_command_of_one_byte_is_taken_for_a_control_message_if_it_is_one() {
    let lab = Lab::new("valid", Link::T1);
    // 04 asks for the ATR, 03 nothing: the card answers it as a command that is too short.
    let text = scriptor(&lab, "04\n03").run().unwrap().stdout_text();
    assert!(text.contains("< 3B "), "{text}");
    assert!(text.contains("< 67 00"), "{text}");
    assert!(answers(&lab));
}

#[test]
fn a_command_of_one_byte_that_means_power_off_hangs_vpcd_only_until_the_card_is_ejected() {
    let mut lab = Lab::new("valid", Link::T1);
    // vpcd waits for an answer that the protocol does not provide for; no card can help it.
    let hanging = scriptor(&lab, "00").timeout(Duration::from_secs(2)).run();
    assert!(hanging.is_err());
    lab.eject().success().unwrap();
    lab.insert();
    assert!(answers(&lab));
}

// --- our own ---

/// A vpcd that does what the test says.
struct Reader {
    listener: TcpListener,
    stream: TcpStream,
}

/// `kortlab emulate`, with this reader.
struct Emulate {
    child: Child,
    _image: tempfile::TempDir,
}

impl Drop for Emulate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reader {
    fn with_card(state: &str, protocol: &str) -> (Self, Emulate) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("card.json");
        std::fs::write(&image, card(state, protocol)).unwrap();
        let child = Command::new(KORTLAB)
            .args(["emulate", "--vpcd"])
            .arg(listener.local_addr().unwrap().to_string())
            .arg(image)
            .env_remove("KORTLAB_CARD")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let emulate = Emulate {
            child,
            _image: directory,
        };
        let (stream, _) = listener.accept().unwrap();
        (Self { listener, stream }.prepared(), emulate)
    }

    fn prepared(self) -> Self {
        let timeout = Some(Duration::from_secs(20));
        self.stream.set_read_timeout(timeout).unwrap();
        self.stream.set_nodelay(true).unwrap();
        self
    }

    /// Closes the connection and waits for the card to come again.
    fn reconnected(self) -> Self {
        let Self { listener, stream } = self;
        drop(stream);
        let (stream, _) = listener.accept().unwrap();
        Self { listener, stream }.prepared()
    }

    fn send(&mut self, content: &[u8]) {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        self.stream
            .write_all(&[&length[..], content].concat())
            .unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut length = [0; 2];
        self.stream.read_exact(&mut length).unwrap();
        let mut content = vec![0; usize::from(u16::from_be_bytes(length))];
        self.stream.read_exact(&mut content).unwrap();
        content
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.send(command);
        self.receive()
    }

    fn atr(&mut self) -> Vec<u8> {
        self.transmit(&[0x04])
    }
}

const SELECT_MF: [u8; 7] = [0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00];

#[test]
fn no_frame_makes_the_card_answer_with_an_empty_one() {
    let (mut reader, _emulate) = Reader::with_card("valid", "t1");
    // Controls and an empty frame get no answer at all, so the next frame is the ATR.
    for control in [&[0x00][..], &[0x01], &[0x02], &[]] {
        reader.send(control);
        assert_eq!(reader.atr()[0], 0x3B);
    }
    reader.send(&[0x01]);
    for length in [2, 3, 4, 5, 6, 255, 256, 65_535] {
        let answer = reader.transmit(&vec![0x00; length]);
        assert!(
            answer.len() >= 2,
            "{length} bytes were answered with {answer:02X?}"
        );
    }
    assert_eq!(reader.transmit(&SELECT_MF), [0x90, 0x00]);
}

#[test]
fn a_new_connection_is_a_card_just_pushed_in_that_knows_no_pin() {
    const SELECT_KEY: [u8; 9] = [0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x15, 0x4B, 0x01];
    const SELECT_5015: [u8; 7] = [0x00, 0xA4, 0x08, 0x0C, 0x02, 0x50, 0x15];
    const VERIFY: [u8; 13] = [
        0x00, 0x20, 0x00, 0x81, 0x08, b'1', b'2', b'3', b'4', b'5', b'6', 0x00, 0x00,
    ];
    const MSE: [u8; 12] = [
        0x00, 0x22, 0x41, 0xB6, 0x07, 0x80, 0x01, 0x02, 0x81, 0x02, 0x4B, 0x01,
    ];
    let mut sign = vec![0x00, 0x2A, 0x9E, 0x9A, 0x23];
    sign.extend([0x30; 0x23]);

    let (mut reader, _emulate) = Reader::with_card("valid", "t0");
    assert_eq!(reader.transmit(&SELECT_5015), [0x90, 0x00]);
    assert_eq!(reader.transmit(&VERIFY), [0x90, 0x00]);
    let signs = |reader: &mut Reader| {
        assert_eq!(reader.transmit(&SELECT_KEY), [0x90, 0x00]);
        assert_eq!(reader.transmit(&MSE), [0x90, 0x00]);
        reader.transmit(&sign)
    };
    assert_eq!(signs(&mut reader)[0], 0x61, "with the PIN");

    // pcscd polls every 400 ms: only a card that stays away longer is seen to leave.
    let away = Instant::now();
    let mut reader = reader.reconnected();
    assert!(
        away.elapsed() >= Duration::from_secs(1),
        "{:?}",
        away.elapsed()
    );
    // vpcd sends neither ON nor RESET to a card that came back too soon.
    assert_eq!(signs(&mut reader), [0x69, 0x82], "without the PIN");
}

#[test]
fn garbage_from_the_reader_is_survived() {
    let (mut reader, mut emulate) = Reader::with_card("valid", "t0");
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xFF],
        &[0xFF, 0xFF, 0x00],
        &[0x00, 0x04, 0x00],
    ] {
        reader.stream.write_all(garbage).unwrap();
        reader = reader.reconnected();
        assert_eq!(reader.atr()[0], 0x3B);
    }
    reader.send(&[0x01]);
    assert_eq!(reader.transmit(&SELECT_MF), [0x90, 0x00]);
    assert!(emulate.child.try_wait().unwrap().is_none());
}

#[test]
fn the_answers_come_without_the_delay_of_nagle_and_delayed_acknowledgements() {
    let (mut reader, _emulate) = Reader::with_card("valid", "t1");
    reader.send(&[0x01]);
    reader.transmit(&SELECT_MF);
    // As Debian 12's vpcd sends: Nagle's algorithm on, length and content in two pieces. 40 ms
    // each without TCP_QUICKACK, so 4 s; a fraction of that even on a busy machine with it.
    reader.stream.set_nodelay(false).unwrap();
    let start = Instant::now();
    for _ in 0..100 {
        let length = u16::try_from(SELECT_MF.len()).unwrap().to_be_bytes();
        reader.stream.write_all(&length).unwrap();
        reader.stream.write_all(&SELECT_MF).unwrap();
        assert_eq!(reader.receive(), [0x90, 0x00]);
    }
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}
