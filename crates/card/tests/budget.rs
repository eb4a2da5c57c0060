//! Cards that could keep a reader busy for ever, and how often the files of a good one are read.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use kortlab_apdu::tlv::Builder;
use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_card::files::Budget;
use kortlab_card::problem::code;
use kortlab_card::{Against, Card, ErrorKind, PinRole};
use kortlab_emulator::image::{Fid, FileImage};
use kortlab_emulator::{Image, InProcess};
use support::{PROTOCOLS, certificates, id, insert, model, old_and_stays, on_card, pin};

const APPLICATION: [u8; 4] = [0x3F, 0x00, 0x50, 0x15];

/// A card of files alone, each at its path, that gives so many bytes with each READ BINARY.
struct Files {
    files: BTreeMap<Vec<u8>, Vec<u8>>,
    step: usize,
    pause: Duration,
    selected: Vec<u8>,
    sent: Rc<RefCell<usize>>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

impl Files {
    fn new(files: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self {
            files: files.into_iter().collect(),
            step: usize::MAX,
            pause: Duration::ZERO,
            selected: Vec::new(),
            sent: Rc::default(),
        }
    }
}

impl Channel for Files {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        *self.sent.borrow_mut() += 1;
        std::thread::sleep(self.pause);
        let [_, ins, p1, p2, rest @ ..] = command else {
            return Ok(vec![0x67, 0x00]);
        };
        match (*ins, *p1) {
            (0xA4, 0x08) => {
                let length = usize::from(rest[0]);
                self.selected = [&[0x3F, 0x00], &rest[1..=length]].concat();
                let Some(file) = self.files.get(&self.selected) else {
                    return Ok(vec![0x6A, 0x82]);
                };
                let size = u16::try_from(file.len()).unwrap().to_be_bytes();
                let fci = Builder::new().constructed(0x6F, |fci| fci.primitive(0x81, &size));
                Ok([&fci.finish()[..], &[0x90, 0x00]].concat())
            }
            (0xB0, _) => {
                let asked = match rest {
                    [0] => 256,
                    [le] => usize::from(*le),
                    [0, high, low] => usize::from(*high) << 8 | usize::from(*low),
                    _ => 0,
                };
                let offset = usize::from(*p1) << 8 | usize::from(*p2);
                let file = &self.files[&self.selected];
                let data = file.get(offset..).unwrap_or_default();
                let data = &data[..data.len().min(asked).min(self.step)];
                let status: [u8; 2] = if data.is_empty() {
                    [0x6B, 0]
                } else {
                    [0x90, 0]
                };
                Ok([data, &status].concat())
            }
            _ => Ok(vec![0x6D, 0x00]),
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
    fn max_command_data(&self) -> usize {
        65_535
    }
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    Builder::new().primitive(0x30, &parts.concat()).finish()
}

fn path(path: &[u8]) -> Vec<u8> {
    sequence(&[&Builder::new().primitive(0x04, path).finish()])
}

fn below(file_id: u16) -> Vec<u8> {
    [&APPLICATION[..], &file_id.to_be_bytes()].concat()
}

/// An object: common attributes with a label, class attributes, and the type's attributes.
fn object(common: &[u8], class: &[u8], attributes: &[u8]) -> Vec<u8> {
    let attributes = Builder::new().primitive(0xA1, attributes).finish();
    sequence(&[&sequence(&[common]), &sequence(&[class]), &attributes])
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    Builder::new().primitive(0x04, bytes).finish()
}

/// `count` entries for certificates that are all in the file 4331.
fn cdf(count: u16) -> Vec<u8> {
    let entry = |number: u16| {
        let label = Builder::new().primitive(0x0C, b"x").finish();
        let value = sequence(&[&path(&below(0x4331))]);
        object(&label, &octets(&number.to_be_bytes()), &value)
    };
    (0..count).flat_map(entry).collect()
}

/// An ODF that names these files with this tag.
fn odf(tag: u8, files: impl Iterator<Item = u16>) -> Vec<u8> {
    let entry = |file| Builder::new().primitive(tag, &path(&below(file))).finish();
    files.flat_map(entry).collect()
}

/// `directories` directories, each of 512 certificates in one and the same file of 33 kB.
fn many_certificates(directories: u16) -> Files {
    let mut certificate = vec![0x30, 0x82, 0x80, 0xF0];
    certificate.resize(33_012, 0);
    let files = (0..directories).map(|number| (below(0x6000 + number), cdf(512)));
    Files::new(files.chain([
        (below(0x5031), odf(0xA4, 0x6000..0x6000 + directories)),
        (below(0x4331), certificate),
    ]))
}

#[test]
fn a_file_that_many_objects_name_is_read_once_and_shared() {
    let card = many_certificates(1);
    let sent = Rc::clone(&card.sent);
    let mut card = Card::open(card).unwrap();
    let slots = card.slots().unwrap();
    assert_eq!(slots.len(), 512);
    assert!(!card.contents().is_cut_short());
    let place = slots[0].der.as_ptr();
    assert!(slots.iter().all(|slot| slot.der.as_ptr() == place));
    assert!(*sent.borrow() < 100, "{}", sent.borrow());
    card.check(SystemTime::now(), &Against::default()).unwrap();
    assert!(*sent.borrow() < 100, "{}", sent.borrow());
}

#[test]
fn a_card_that_gives_one_byte_at_a_time_is_read_as_far_as_the_budget_goes() {
    let card = Files {
        step: 1,
        ..many_certificates(1)
    };
    let sent = Rc::clone(&card.sent);
    let mut card = Card::open(card).unwrap();
    let checked = card.check(SystemTime::now(), &Against::default()).unwrap();
    assert!(*sent.borrow() <= Budget::CARD.commands + 10);
    assert!(card.contents().is_cut_short());
    let told = card.contents().problems.iter().map(ToString::to_string);
    let told = told.collect::<Vec<_>>().join("\n");
    assert!(
        told.contains("3F00/5015/6000") && told.contains("10000 commands"),
        "{told}"
    );
    // What was read is there, and none of it passes for good.
    assert!(
        (100..512).contains(&checked.certificates.len()),
        "{}",
        checked.certificates.len()
    );
    assert!(
        checked
            .certificates
            .iter()
            .all(|checked| !checked.problems.is_empty())
    );
}

#[test]
fn a_raised_budget_lets_the_reading_go_on() {
    let card = Files {
        step: 1,
        ..many_certificates(1)
    };
    let mut card = Card::open_within(card, Budget::CARD.times(10)).unwrap();
    assert!(!card.contents().is_cut_short());
    let slots = card.slots().unwrap();
    // Byte by byte, the offset in P1-P2 reaches 32 768.
    assert_eq!((slots.len(), slots[511].size), (512, 0x8000));
}

#[test]
fn more_objects_than_a_card_can_hold_are_not_listed_and_that_is_said() {
    let mut card = Card::open(many_certificates(28)).unwrap();
    assert_eq!(card.slots().unwrap().len(), Budget::CARD.objects);
    assert!(card.contents().is_cut_short());
    let told = card.contents().problems.iter().map(ToString::to_string);
    assert!(told.clone().any(|told| told.contains("1024 objects")));
}

/// A card with a file in DF(PKCS15) that nothing names. `known`: whether it says which card OS it has.
fn with_unlisted_file(known: bool) -> Image {
    let [_, certificate, _] = certificates();
    let mut image = old_and_stays(model(Protocol::T1));
    let dfs = image.master_file.files_mut().unwrap();
    let application = dfs.iter_mut().find(|file| file.fid == Fid(0x5015));
    let files = application.unwrap().files_mut().unwrap();
    let size = u32::try_from(certificate.len()).unwrap();
    files.push(FileImage::transparent(0x4334, size, certificate));
    if !known {
        image.data_objects.clear();
    }
    image
}

#[test]
fn where_the_search_for_files_that_nothing_names_stops_the_limit_is_said() {
    for known in [true, false] {
        let image = with_unlisted_file(known);
        let (mut stopped, mut whole) = (0, false);
        for commands in 1..1000 {
            let budget = Budget {
                commands,
                ..Budget::CARD
            };
            let Ok(mut card) = Card::open_within(insert(image.clone()), budget) else {
                continue;
            };
            let checked = card.check(SystemTime::now(), &Against::default()).unwrap();
            // Of a card that was not read whole, that is told.
            if card.contents().is_cut_short() {
                continue;
            }
            let told = checked.not_looked_for.join("; ");
            let is_found = |code| checked.problems.iter().any(|one| one.code() == code);
            let limit = format!("reading was stopped after {commands} commands");
            if told.contains(&limit) {
                stopped += 1;
                assert!(!told.contains("does not list"), "{told}");
                continue;
            }
            // Nothing is left out.
            assert!(is_found(code::CERTIFICATE_NOT_LISTED), "{commands}: {told}");
            assert!(!is_found(code::BUDGET), "{commands}: {told}");
            assert_eq!(told.contains("does not list its files"), !known, "{told}");
            whole = true;
            break;
        }
        assert!(stopped > 4 && whole, "{stopped}");
    }
}

#[test]
fn a_card_that_answers_slowly_is_left_when_its_time_is_over() {
    let slow = |pause, time| {
        let card = Files {
            step: 16,
            pause,
            ..many_certificates(1)
        };
        let budget = Budget {
            time,
            ..Budget::CARD
        };
        Card::open_within(card, budget)
    };
    let begun = Instant::now();
    let card = slow(Duration::from_millis(2), Duration::from_millis(400)).unwrap();
    assert!(card.contents().is_cut_short());
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Not even the application was reached: that is said, and not "no application".
    let error = slow(Duration::from_millis(2), Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Budget, "{error}");
    assert!(error.next_step().unwrap().contains("--budget"));
}

#[test]
fn many_keys_and_many_pins_take_time_for_each_of_them_and_not_for_each_pair() {
    let number = |number: u16| number.to_be_bytes();
    let key = |n: u16| {
        let common = octets(&number(n));
        let usage = Builder::new().primitive(0x03, &[0x05, 0x20]).finish();
        let class = [octets(&number(n)), usage].concat();
        let modulus = Builder::new().primitive(0x02, &[0x08, 0x00]).finish();
        let value = sequence(&[&path(&below(0x4B01)), &modulus]);
        object(&common, &class, &value)
    };
    let pin = |n: u16| {
        let flags = Builder::new().primitive(0x03, &[0x04, 0x30]).finish();
        let integer = |n: u8| Builder::new().primitive(0x02, &[n]).finish();
        let kind = Builder::new().primitive(0x0A, &[1]).finish();
        let attributes = sequence(&[&flags, &kind, &integer(4), &integer(8)]);
        object(&[], &octets(&number(n)), &attributes)
    };
    let (mut files, mut entries) = (Vec::new(), Vec::new());
    for file in 0..14_u16 {
        let objects = file * 400..(file + 1) * 400;
        files.push((
            below(0x6000 + file),
            objects.clone().flat_map(key).collect(),
        ));
        files.push((below(0x7000 + file), objects.flat_map(pin).collect()));
        entries.extend(odf(0xA0, [0x6000 + file].into_iter()));
        entries.extend(odf(0xA8, [0x7000 + file].into_iter()));
    }
    files.push((below(0x5031), entries));
    let card = Card::open_within(Files::new(files), Budget::CARD.times(100)).unwrap();
    let begun = Instant::now();
    let keys = card.keys();
    assert_eq!((keys.len(), card.pins().len()), (5600, 5600));
    for pin in card.pins() {
        assert!(card.pin_by_id(&pin.auth_id).is_some());
    }
    for key in &keys {
        assert!(card.key(&key.id).is_ok());
    }
    // Pair by pair it is 31 million of each: many seconds.
    let taken = begun.elapsed();
    assert!(taken < Duration::from_secs(2), "{taken:?}");
}

/// A virtual card, and what is sent to it.
#[derive(Debug)]
struct Counted {
    card: InProcess,
    sent: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl Counted {
    fn new(card: InProcess) -> (Self, Rc<RefCell<Vec<Vec<u8>>>>) {
        let sent = Rc::default();
        let counted = Self {
            card,
            sent: Rc::clone(&sent),
        };
        (counted, sent)
    }
}

impl Channel for Counted {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        self.sent.borrow_mut().push(command.to_vec());
        Channel::transmit(&mut self.card, command)
    }
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        Channel::reset(&mut self.card, kind)
    }
    fn atr(&self) -> &[u8] {
        Channel::atr(&self.card)
    }
    fn protocol(&self) -> Protocol {
        Channel::protocol(&self.card)
    }
    fn max_command_data(&self) -> usize {
        Channel::max_command_data(&self.card)
    }
}

fn reads(sent: &Rc<RefCell<Vec<Vec<u8>>>>) -> usize {
    let sent = sent.borrow();
    sent.iter().filter(|command| command[1] == 0xB0).count()
}

#[test]
fn what_was_read_is_not_read_again_until_it_is_written_or_the_card_is_read_anew() {
    let filler = vec![0x30, 0x03, 0x02, 0x01, 0x00];
    for protocol in PROTOCOLS {
        let image = model(protocol).certificate(on_card(&filler, 0x45, "Filler"));
        let (card, sent) = Counted::new(insert(image.build().unwrap()));
        let mut card = Card::open(card).unwrap();
        let slots = card.slots().unwrap();
        let once = reads(&sent);
        card.slots().unwrap();
        card.check(SystemTime::now(), &Against::default()).unwrap();
        card.public_key(&id(0x45)).unwrap();
        card.public_key(&id(0x45)).unwrap();
        let after = reads(&sent);
        assert!(after <= once + 2, "{protocol:?}: {once}, then {after}");

        // Reading a file by itself is reading: the writer compares what is on the card.
        let file = slots[0].path.clone().unwrap();
        card.files().read(&file).unwrap();
        assert!(reads(&sent) > after);

        // What is written is read anew, and other files are not.
        card.verify(PinRole::Authentication, &pin("123456"))
            .unwrap();
        card.files().update(&file, 4, &[0x07]).unwrap();
        let before = reads(&sent);
        let changed = card.slots().unwrap();
        assert_eq!(changed[0].der[..], [0x30, 0x03, 0x02, 0x01, 0x07]);
        assert_eq!(reads(&sent), before + 1);

        // Another program wrote: only a new reading can know.
        let name = kortlab_apdu::Command::new(0xD6, 0, 4)
            .with_data([0x08])
            .encode();
        let select =
            kortlab_apdu::Command::new(0xA4, 0x08, 0x0C).with_data(file.below_master_file());
        for command in [select.encode(), name] {
            let answer = card.channel_mut().transmit(&command.unwrap()).unwrap();
            assert_eq!(answer, [0x90, 0x00]);
        }
        card.refresh().unwrap();
        let changed = card.slots().unwrap();
        assert_eq!(changed[0].der[..], [0x30, 0x03, 0x02, 0x01, 0x08]);
    }
}
