//! PINs that a card describes wrongly, or answers oddly for: what fails for one is said of that
//! one, and no try is spent on a guess.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use kortlab_apdu::{Layered, Protocol, StatusWord};
use kortlab_card::problem::code;
use kortlab_card::{Card, ErrorKind, PinRole, PinState, Problem, WhyUnknown};
use kortlab_emulator::image::{Fid, FileImage, HexBytes};
use kortlab_emulator::{Image, InProcess};
use kortlab_pkcs15::{
    Aodf, AuthenticationAttributes, Directory, Path, PinAttributes, PinFlags, Severity,
};
use support::{PROTOCOLS, Sent, Told, model, open_told, pin};

const AODF: u16 = 0x4401;

type Odd = Card<Layered<InProcess, Told>>;

/// A session with a card that answers VERIFY for the PIN 81 as it is told to.
fn open_odd(image: Image, answer: Option<&[u8]>) -> (Odd, Sent) {
    let answer = answer.map(<[u8]>::to_vec);
    open_told(image, move |card, command| match (&answer, command) {
        (Some(answer), [0x00, 0x20, 0x00, 0x81, ..]) => Ok(answer.clone()),
        _ => card.transmit(command),
    })
}

/// The commands that spend a try if they are wrong: VERIFY, CHANGE REFERENCE DATA and RESET RETRY
/// COUNTER with data.
fn with_a_pin(sent: &Sent) -> Vec<Vec<u8>> {
    let sent = sent.borrow();
    let spends = |command: &&Vec<u8>| {
        command.len() > 5 && matches!(command.get(1), Some(0x20 | 0x24 | 0x2C))
    };
    sent.iter().filter(spends).cloned().collect()
}

fn aodf(image: &mut Image) -> &mut FileImage {
    let directory = image.master_file.files_mut().into_iter().flatten();
    let mut files = directory.flat_map(|file| file.files_mut().into_iter().flatten());
    files.find(|file| file.fid == Fid(AODF)).expect("EF(AODF)")
}

/// The card with other attributes for the first PIN.
fn with_first_pin(protocol: Protocol, change: impl FnOnce(&mut PinAttributes)) -> Image {
    let mut image = model(protocol).build().expect("an image");
    let file = aodf(&mut image);
    let bytes = file
        .as_transparent_mut()
        .unwrap()
        .data
        .take()
        .unwrap_or_default();
    let mut objects: Vec<_> = Aodf::parse(&bytes.0).value.objects().cloned().collect();
    if let AuthenticationAttributes::Pin(attributes) = &mut objects[0].attributes {
        change(attributes);
    }
    let encoded = Directory::new(objects).encode().expect("it encodes");
    file.as_transparent_mut().unwrap().data = Some(HexBytes(encoded));
    image
}

fn image(protocol: Protocol) -> Image {
    with_first_pin(protocol, |_| {})
}

#[test]
fn whatever_a_card_answers_for_one_pin_the_other_is_told() {
    let refused = |status| WhyUnknown::Refused(StatusWord::new(status));
    let not_told = |status| WhyUnknown::NotTold(StatusWord::new(status));
    for (answer, why) in [
        (&[0x69, 0x84][..], refused(0x6984)),
        (&[0x6A, 0x88], refused(0x6A88)),
        (&[0x6A, 0x82], refused(0x6A82)),
        (&[0x69, 0x82], refused(0x6982)),
        (&[0x69, 0x85], refused(0x6985)),
        (&[0x6D, 0x00], refused(0x6D00)),
        (&[0x6E, 0x00], refused(0x6E00)),
        (&[0x67, 0x00], refused(0x6700)),
        (&[0x6F, 0x00], refused(0x6F00)),
        (&[0x63, 0x00], not_told(0x6300)),
        (&[0x63, 0x03], not_told(0x6303)),
        (&[0x90], WhyUnknown::Nonsense),
    ] {
        for protocol in PROTOCOLS {
            let (mut card, _) = open_odd(image(protocol), Some(answer));
            let states: Vec<_> = card
                .pins()
                .iter()
                .map(|pin| card.state_of(pin).expect("told"))
                .collect();
            let expected = [PinState::Unknown(why), PinState::TriesLeft(3)];
            assert_eq!(states, expected, "{answer:02X?}");

            let found = card.pin_states().expect("told");
            assert_eq!(
                found.iter().map(|pin| pin.state).collect::<Vec<_>>(),
                states
            );
            assert_eq!(found[0].roles, [PinRole::Authentication]);
            let problem = found[0].problem.as_ref().expect("no all-clear");
            assert_eq!(problem.code(), code::PIN_STATE_UNKNOWN);
            // A card that does not say how many tries are left is well.
            let severity = match why {
                WhyUnknown::NotTold(_) => Severity::Note,
                _ => Severity::Warning,
            };
            assert_eq!(problem.severity(), severity, "{answer:02X?}");
            assert_eq!(problem.object().map(|object| object.index), Some(0));
            assert_eq!(found[1].problem, None);
        }
    }
}

/// The codes of the problems of EF(AODF).
fn told_of_pins(card: &Odd) -> Vec<&'static str> {
    let problems = card.contents().problems.iter();
    let of_pins = problems.filter(|problem| problem.file() == "EF(AODF)");
    of_pins.map(Problem::code).collect()
}

#[test]
fn a_pin_with_a_reference_that_does_not_fit_is_listed_and_neither_asked_for_nor_sent() {
    for reference in [[0x80, 0x02, 0x01, 0x81], [0x80, 0x00, 0x80, 0x00]] {
        let mut image = image(Protocol::T1);
        let file = aodf(&mut image);
        let bytes = file.data_mut().expect("content");
        let given = [0x80, 0x02, 0x00, 0x81];
        let place = bytes.windows(4).position(|part| part == given);
        let place = place.expect("the reference of the first PIN");
        bytes[place..place + 4].copy_from_slice(&reference);
        let (mut card, sent) = open_odd(image, None);
        assert_eq!(card.pins().len(), 2);
        let only = card.pin(PinRole::Authentication).expect("listed");
        assert_eq!(only.p2(), None);
        let state = card.pin_status(PinRole::Authentication);
        let why = WhyUnknown::NoReference(only.reference);
        assert_eq!(state, Ok(PinState::Unknown(why)));
        let state = card.pin_status(PinRole::Signature);
        assert_eq!(state, Ok(PinState::TriesLeft(3)));
        assert!(told_of_pins(&card).contains(&"bad-value"));

        let role = PinRole::Authentication;
        for error in [
            card.can_send_pin(role).expect_err("no reference"),
            card.verify(role, &pin("123456")).expect_err("no reference"),
            card.change_pin(role, &pin("123456"), &pin("222222"))
                .expect_err("no reference"),
            card.unblock_pin(role, &pin("12345678"), &pin("222222"))
                .expect_err("no reference"),
        ] {
            let next = error.next_step().unwrap_or_default();
            assert!(next.contains("no try was lost"), "{error}: {next}");
        }
        assert_eq!(with_a_pin(&sent), Vec::<Vec<u8>>::new());
    }
}

#[test]
fn a_path_to_no_directory_is_a_problem_of_the_file_that_names_it() {
    for (path, fine) in [
        (&[0x3F, 0x00, 0x1F, 0xFF][..], false),
        // A certificate's file, and one that holds directory entries.
        (&[0x3F, 0x00, 0x50, 0x15, 0x43, 0x31], false),
        (&[0x3F, 0x00, 0x50, 0x15, 0x44, 0x03], false),
        (&[0x3F, 0x00, 0x50, 0x15], true),
        (&[0x3F, 0x00], true),
    ] {
        let image = with_first_pin(Protocol::T0, |pin| pin.path = Some(Path::file(path)));
        let (mut card, _) = open_odd(image, None);
        let told: &[&str] = if fine { &[] } else { &[code::DANGLING_PATH] };
        assert_eq!(told_of_pins(&card), told, "{path:02X?}");
        let found = card.pin_states().expect("told");
        assert_eq!(found[0].problem, None, "it is told once");
    }
}

#[test]
fn an_authentication_object_that_is_no_pin_is_not_passed_over_in_silence() {
    let mut image = image(Protocol::T0);
    let file = aodf(&mut image);
    let bytes = file.data_mut().expect("content");
    // [0] is a biometric template.
    bytes[0] = 0xA0;
    let (card, _) = open_odd(image, None);
    assert_eq!(card.pins().len(), 1);
    assert!(told_of_pins(&card).contains(&code::KIND_NOT_READ));
}

#[test]
fn a_pin_whose_directory_is_not_there_is_unknown_and_is_not_sent() {
    for protocol in PROTOCOLS {
        let image = with_first_pin(protocol, |pin| {
            pin.path = Some(Path::file([0x3F, 0x00, 0x1F, 0xFF]));
        });
        let (mut card, sent) = open_odd(image, None);
        let why = WhyUnknown::DirectoryRefused(StatusWord::FILE_NOT_FOUND);
        let state = card.pin_status(PinRole::Authentication);
        assert_eq!(state, Ok(PinState::Unknown(why)));
        let state = card.pin_status(PinRole::Signature);
        assert_eq!(state, Ok(PinState::TriesLeft(3)));
        let error = card.verify(PinRole::Authentication, &pin("123456"));
        let error = error.expect_err("no such directory");
        assert!(error.to_string().contains("3F00/1FFF"), "{error}");
        assert!(
            error
                .next_step()
                .is_some_and(|next| next.contains("no try"))
        );
        assert_eq!(with_a_pin(&sent), Vec::<Vec<u8>>::new());
    }
}

/// A change of the first PIN's attributes, and what of it a message names.
type Doubt = (fn(&mut PinAttributes), &'static str);

const DOUBTS: [Doubt; 8] = [
    (
        |pin| {
            pin.min_length = 9;
            pin.max_length = Some(4);
        },
        "minLength 9 is above maxLength 4",
    ),
    (
        |pin| {
            pin.stored_length = 100;
            pin.max_length = Some(100);
        },
        "storedLength is 100",
    ),
    (|pin| pin.stored_length = 0, "storedLength is 0"),
    (|pin| pin.stored_length = 6, "maxLength 8 does not fit"),
    (|pin| pin.pad_char = None, "padChar is missing"),
    (|pin| pin.min_length = 12, "minLength 12"),
    (
        |pin| pin.flags = pin.flags | PinFlags::INTEGRITY_PROTECTED,
        "under secure messaging (EF(AODF): integrity-protected)",
    ),
    (
        |pin| pin.flags = pin.flags | PinFlags::CONFIDENTIALITY_PROTECTED,
        "under secure messaging (EF(AODF): confidentiality-protected)",
    ),
];

#[test]
fn rules_that_contradict_each_other_or_cannot_be_kept_are_named_before_a_try_is_spent() {
    for (change, part) in DOUBTS {
        let (mut card, sent) = open_odd(with_first_pin(Protocol::T0, change), None);
        let role = PinRole::Authentication;
        let told = card.can_send_pin(role).expect_err(part);
        let (old, new) = (pin("123456"), pin("222222"));
        for error in [
            told,
            card.verify(role, &old).expect_err(part),
            card.change_pin(role, &old, &new).expect_err(part),
            card.unblock_pin(role, &pin("12345678"), &new)
                .expect_err(part),
        ] {
            assert_eq!(error.kind(), ErrorKind::DoubtfulPin);
            assert!(error.to_string().contains(part), "{part}: {error}");
            let next = error.next_step().unwrap_or_default();
            assert!(next.contains("--doubtful-pin"), "{next}");
        }
        assert_eq!(with_a_pin(&sent), Vec::<Vec<u8>>::new(), "{part}");
        // The other PIN has no such rules.
        card.verify(PinRole::Signature, &pin("654321"))
            .expect("verified");
    }
}

#[test]
fn who_knows_can_send_a_doubtful_pin_in_the_form_that_was_told() {
    for (change, part) in DOUBTS {
        let (mut card, sent) = open_odd(with_first_pin(Protocol::T0, change), None);
        card.send_doubtful_pins();
        let error = card.verify(PinRole::Authentication, &pin("123456")).err();
        let format = card.pin(PinRole::Authentication).expect("listed").format;
        let command = with_a_pin(&sent).first().cloned().expect("it was sent");
        let data = command.get(5..).unwrap_or_default();
        let expected = match format.stored_length {
            0 => b"123456".to_vec(),
            length => {
                let mut padded = b"123456".to_vec();
                padded.resize(length as usize, 0x00);
                padded
            }
        };
        assert_eq!(data, expected, "{part}: {format}");
        // The card itself stores eight bytes; another length costs no try there.
        assert_eq!(error.is_none(), expected.len() == 8, "{part}: {error:?}");
    }
}

#[test]
fn a_puk_of_which_the_card_says_nothing_and_that_is_shorter_than_its_pin_costs_no_try() {
    let (mut card, sent) = open_odd(image(Protocol::T0), None);
    let role = PinRole::Authentication;
    let (short, new) = (pin("12345"), pin("222222"));
    let error = card.unblock_pin(role, &short, &new).expect_err("too short");
    assert_eq!(error.kind(), ErrorKind::DoubtfulPin);
    assert_eq!(with_a_pin(&sent), Vec::<Vec<u8>>::new());
    card.send_doubtful_pins();
    let error = card.unblock_pin(role, &short, &new).expect_err("wrong");
    assert_ne!(error.kind(), ErrorKind::DoubtfulPin, "{error}");
    assert_eq!(with_a_pin(&sent).len(), 1);
}

#[test]
fn a_maximum_of_zero_is_no_limit_and_no_contradiction() {
    let image = with_first_pin(Protocol::T0, |pin| pin.max_length = Some(0));
    let (mut card, _) = open_odd(image, None);
    card.verify(PinRole::Authentication, &pin("123456"))
        .expect("verified");
}

#[test]
fn with_one_pin_for_everything_both_roles_have_it() {
    // The key for signatures is protected by the first PIN, too.
    let both = patched(Protocol::T0, 0x4402, &[("040102", "040101")]);
    let (card, _) = open_odd(with_first_pin_alone(both), None);
    assert!(card.has_one_pin());
    let only = card.pins().remove(0);
    assert_eq!(card.roles(&only), PinRole::ALL);
    let two = open_odd(model(Protocol::T0).build().expect("an image"), None).0;
    assert!(!two.has_one_pin());
    assert_eq!(two.roles(&two.pins()[1]), [PinRole::Signature]);
    assert!(two.pins()[0].flags.contains(PinFlags::NEEDS_PADDING));
}

#[test]
fn one_pin_is_not_for_everything_where_a_key_names_another_that_is_not_listed() {
    let image = model(Protocol::T0).build().expect("an image");
    let (card, _) = open_odd(with_first_pin_alone(image), None);
    assert!(!card.has_one_pin());
    assert_eq!(card.roles(&card.pins()[0]), [PinRole::Authentication]);
}

/// The card with the first of its PINs in EF(AODF) and no other.
fn with_first_pin_alone(mut image: Image) -> Image {
    let file = aodf(&mut image);
    let bytes = file
        .as_transparent_mut()
        .unwrap()
        .data
        .take()
        .unwrap_or_default();
    let first = Aodf::parse(&bytes.0).value.objects().next().cloned();
    let encoded = Directory::new(first).encode().expect("it encodes");
    file.as_transparent_mut().unwrap().data = Some(HexBytes(encoded));
    image
}

/// Bytes, in hexadecimal, and others of the same length in their place.
type Changes = &'static [(&'static str, &'static str)];

/// The card with these bytes of one of its directories replaced by others of the same length.
fn patched(protocol: Protocol, fid: u16, changes: Changes) -> Image {
    let mut image = image(protocol);
    let directory = image.master_file.files_mut().into_iter().flatten();
    let mut files = directory.flat_map(|file| file.files_mut().into_iter().flatten());
    let file = files.find(|file| file.fid == Fid(fid)).expect("the file");
    let bytes = file.data_mut().expect("content");
    let places: Vec<_> = changes
        .iter()
        .map(|(old, new)| {
            let [old, new] = [old, new].map(|text| hex::decode(text).expect("hex"));
            let place = bytes.windows(old.len()).position(|part| part == old);
            (place.expect("the bytes"), new)
        })
        .collect();
    for (place, new) in places {
        bytes[place..place + new.len()].copy_from_slice(&new);
    }
    image
}

/// What the session finds of it when it reads.
fn doubts(card: &Odd) -> Vec<Problem> {
    let is_doubt = |problem: &&Problem| problem.code() == code::DOUBTFUL_PIN;
    let problems = card.contents().problems.iter();
    problems.filter(is_doubt).cloned().collect()
}

#[test]
fn what_leaves_in_doubt_which_pin_it_is_is_found_in_the_files_and_no_pin_is_sent() {
    const PRKDF: u16 = 0x4402;
    let [auth, sign] = PinRole::ALL;
    let cases: [(u16, Changes, &str, &str, &[PinRole]); 4] = [
        // Both PINs have the reference 81: neither can be told from the other.
        (
            AODF,
            &[("80020082", "80020081")],
            "EF(AODF)",
            "both have the reference 81",
            &[auth, sign],
        ),
        // A key is protected by the PIN that is called as the other.
        (
            PRKDF,
            &[("0780040101", "0780040102")],
            "EF(PrKDF)",
            "Underskrift",
            &[auth],
        ),
        (
            PRKDF,
            &[("0780040102", "0780040101")],
            "EF(PrKDF)",
            "Legitimering",
            &[sign],
        ),
        // Nothing is wrong.
        (AODF, &[], "", "", &[]),
    ];
    for protocol in PROTOCOLS {
        for (fid, changes, file, part, roles) in cases {
            let (mut card, sent) = open_odd(patched(protocol, fid, changes), None);
            let found = doubts(&card);
            if roles.is_empty() {
                assert_eq!(found, []);
            } else {
                let first = found.first().expect(part);
                assert_eq!(first.file(), file, "{first}");
                assert!(first.message().contains(part), "{first}");
                assert!(first.counts() && first.object().is_some(), "{first}");
                assert!(first.next_step().contains("no such PIN is sent"));
            }
            for role in PinRole::ALL {
                let right = match role {
                    PinRole::Authentication => pin("123456"),
                    PinRole::Signature => pin("654321"),
                };
                let verified = card.verify(role, &right);
                if roles.contains(&role) {
                    let error = verified.expect_err(part);
                    assert_eq!(error.kind(), ErrorKind::DoubtfulPin, "{error}");
                } else {
                    verified.expect(part);
                }
            }
            let expected = PinRole::ALL.len() - roles.len();
            assert_eq!(with_a_pin(&sent).len(), expected, "{part}");
        }
    }
}
