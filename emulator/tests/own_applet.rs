//! An applet of one's own (`examples/counter.rs`): every PC/SC program talks to it, and it is torn,
//! saved and restored like any card's.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, missing_docs)]
#[path = "../examples/counter.rs"]
mod counter;

use std::env;
use std::path::Path;

use counter::{Counter, image};
use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::{CardRng, Image, ImageFile, InProcess, Inserted, Store, VirtualCard};
use kortlab_interop::{Sandbox, VPCD_PORT};

const SELECT: [u8; 11] = *b"\x00\xA4\x04\x0C\x06\xF0COUNT";
const READ: [u8; 5] = [0x80, 0x10, 0x00, 0x00, 0x04];
const COUNT: [u8; 4] = [0x80, 0x12, 0x00, 0x00];
const VERIFY: [u8; 13] = *b"\x00\x20\x00\x01\x081234\xFF\xFF\xFF\xFF";
const DONE: [u8; 2] = [0x90, 0x00];

fn card(image: Image) -> VirtualCard {
    VirtualCard::with_applications(image, CardRng::from_seed(1), [&Counter as _]).unwrap()
}

/// Selects the applet, presents the PIN and counts once.
fn count(card: &mut Inserted<impl Store>) {
    assert_eq!(card.transmit(&SELECT), DONE);
    assert_eq!(card.transmit(&VERIFY), DONE);
    assert_eq!(card.transmit(&COUNT), DONE);
}

fn value(card: &mut Inserted<impl Store>) -> Vec<u8> {
    assert_eq!(card.transmit(&SELECT), DONE);
    let mut answer = card.transmit(&READ);
    assert_eq!(answer.split_off(4), DONE);
    answer
}

#[test]
fn the_applet_counts_behind_its_pin_and_the_master_file_knows_nothing_of_it() {
    let mut card = InProcess::ephemeral(card(image()));
    assert_eq!(card.transmit(&COUNT), [0x6E, 0x00], "not selected");
    assert_eq!(card.transmit(&SELECT), DONE);
    assert_eq!(card.transmit(&COUNT), [0x69, 0x82]);
    count(&mut card);
    count(&mut card);
    assert_eq!(value(&mut card), [0, 0, 0, 2]);
    // UPDATE BINARY is an instruction of the MF's application and not of this one.
    let update = [0x00, 0xD6, 0x81, 0x00, 0x01, 0xFF];
    assert_eq!(card.transmit(&update), [0x6D, 0x00]);
    card.card_mut().reset();
    assert_eq!(value(&mut card), [0, 0, 0, 2]);
    assert_eq!(
        card.transmit(&COUNT),
        [0x69, 0x82],
        "a reset forgets the PIN"
    );
}

#[test]
fn a_pin_of_the_applet_alone_is_forgotten_when_another_application_is_selected() {
    let mut image = image();
    image.pins[0].reference = 0x81.into();
    let mut card = InProcess::ephemeral(card(image));
    let mut verify = VERIFY;
    verify[3] = 0x81;
    let status = [0x00, 0x20, 0x00, 0x81];
    assert_eq!(card.transmit(&SELECT), DONE);
    assert_eq!(card.transmit(&verify), DONE);
    assert_eq!(card.transmit(&SELECT), DONE, "the same application");
    assert_eq!(card.transmit(&status), DONE);
    let master_file = [0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00];
    assert_eq!(card.transmit(&master_file), DONE);
    assert_eq!(card.transmit(&status), [0x63, 0xC3]);
}

#[test]
fn it_is_torn_at_every_byte_as_the_memory_of_any_card_is() {
    for technology in MemoryTechnology::ALL {
        let mut image = image();
        image.settings.memory = technology;
        let mut cuts = 0;
        for bytes in 0..200 {
            let mut card = InProcess::ephemeral(card(image.clone()));
            count(&mut card);
            assert_eq!(card.transmit(&VERIFY), DONE);
            card.card_mut()
                .schedule_power_cut(PowerCut::AfterBytes(bytes));
            let answer = card.try_transmit(&COUNT);
            let cut = answer.is_err();
            cuts += usize::from(cut);
            card.reinsert();
            let value = value(&mut card);
            let whole =
                [[0, 0, 0, 1], [0, 0, 0, 2]].contains(&value.as_slice().try_into().unwrap());
            match technology {
                MemoryTechnology::Journalled | MemoryTechnology::AtomicWrites => {
                    assert!(whole, "{technology:?} after {bytes}: {value:?}");
                }
                // Such a memory can leave anything between; the applet would have to see to it.
                _ => assert_eq!(value.len(), 4),
            }
            if !cut {
                assert_eq!(value, [0, 0, 0, 2]);
                break;
            }
        }
        assert!(cuts >= 4, "{technology:?}: {cuts}");
    }
}

#[test]
fn it_is_saved_and_restored_with_its_counter_and_the_tries_of_its_pin() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counter.json");
    let file = ImageFile::create(&path, &image()).unwrap();
    let mut first = Inserted::new(card(image()), file);
    count(&mut first);
    let mut wrong = VERIFY;
    wrong[5] = b'9';
    assert_eq!(first.transmit(&wrong), [0x63, 0xC2]);
    drop(first);
    // A program that another test starts holds what this one had open until it is itself.
    let patience = std::time::Duration::from_secs(10);
    let (file, saved) = ImageFile::open_within(&path, patience).unwrap();
    let mut again = Inserted::new(card(saved), file);
    assert_eq!(value(&mut again), [0, 0, 0, 1]);
    assert_eq!(again.transmit(&[0x00, 0x20, 0x00, 0x01]), [0x63, 0xC2]);
}

#[test]
fn a_card_without_the_applet_that_its_image_names_is_refused_and_says_which() {
    let text = image().to_json();
    let read = Image::from_json(text.as_bytes()).unwrap();
    assert_eq!(read, image());
    let error = VirtualCard::new(read, CardRng::from_seed(1))
        .map(|_| ())
        .unwrap_err();
    let line = error.to_string();
    assert!(
        line.contains("$.master_file.files[0].application"),
        "{line}"
    );
    assert!(line.contains("iso, eid"), "{line}");
}

/// What `opensc_tool_talks_to_the_applet_through_the_real_pcscd` runs inside its sandbox; by
/// itself it sees that the example tells what is wrong with its arguments.
#[test]
fn the_example_serves_the_image_that_it_is_given() {
    match env::var("KORTLAB_COUNTER") {
        Ok(path) => {
            let address = format!("127.0.0.1:{VPCD_PORT}");
            counter::serve(&address, Path::new(&path)).unwrap();
        }
        Err(_) => {
            let nowhere = Path::new("/nonexistent/counter.json");
            assert!(counter::serve("127.0.0.1:1", nowhere).is_err());
        }
    }
}

#[test]
fn opensc_tool_talks_to_the_applet_through_the_real_pcscd() {
    let sandbox = Sandbox::new().unwrap();
    let image = sandbox.file("counter.json");
    let serve = || {
        let program = sandbox
            .command(env::current_exe().unwrap())
            .args(["--exact", "the_example_serves_the_image_that_it_is_given"])
            .env("KORTLAB_COUNTER", &image);
        sandbox.insert(program).unwrap()
    };
    let hex = |bytes: &[u8]| {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        digits.join(":")
    };
    let send = |commands: &[&[u8]]| {
        let mut tool = sandbox.command("opensc-tool");
        for command in commands {
            tool = tool.args(["-s", &hex(command)]);
        }
        let output = tool.run().unwrap().success().unwrap();
        output.stdout_text()
    };
    let statuses = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("SW1="));
        lines
            .map(|line| line.replace("Received (SW1=0x", "").replace(", SW2=0x", ""))
            .map(|line| line.chars().take(4).collect())
            .collect()
    };
    let card = serve();
    let text = send(&[&SELECT, &COUNT, &VERIFY, &COUNT, &COUNT, &READ]);
    let expected = ["9000", "6982", "9000", "9000", "9000", "9000"];
    assert_eq!(statuses(&text), expected, "{text}");
    assert!(text.contains("00 00 00 02"), "{text}");
    card.kill().unwrap();
    // Pulled, and pushed in again from its image.
    let card = serve();
    let text = send(&[&SELECT, &READ]);
    assert!(text.contains("00 00 00 02"), "{text}");
    card.kill().unwrap();
}
