//! Cards whose OS is known by what it lists and tells: MyEID, OsEID, IsoApplet.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use kortlab_apdu::{Channel, ChannelError, Layer, Layered, Protocol, ResetKind};
use kortlab_card::problem::code;
use kortlab_card::{Against, Card, Checked, Hash, PinRole, PinState, Scheme, WhyUnknown};
use kortlab_emulator::image::{Fid, FileContent, FileImage, ObjectOfDf};
use kortlab_emulator::{Image, InProcess};
use support::{PROTOCOLS, Sent, certificates, insert, model, old_and_stays, pin};

/// GET DATA of the list of files, as OpenSC's driver for these cards sends it.
const LIST: [u8; 5] = [0x00, 0xCA, 0x01, 0xA1, 0x00];
/// A file that no directory names, and that is not among those that are tried.
const UNLISTED: u16 = 0x5A01;

/// Notes each command.
#[derive(Debug, Default)]
struct Record(Sent);

impl Layer for Record {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        self.0.borrow_mut().push(command.to_vec());
        next.transmit(command)
    }
}

fn atr(name: &[u8; 5], protocol: Protocol) -> Vec<u8> {
    let mut atr = match protocol {
        Protocol::T0 => vec![0x3B, 0x05],
        Protocol::T1 => vec![0x3B, 0x85, 0x01],
    };
    atr.extend(name);
    if protocol == Protocol::T1 {
        let check = atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte);
        atr.push(check);
    }
    atr
}

/// A card with this name in its answer to reset, and a certificate that nothing but the list of files
/// names.
fn named(name: &[u8; 5], protocol: Protocol) -> Image {
    let [_, certificate, _] = certificates();
    let mut image = old_and_stays(model(protocol));
    image.atr = atr(name, protocol).into();
    image.data_objects.clear();
    let size = u32::try_from(certificate.len()).unwrap();
    let file = FileImage::transparent(UNLISTED, size, certificate);
    application(&mut image).files_mut().unwrap().push(file);
    image
}

fn application(image: &mut Image) -> &mut FileImage {
    let dfs = image.master_file.files_mut().unwrap();
    dfs.iter_mut().find(|file| file.fid == Fid(0x5015)).unwrap()
}

/// The same card, which lists the files of its application.
fn listing(mut image: Image) -> Image {
    let directory = application(&mut image);
    let files = directory.files_mut().unwrap();
    let list: Vec<u8> = files.iter().flat_map(|file| file.fid.bytes()).collect();
    let FileContent::Df(df) = &mut directory.content else {
        panic!("a DF");
    };
    df.objects.push(ObjectOfDf {
        tag: [0x01, 0xA1][..].into(),
        value: Some(list.into()),
        status: None,
    });
    image
}

/// What a check of the card finds, with the commands that it took.
fn checked(image: Image) -> (Checked, Sent) {
    let sent = Sent::default();
    let channel = Layered::new(insert(image), Record(Rc::clone(&sent)));
    let mut card = Card::open(channel).expect("a session");
    let checked = card.check(SystemTime::now(), &Against::default());
    (checked.expect("checked"), sent)
}

fn lists_asked_for(sent: &Sent) -> usize {
    let sent = sent.borrow();
    sent.iter().filter(|command| **command == LIST).count()
}

#[test]
fn a_certificate_that_only_the_list_of_files_of_a_myeid_card_names_is_found() {
    for protocol in PROTOCOLS {
        for name in [b"MyEID", b"OsEID"] {
            let (checked, sent) = checked(listing(named(name, protocol)));
            let mut problems = checked.problems.iter();
            let found = problems.find(|problem| problem.code() == code::CERTIFICATE_NOT_LISTED);
            assert!(found.is_some_and(|found| found.to_string().contains("5A01")));
            assert_eq!(checked.not_looked_for, [""; 0]);
            assert_eq!(lists_asked_for(&sent), 1, "{protocol:?}");
        }
    }
}

#[test]
fn a_myeid_card_that_refuses_the_list_of_its_files_is_asked_for_it_once() {
    let (checked, sent) = checked(named(b"OsEID", Protocol::T1));
    let told = checked.not_looked_for.join("; ");
    assert!(told.contains("does not list its files"), "{told}");
    assert_eq!(lists_asked_for(&sent), 1);
}

#[test]
fn a_card_of_no_known_kind_is_not_asked_for_a_list_of_files() {
    let (checked, sent) = checked(listing(named(b"HisID", Protocol::T1)));
    let told = checked.not_looked_for.join("; ");
    assert!(told.contains("does not list its files"), "{told}");
    assert_eq!(lists_asked_for(&sent), 0);
}

#[test]
fn the_pins_of_a_myeid_card_are_asked_for_without_a_try() {
    for protocol in PROTOCOLS {
        let mut image = named(b"OsEID", protocol);
        image.pins[1].tries_left = 0;
        let sent = Sent::default();
        let channel = Layered::new(insert(image), Record(Rc::clone(&sent)));
        let mut card = Card::open(channel).expect("a session");
        let mut state = |role| card.pin_status(role).expect("a state");
        for _ in 0..4 {
            assert_eq!(state(PinRole::Authentication), PinState::TriesLeft(3));
            assert_eq!(state(PinRole::Signature), PinState::Blocked);
        }
        let sent = sent.borrow();
        let mut verified = sent.iter().filter(|command| command[1] == 0x20);
        // Nothing behind the header; under T=0 P3 = 00 may be.
        assert!(verified.all(|command| command[4..].iter().all(|byte| *byte == 0)));
    }
}

/// A card as IsoApplet: its files are there while it is selected; it tells the tries of a PIN that is
/// verified, too, and does not take that back; other programs use it.
#[derive(Debug)]
struct Applet {
    card: InProcess,
    aid: &'static str,
    inside: bool,
    /// How often it was reset.
    resets: Rc<RefCell<usize>>,
}

impl Channel for Applet {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Ok(match *command {
            [0x00, 0xA4, 0x04, _, length, ref rest @ ..] => {
                let name = rest.get(..usize::from(length)).unwrap_or_default();
                if name != hex::decode(self.aid).unwrap() {
                    return Ok(vec![0x6A, 0x82]);
                }
                self.inside = true;
                self.card
                    .transmit(&[0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00])
            }
            _ if !self.inside => vec![0x69, 0x86],
            [0x00, 0x20, 0x00, _] => vec![0x63, 0xC3],
            [0x00, 0x20, 0xFF, ..] => vec![0x6A, 0x86],
            [0x00, 0xA4, ..] => {
                let answer = self.card.transmit(command);
                match *answer {
                    [0x6F, ..] => hex::decode("6F0A8608FF000000000000009000").unwrap(),
                    _ => answer,
                }
            }
            _ => self.card.transmit(command),
        })
    }
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.inside = false;
        Channel::reset(&mut self.card, kind)
    }
    fn reset_alone(&mut self, _: ResetKind) -> Result<bool, ChannelError> {
        *self.resets.borrow_mut() += 1;
        Ok(false)
    }
    fn is_shared(&self) -> bool {
        true
    }
    fn atr(&self) -> &[u8] {
        Channel::atr(&self.card)
    }
    fn protocol(&self) -> Protocol {
        Channel::protocol(&self.card)
    }
}

/// A session with a card that has an application of this AID, which is selected already, or not.
fn applet(aid: &'static str, inside: bool) -> (Card<Applet>, Rc<RefCell<usize>>) {
    let resets = Rc::<RefCell<usize>>::default();
    let applet = Applet {
        card: insert(named(b"HisID", Protocol::T1)),
        aid,
        inside,
        resets: Rc::clone(&resets),
    };
    (Card::open(applet).expect("a session"), resets)
}

const ISO_APPLET: &str = "F276A288BCFBA69D34F31001";

#[test]
fn the_pins_of_iso_applet_are_asked_for_and_those_of_an_application_of_others_are_not() {
    for inside in [false, true] {
        let (mut card, _) = applet(ISO_APPLET, inside);
        assert_eq!(card.dialect().name(), "IsoApplet");
        let state = card.pin_status(PinRole::Authentication);
        assert_eq!(state, Ok(PinState::TriesLeft(3)));
        let (mut card, _) = applet("A000000063504B43532D3135", inside);
        let state = card.pin_status(PinRole::Authentication);
        assert_eq!(state, Ok(PinState::Unknown(WhyUnknown::NotAsked)));
    }
}

#[test]
fn a_pin_of_iso_applet_that_stays_verified_is_said_to_be_left() {
    let (mut card, resets) = applet(ISO_APPLET, false);
    card.verify(PinRole::Authentication, &pin("123456"))
        .expect("verified");
    let left = card.forget_pins().expect("forgotten");
    assert_eq!((left.len(), *resets.borrow()), (1, 1));
}

#[test]
fn keys_of_a_myeid_card_sign_with_and_without_padding_by_the_card() {
    for protocol in PROTOCOLS {
        let mut card = Card::open(insert(named(b"MyEID", protocol))).expect("a session");
        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        for scheme in [Scheme::Pkcs1(Hash::Sha256), Scheme::Pss(Hash::Sha256)] {
            // What the card gives is opened with the key's public key before it is handed out.
            let signed = card.still_unlocked(PinRole::Authentication, |key| key.sign(scheme, b"x"));
            assert!(signed.is_ok(), "{scheme:?}: {signed:?}");
        }
    }
}
