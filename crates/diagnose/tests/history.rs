//! A recorded session with a virtual card can be entered at any command, and bisected.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kortlab_apdu::{Channel, Layered, Protocol, ResetKind};
use kortlab_card::files::Budget;
use kortlab_card::{Against, CardError};
use kortlab_diagnose::Diagnosing;
use kortlab_diagnose::history::{
    Found, History, Kind, NewFaults, Playing, Recording, Verdict, Walk, bisect, changes, first,
};
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::image::Generator;
use kortlab_emulator::memory::PowerCut;
use kortlab_emulator::models::eid::EidCard;
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_trace::{Format, Reading, Recorder, Secrets, Trace};

/// What is written of a trace.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn reading(&self) -> Reading {
        kortlab_trace::read(&self.0.lock().expect("whole"))
    }
}

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A card with small keys, whose image says which random numbers it gets, or does not.
fn image(with_generator: bool) -> Image {
    let mut rng = CardRng::from_seed(1);
    let [one, other] = [(); 2].map(|()| RsaKey::generate(512, &mut rng).expect("a key"));
    let card = EidCard::new("9752269700000000123", one, other).protocol(Protocol::T1);
    let mut image = card.build().expect("an image");
    image.generator = with_generator.then(|| Generator::of(&CardRng::from_seed(77)));
    image
}

type Recorded = Layered<InProcess, Recorder>;

/// A session with a card of this image, as it is recorded.
fn session(image: &Image, format: Format, work: impl FnOnce(&mut Recorded)) -> (Reading, Image) {
    let paper = Paper::default();
    let trace = Trace::new(paper.clone(), format, Secrets::Masked);
    // The generator of the image, or chance.
    let rng = CardRng::from_os().expect("random bytes");
    let card = VirtualCard::new(image.clone(), rng).expect("a card");
    let mut recorded = trace.record(InProcess::ephemeral(card));
    work(&mut recorded);
    let end = recorded.channel().card().image();
    (paper.reading(), end)
}

fn send(card: &mut impl Channel, command: &str) -> Vec<u8> {
    let command = hex::decode(command.replace(' ', "")).expect("hex");
    card.transmit(&command).expect("an answer")
}

const VERIFY: &str = "00200081 08 3132333435360000";
const WRONG: &str = "00200081 08 3939393939390000";
const CDF: &str = "00A4080C 04 50154403";
/// Sign with the authentication key: MSE SET, then PSO with a DigestInfo of SHA-1.
const SIGN: [&str; 2] = [
    "002241B6 07 800102 81024B01",
    "002A9E9A 23 3021300906052B0E03021A05000414 000102030405060708090A0B0C0D0E0F10111213 00",
];

/// Make a key file, and a key in it.
const GENERATE: [&str; 3] = [
    "00A4080C 02 5015",
    "00E00000 1B 6F19 81020000 820111 83024B10 8609 0101 024681 83012A81 8A0107",
    "00460000 09 9200 0200 0018 010001",
];

/// A session with PINs, resets, random numbers, signatures and writes.
fn eventful(card: &mut Recorded) {
    send(card, "00840000 08");
    send(card, WRONG);
    send(card, VERIFY);
    send(card, CDF);
    send(card, "00D60600 04 00000000");
    send(card, "00840000 10");
    let mut signed = Vec::new();
    for command in SIGN {
        signed = send(card, command);
    }
    assert_eq!((signed.len(), &signed[64..]), (66, &[0x90, 0x00][..]));
    for command in GENERATE {
        assert_eq!(send(card, command), [0x90, 0x00], "{command}");
    }
    card.reset(ResetKind::Warm).expect("a reset");
    send(card, CDF);
    // Not verified any more.
    send(card, "00D60000 01 30");
    card.power_off().expect("off");
    card.power_on().expect("on");
    send(card, "00200082 08 3635343332310000");
    send(card, "00240081 10 3132333435360000 3131323233330000");
    send(card, "002C0081 10 3132333435363738 3434343434340000");
    send(card, "0020008100");
    send(card, "00840000 20");
}

fn new_pins() -> Playing {
    Playing {
        cut: None,
        new_pins: [b"112233".to_vec(), b"444444".to_vec()]
            .map(Into::into)
            .into(),
    }
}

#[test]
fn a_fork_at_any_command_behaves_byte_for_byte_as_the_original_did() {
    let start = image(true);
    for format in Format::ALL {
        let (reading, end) = session(&start, format, eventful);
        let history = History::of(&reading, None).expect("commands");
        assert_eq!(history.last(), 18);
        for number in 0..=history.last() {
            let mut walk = Walk::begin(&history, start.clone(), new_pins()).expect("a card");
            assert_eq!(walk.to(number, false), [], "{format:?}, at {number}");
            // From there on as a fork: each answer is compared, and the end is the end.
            let mut fork = walk.clone();
            assert_eq!(
                fork.to(history.last(), false),
                [],
                "{format:?}, from {number}"
            );
            assert_eq!(fork.into_card().image(), end);
            // As an image it goes on, too: what chance decides next is decided.
            let text = walk.card().image().to_json();
            let image = Image::from_json(text.as_bytes()).expect("an image");
            let mut copy = VirtualCard::new(image, CardRng::from_seed(0)).expect("a card");
            let mut original = walk.into_card();
            let challenge = [0x00, 0x84, 0x00, 0x00, 0x10];
            assert_eq!(copy.transmit(&challenge), original.transmit(&challenge));
        }
    }
}

#[test]
fn the_session_state_is_the_cards_at_that_command() {
    let start = image(true);
    let (reading, _) = session(&start, Format::Text, eventful);
    let history = History::of(&reading, None).expect("commands");
    let status = |number| {
        let mut walk = Walk::begin(&history, start.clone(), new_pins()).expect("a card");
        assert_eq!(walk.to(number, false), []);
        let mut card = walk.into_card();
        (
            card.transmit(&[0x00, 0x20, 0x00, 0x81]),
            card.transmit(&[0x00, 0xB0, 0x00, 0x00, 0x01]).len(),
        )
    };
    assert_eq!(status(2).0, [0x63, 0xC2]);
    assert_eq!(status(4), (vec![0x90, 0x00], 3));
    // The PIN is gone after the reset, which comes before command 12.
    assert_eq!(status(11).0, [0x90, 0x00]);
    assert_eq!(status(12).0, [0x63, 0xC3]);
}

#[test]
fn without_the_generator_random_bytes_are_let_be_and_a_key_made_of_them_is_named() {
    let start = image(false);
    let (reading, _) = session(&start, Format::Text, |card| {
        send(card, "00840000 08");
        send(card, VERIFY);
        for command in SIGN.iter().chain(&GENERATE) {
            send(card, command);
        }
    });
    let history = History::of(&reading, None).expect("commands");
    let mut walk = Walk::begin(&history, start.clone(), Playing::default()).expect("a card");
    assert_eq!(walk.to(6, false), []);
    assert!(!walk.card().keeps_generator());
    let differences = walk.to(7, false);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!(differences[0].number, 7);
    assert_eq!(differences[0].kind, Kind::Random { instruction: 0x46 });
}

#[test]
fn what_departs_from_the_record_is_named_at_its_command() {
    let start = image(true);
    let (reading, _) = session(&start, Format::Text, eventful);
    let history = History::of(&reading, None).expect("commands");
    let differs = |image: Image, playing: Playing| {
        let mut walk = Walk::begin(&history, image, playing).expect("a card");
        let differences = walk.to(history.last(), false);
        let [difference] = differences.as_slice() else {
            panic!("{differences:?}");
        };
        (difference.number, difference.kind.clone())
    };
    // The PINs that the session has set are nowhere but in what is not shown.
    let blind = differs(start.clone(), Playing::default());
    assert_eq!(blind, (15, Kind::NotShown { instruction: 0x24 }));
    let mut one = new_pins();
    one.new_pins.pop_back();
    let blind = differs(start.clone(), one);
    assert_eq!(blind, (16, Kind::NotShown { instruction: 0x2C }));
    // Another generator.
    let mut other = start.clone();
    other.generator = Some(Generator::of(&CardRng::from_seed(78)));
    let (number, kind) = differs(other, new_pins());
    assert!(
        number == 1 && matches!(kind, Kind::Answer { .. }),
        "{kind:?}"
    );
    // Another PIN.
    let mut other = start.clone();
    other.pins[0].value = kortlab_emulator::image::SecretText::new("777777");
    other.generator.clone_from(&start.generator);
    let mut walk = Walk::begin(&history, other, new_pins()).expect("a card");
    // A VERIFY that was answered 9000 had the card's PIN, whichever that is.
    assert_eq!(walk.to(3, false), []);
    // Another protocol: another answer to reset, before all commands.
    let mut rng = CardRng::from_seed(1);
    let [a, b] = [(); 2].map(|()| RsaKey::generate(512, &mut rng).expect("a key"));
    let other = EidCard::new("9752269700000000123", a, b)
        .build()
        .expect("an image");
    let (number, kind) = differs(other, new_pins());
    assert!(number == 0 && matches!(kind, Kind::Atr { .. }), "{kind:?}");
}

#[test]
fn a_card_that_was_torn_out_is_played_to_the_byte() {
    let start = image(true);
    let cut = PowerCut::AfterBytes(3);
    let paper = Paper::default();
    let trace = Trace::new(paper.clone(), Format::Json, Secrets::Masked);
    let mut card = VirtualCard::new(start.clone(), CardRng::from_seed(5)).expect("a card");
    card.schedule_power_cut(cut);
    let mut recorded = trace.record(InProcess::ephemeral(card));
    send(&mut recorded, VERIFY);
    send(&mut recorded, CDF);
    let update = hex::decode("00D6060004AABBCCDD").expect("hex");
    assert!(recorded.transmit(&update).is_err());
    recorded.power_on().expect("in again");
    send(&mut recorded, "0020008100");
    let end = recorded.channel().card().image();
    let reading = paper.reading();
    let history = History::of(&reading, None).expect("commands");
    let torn = Playing {
        cut: Some(cut),
        ..Playing::default()
    };
    let mut walk = Walk::begin(&history, start.clone(), torn).expect("a card");
    assert_eq!(walk.to(4, false), []);
    assert_eq!(walk.into_card().image(), end);
    // Without being told where it was torn, nobody knows.
    let mut walk = Walk::begin(&history, start, Playing::default()).expect("a card");
    let differences = walk.to(4, false);
    assert_eq!(differences.len(), 1);
    assert_eq!(
        (differences[0].number, &differences[0].kind),
        (3, &Kind::Unanswered)
    );
}

fn diagnosing() -> Diagnosing {
    Diagnosing {
        budget: Budget::CARD,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        against: Against::default(),
        rules: Vec::new(),
    }
}

/// Numbers for the sessions, the same in every run.
struct Dice(CardRng);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        usize::try_from(u32::from_le_bytes(bytes)).expect("64 bits") % end
    }
}

/// Writes that break a card: the file, where, and what.
const PLANTED: [&str; 5] = [
    // EF(CDF): something that is no certificate.
    "00A4080C0450154403 00D600000404020102",
    // EF(CDF): an object that is longer than the file.
    "00A4080C0450154403 00D600000430820FFF",
    // EF(CDF): filler before a rest that is no object.
    "00A4080C0450154403 00D60080020500",
    // EF(CDF): an element cut by the end of the file.
    "00A4080C0450154403 00D607FE023070",
    // EF(UnusedSpace): free space of a file that is not there.
    "00A4080C0450155033 00D600000C300A300804063F0050154FFF",
];

/// A session of some length with one bad write in it; its number.
fn planted(card: &mut Recorded, dice: &mut Dice, which: &str) -> usize {
    let before = 1 + dice.below(10);
    let after = dice.below(10);
    let mut sent = 0;
    let harmless = |card: &mut Recorded, dice: &mut Dice| {
        let commands: &[&str] = match dice.below(6) {
            0 => &[WRONG, VERIFY],
            1 => &[CDF, "00B0000010"],
            2 => &["00840000 08"],
            // What is written is what is there: the card has written, and is as it was.
            3 => &[CDF, "00D60700 04 00000000"],
            4 => &["00A4080C 04 50154402", "00B0000004"],
            _ => &["0020008100"],
        };
        for command in commands {
            send(card, command);
        }
        commands.len()
    };
    sent += {
        send(card, VERIFY);
        1
    };
    for _ in 0..before {
        sent += harmless(card, dice);
    }
    send(card, VERIFY);
    let (select, write) = which.split_once(' ').expect("two commands");
    assert_eq!(send(card, select), [0x90, 0x00]);
    assert_eq!(send(card, write), [0x90, 0x00], "{which}");
    sent += 3;
    let bad = sent;
    for _ in 0..after {
        sent += harmless(card, dice);
    }
    assert!(sent >= bad);
    bad
}

fn found(recording: &Recording<'_>, faults: &NewFaults, every: bool) -> Result<Found, CardError> {
    let ask =
        |state: usize| -> Result<Verdict, CardError> { faults.verdict(recording.card(state)) };
    let last = recording.changing().len();
    let found = match every {
        true => first(last, ask)?,
        false => bisect(last, ask)?,
    };
    Ok(found.expect("a border"))
}

#[test]
fn of_fifty_sessions_with_one_bad_write_each_bisect_names_the_exact_command() {
    let start = image(true);
    for seed in 0..50_usize {
        let mut dice = Dice(CardRng::from_seed(seed as u64));
        let which = PLANTED[seed % PLANTED.len()];
        let mut bad = 0;
        let format = Format::ALL[seed % 3];
        let (reading, _) = session(&start, format, |card| {
            bad = planted(card, &mut dice, which);
        });
        let history = History::of(&reading, None).expect("commands");
        let walk = Walk::begin(&history, start.clone(), Playing::default()).expect("a card");
        let recording = Recording::play(walk, false).expect("no difference");
        let last = recording.changing().len();
        let (first_card, last_card) = (recording.card(0), recording.card(last));
        let faults = NewFaults::between(first_card, last_card, diagnosing()).expect("read");
        assert!(!faults.is_empty(), "{which} is not found");
        let found = found(&recording, &faults, seed % 10 == 0).expect("found");
        let command = recording.changing()[found.bad - 1];
        assert_eq!(command, bad, "seed {seed}: {which}");
        assert_eq!(found.good + 1, found.bad);
        // The finding and the change are at the file that was written.
        let findings = faults.of(recording.card(found.bad)).expect("read");
        assert!(!findings.is_empty());
        let before = recording.card(found.good);
        let changed = changes(before.state(), recording.card(found.bad).state());
        let path = format!("3F00/5015/{}", &which[14..18]);
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert_eq!(
            changed[0].path.as_ref().map(ToString::to_string),
            Some(path)
        );
    }
}

#[test]
fn a_recording_gives_every_state_also_of_many_of_which_few_are_kept() {
    let start = image(true);
    let (reading, _) = session(&start, Format::Text, |card| {
        send(card, VERIFY);
        send(card, CDF);
        for number in 0..300_u16 {
            let [high, low] = number.to_be_bytes();
            send(card, &format!("00D60600 02 {high:02X}{low:02X}"));
        }
    });
    let history = History::of(&reading, None).expect("commands");
    let walk = Walk::begin(&history, start, Playing::default()).expect("a card");
    let recording = Recording::play(walk, false).expect("no difference");
    // VERIFY takes a try and gives it back.
    assert_eq!(recording.changing().len(), 301);
    for state in [2, 3, 64, 65, 127, 128, 129, 200, 299, 300, 301] {
        let mut card = recording.card(state);
        let answer = card.transmit(&[0x00, 0xB0, 0x06, 0x00, 0x02]);
        let number = u16::try_from(state - 2).expect("short").to_be_bytes();
        assert_eq!(
            answer,
            [&number[..], &[0x90, 0x00]].concat(),
            "state {state}"
        );
    }
}
