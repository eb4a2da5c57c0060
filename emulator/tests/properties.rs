//! What holds of the card whatever it is sent.

use kortlab_emulator::{CardRng, Image, VirtualCard};
use proptest::collection::vec;
use proptest::prelude::*;

const T0: &[u8] = include_bytes!("../../vectors/emulator/small-card-t0.json");
const T1: &[u8] = include_bytes!("../../vectors/emulator/small-card-t1.json");

fn card(t0: bool) -> VirtualCard {
    let image = Image::from_json(if t0 { T0 } else { T1 }).expect("a card image");
    VirtualCard::new(image, CardRng::from_seed(1)).expect("a card")
}

fn tries(card: &VirtualCard) -> Vec<u8> {
    let pins = &card.state().pins;
    pins.iter().map(|pin| pin.tries_left).collect()
}

/// The bytes of a command that the card might know, with data that may suit it.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let cla = prop_oneof![8 => Just(0x00_u8), 2 => Just(0x10), 1 => Just(0x80), 1 => any::<u8>()];
    let ins = prop_oneof![
        4 => Just(0xA4_u8),
        12 => prop::sample::select(vec![
            0x04_u8, 0x0C, 0x0E, 0x22, 0x2A, 0x44, 0x46, 0x84, 0x88, 0xAA, 0xB0, 0xB2, 0xC0, 0xCA,
            0xD0, 0xD2, 0xD6, 0xDA, 0xDC, 0xE0, 0xE2, 0xE4, 0xE6, 0xE8, 0xFE,
        ]),
        1 => any::<u8>(),
    ];
    let p1 = prop_oneof![4 => 0..10_u8, 1 => any::<u8>()];
    let p2 = prop_oneof![4 => 0..16_u8, 2 => 0x81..0x86_u8, 1 => any::<u8>()];
    let data = prop_oneof![
        3 => fid().prop_map(Vec::from),
        1 => template(),
        2 => vec(any::<u8>(), 0..20),
        1 => Just(Vec::new()),
        1 => vec(any::<u8>(), 0..300),
    ];
    let le = prop_oneof![Just(None), Just(Some(0_u8)), any::<u8>().prop_map(Some)];
    (cla, ins, p1, p2, data, le).prop_map(|(cla, ins, p1, p2, data, le)| {
        let mut command = vec![cla, ins, p1, p2];
        match data.len() {
            0 => {}
            length @ 1..=255 => command.push(length as u8),
            length => command.extend([0, (length >> 8) as u8, length as u8]),
        }
        let long = data.len() > 255;
        command.extend(data);
        if let Some(le) = le {
            command.extend(long.then_some(0));
            command.push(le);
        }
        command
    })
}

/// A file of the card, or one that CREATE of [`fitting`] may have made.
fn fid() -> impl Strategy<Value = [u8; 2]> {
    prop::sample::select(vec![
        0x2F00_u16, 0x2F01, 0x2F02, 0x2F03, 0x2F04, 0x2F05, 0x2F06, 0x2F10, 0x2F11, 0x2F12, 0x5015,
        0x5016, 0x5031, 0x4B01, 0x6000, 0x6001, 0x5500, 0x5501, 0x5502, 0x5503,
    ])
    .prop_map(u16::to_be_bytes)
}

/// An FCP template that CREATE FILE may accept.
fn template() -> impl Strategy<Value = Vec<u8>> {
    let descriptor = prop::sample::select(vec![
        0x01_u8, 0x41, 0x38, 0x11, 0x02, 0x03, 0x04, 0x06, 0x00, 0x0A,
    ]);
    let access = prop::sample::select(vec![
        &[0x01, 0x01, 0x02, 0x7E, 0x81][..],
        &[],
        &[0x02, 0x7F, 0x99],
    ]);
    (descriptor, 0..5_u8, 0..0x1000_u16, access, any::<bool>()).prop_map(
        |(descriptor, fid, size, access, named)| {
            let [high, low] = size.to_be_bytes();
            let mut fcp = vec![0x81, 0x02, high, low];
            if matches!(descriptor, 2..=6) {
                fcp.extend([0x82, 0x05, descriptor, 0x21, 0x00, 0x04, 0x03]);
            } else {
                fcp.extend([0x82, 0x01, descriptor]);
            }
            fcp.extend([0x83, 0x02, 0x55, fid]);
            if named {
                fcp.extend([0x84, 0x02, 0xA0, fid]);
            }
            fcp.extend([0x86, access.len() as u8]);
            fcp.extend(access);
            let mut data = vec![0x62, fcp.len() as u8];
            data.extend(fcp);
            data
        },
    )
}

/// Commands whose parts suit each other, so that many of them work.
fn fitting() -> impl Strategy<Value = Vec<u8>> {
    fn case_3(cla: u8, ins: u8, p1: u8, p2: u8, data: &[u8]) -> Vec<u8> {
        let mut command = vec![cla, ins, p1, p2];
        if !data.is_empty() {
            command.push(data.len() as u8);
        }
        command.extend_from_slice(data);
        command
    }
    let small = || vec(any::<u8>(), 0..5);
    prop_oneof![
        8 => fid().prop_map(|fid| case_3(0, 0xA4, 0x00, 0x0C, &fid)),
        2 => fid().prop_map(|fid| case_3(0, 0xA4, 0x08, 0x00, &fid)),
        2 => fid().prop_map(|fid| case_3(0, 0xA4, 0x08, 0x0C, &[&[0x50, 0x15], &fid[..]].concat())),
        1 => Just(vec![0x00, 0xA4, 0x03, 0x0C]),
        3 => (0..0x20_u8, any::<u8>()).prop_map(|(offset, le)| vec![0, 0xB0, 0, offset, le]),
        4 => (prop::sample::select(vec![0xD6_u8, 0xD0, 0x0E]), 0..0x12_u8, small(), any::<bool>())
            .prop_map(|(ins, offset, data, chained)| {
                case_3(if chained { 0x10 } else { 0 }, ins, 0, offset, &data)
            }),
        3 => (0..5_u8, 0..8_u8, any::<u8>()).prop_map(|(p1, p2, le)| vec![0, 0xB2, p1, p2, le]),
        4 => (prop::sample::select(vec![0xDC_u8, 0xD2, 0xE2, 0x0C]), 0..5_u8, 0..6_u8, small())
            .prop_map(|(ins, p1, p2, data)| case_3(0, ins, p1, p2, &data)),
        4 => template().prop_map(|data| case_3(0, 0xE0, 0, 0, &data)),
        1 => fid().prop_map(|fid| case_3(0, 0xE4, 0, 0, &fid)),
        3 => prop::sample::select(vec![0x04_u8, 0x04, 0x44, 0x44, 0xE4, 0xE6, 0xE8])
            .prop_map(|ins| vec![0, ins, 0, 0]),
        1 => small().prop_map(|data| case_3(0, 0xDA, 0x01, 0x03, &data)),
        1 => prop::sample::select(vec![0_u8, 2, 0x12])
            .prop_map(|algorithm| case_3(0, 0x22, 0x41, 0xB6, &[0x80, 1, algorithm, 0x81, 2, 0x4B, 1])),
        1 => vec(any::<u8>(), 0..70).prop_map(|data| case_3(0, 0x2A, 0x9E, 0x9A, &data)),
        1 => Just(vec![0x00, 0xC0, 0x00, 0x00, 0x00]),
    ]
}

/// VERIFY of PIN 1 or 2 with the right value, so that what needs it happens as well.
fn login() -> impl Strategy<Value = Vec<u8>> {
    any::<bool>().prop_map(|first| {
        let (reference, pin) = if first {
            (0x81, b"123456")
        } else {
            (0x82, b"654321")
        };
        let mut command = vec![0x00, 0x20, 0x00, reference, 0x08];
        command.extend_from_slice(pin);
        command.extend([0, 0]);
        command
    })
}

fn commands() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let one = prop_oneof![
        3 => login(),
        16 => fitting(),
        4 => plausible(),
        1 => vec(any::<u8>(), 0..40)
    ];
    vec(one, 1..40)
}

/// Commands about PINs with values that are never right.
fn guesses() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let ins = prop::sample::select(vec![0x20_u8, 0x24, 0x2C]);
    let value = vec(prop_oneof![Just(b'7'), Just(b'8'), Just(0)], 0..17);
    let one = (ins, 0..5_u8, 0x81..0x86_u8, value).prop_map(|(ins, p1, p2, value)| {
        let mut command = vec![0x00, ins, p1, p2];
        if !value.is_empty() {
            command.push(value.len() as u8);
        }
        command.extend(value);
        command
    });
    let one = prop_oneof![4 => one, 2 => plausible(), 2 => fitting(), 1 => vec(any::<u8>(), 0..20)];
    vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_command_is_answered_and_the_card_stays_loadable(
        t0 in any::<bool>(),
        commands in commands(),
    ) {
        let mut card = card(t0);
        for command in &commands {
            let answer = card.transmit(command);
            prop_assert!((2..=65_535).contains(&answer.len()));
            let sw1 = answer[answer.len() - 2];
            prop_assert!((0x61..=0x6F).contains(&sw1) || sw1 == 0x90, "SW1 {sw1:02X}");
            if t0 {
                prop_assert!(answer.len() <= 258);
            }
        }
        let image = card.image();
        let loaded = Image::from_json(image.to_json().as_bytes());
        prop_assert_eq!(loaded.as_ref(), Ok(&image));
        let again = VirtualCard::new(image.clone(), CardRng::from_seed(1)).expect("a card");
        prop_assert_eq!(again.state().used, card.state().used, "the account of memory is right");
        prop_assert_eq!(again.image(), image);
    }

    #[test]
    fn without_a_right_pin_or_puk_no_tries_are_gained(
        t0 in any::<bool>(),
        commands in guesses(),
    ) {
        let mut card = card(t0);
        let mut before = tries(&card);
        for command in &commands {
            card.transmit(command);
            let after = tries(&card);
            prop_assert!(
                after.iter().zip(&before).all(|(after, before)| after <= before),
                "{before:?} became {after:?} by {command:02X?}"
            );
            before = after;
        }
    }

    #[test]
    fn the_same_commands_and_the_same_seed_give_the_same_answers(
        t0 in any::<bool>(),
        commands in commands(),
    ) {
        let (mut one, mut other) = (card(t0), card(t0));
        for command in &commands {
            prop_assert_eq!(one.transmit(command), other.transmit(command));
        }
        prop_assert_eq!(one.image(), other.image());
    }

    #[test]
    fn what_a_command_changed_can_be_taken_back(
        t0 in any::<bool>(),
        commands in commands(),
    ) {
        let mut card = card(t0);
        for command in &commands {
            let before = (card.image(), card.state().used);
            card.take_changed();
            card.transmit(command);
            let changed = card.changed();
            let after = card.image();
            prop_assert!(changed || after == before.0, "a change that was not told of");
            // Half of the commands are taken back, so that later ones meet both kinds of state.
            if command.len() % 2 == 0 {
                card.undo_last();
                prop_assert_eq!(card.image(), before.0);
                prop_assert_eq!(card.state().used, before.1);
            }
        }
    }
}

#[test]
fn the_commands_of_these_tests_reach_what_they_are_meant_to_reach() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use std::collections::BTreeSet;

    let mut runner = TestRunner::deterministic();
    let mut words = BTreeSet::new();
    let mut changed = 0;
    for round in 0..600 {
        let mut card = card(round % 2 == 0);
        let commands = commands()
            .new_tree(&mut runner)
            .expect("commands")
            .current();
        for command in commands {
            let answer = card.transmit(&command);
            words.insert(hex::encode_upper(&answer[answer.len() - 2..]));
            changed += u32::from(card.take_changed());
        }
    }
    for word in [
        "9000", "6700", "6881", "6982", "6985", "6986", "6A80", "6A82", "6A86", "6B00", "6D00",
        "6E00", "6283", "6883", "6884", "6A83", "6A84", "6A88", "6A89",
    ] {
        assert!(words.contains(word), "{word} never came; {words:?}");
    }
    assert!(changed > 100, "{changed} changes");
}
