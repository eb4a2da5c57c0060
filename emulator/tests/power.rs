//! Power is cut: what a card of each memory technology is left with.

use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::{CardRng, Image, VirtualCard};

const CARD: &[u8] = include_bytes!("../../vectors/emulator/small-card-t1.json");

/// A card with an EF 2F05 that PIN 81 opens for changes; three tries.
fn card(memory: MemoryTechnology) -> VirtualCard {
    let mut image = Image::from_json(CARD).expect("a small card");
    image.settings.memory = memory;
    let mut card = VirtualCard::new(image, CardRng::from_seed(1)).expect("a card");
    card.power_on();
    card
}

fn send(card: &mut VirtualCard, command: &str) -> Option<String> {
    let command = hex::decode(command.replace(' ', "")).expect("hex");
    card.try_transmit(&command).ok().map(hex::encode_upper)
}

const SELECT: &str = "00A4000C 02 2F05";
const UPDATE: &str = "00D60000 04 AABBCCDD";
const READ: &str = "00B00000 08";

fn contents(card: &mut VirtualCard) -> String {
    assert_eq!(send(card, SELECT).as_deref(), Some("9000"));
    send(card, READ).expect("contents")
}

fn verify(card: &mut VirtualCard) {
    let verified = send(card, "00200081 08 3132333435360000");
    assert_eq!(verified.as_deref(), Some("9000"));
}

#[test]
fn an_update_cut_short_leaves_what_the_memory_technology_says() {
    let expected = [
        (MemoryTechnology::Journalled, "00010203040506079000"),
        (MemoryTechnology::AtomicWrites, "00010203040506079000"),
        (MemoryTechnology::Bytewise, "AABB0203040506079000"),
        (MemoryTechnology::Paged, "AAFFFFFFFFFFFFFF9000"),
    ];
    for (memory, expected) in expected {
        let mut card = card(memory);
        verify(&mut card);
        send(&mut card, SELECT);
        card.schedule_power_cut(PowerCut::AfterBytes(2));
        assert_eq!(send(&mut card, UPDATE), None, "{memory:?}");
        assert!(card.power_lost());
        assert_eq!(
            send(&mut card, READ),
            None,
            "a card without power is silent"
        );
        card.power_on();
        assert_eq!(contents(&mut card), expected, "{memory:?}");
    }
}

#[test]
fn a_cut_before_the_answer_leaves_the_change_and_one_before_the_command_does_not() {
    for memory in MemoryTechnology::ALL {
        for (cut, expected) in [
            (PowerCut::BeforeCommand(1), "00010203040506079000"),
            (PowerCut::BeforeAnswer(1), "AABBCCDD040506079000"),
        ] {
            let mut card = card(memory);
            verify(&mut card);
            send(&mut card, SELECT);
            card.schedule_power_cut(cut);
            assert_eq!(send(&mut card, UPDATE), None);
            card.power_on();
            assert_eq!(contents(&mut card), expected, "{memory:?} {cut:?}");
        }
    }
}

#[test]
fn pulling_the_card_at_any_byte_of_verify_never_gives_a_try_back() {
    for memory in MemoryTechnology::ALL {
        for bytes in 0..4 {
            let mut card = self::card(memory);
            card.schedule_power_cut(PowerCut::AfterBytes(bytes));
            let wrong = send(&mut card, "00200081 08 3939393939390000");
            card.power_on();
            let left = send(&mut card, "00200081").expect("a status");
            // Without power for even one byte, no comparison was made and no answer came out.
            let expected = match (bytes, wrong.is_some()) {
                (0, false) => "63C3",
                (_, true) => "63C2",
                (_, false) => panic!("the counter takes one byte, and there was power for it"),
            };
            assert_eq!(left, expected, "{memory:?} after {bytes} bytes");

            // The right PIN, cut after the decrement and before the counter is set back.
            if bytes == 1 {
                let mut card = self::card(memory);
                card.schedule_power_cut(PowerCut::AfterBytes(1));
                assert_eq!(send(&mut card, "00200081 08 3132333435360000"), None);
                card.power_on();
                assert_eq!(send(&mut card, "00200081").as_deref(), Some("63C2"));
            }
        }
    }
}

#[test]
fn the_cards_own_recovery_can_be_cut_and_runs_again() {
    let mut card = card(MemoryTechnology::Journalled);
    // CHANGE REFERENCE DATA takes a try, gives it back and writes the value. The cut comes when
    // the value is written, so that two writes have to be taken back.
    card.schedule_power_cut(PowerCut::AfterBytes(4));
    let changed = send(&mut card, "00240081 10 3132333435360000 3635343332310000");
    assert_eq!(changed, None);
    for _ in 0..3 {
        card.schedule_power_cut(PowerCut::AfterBytes(0));
        card.power_on();
        assert!(card.power_lost(), "the recovery itself was cut");
        assert_eq!(send(&mut card, READ), None);
    }
    card.power_off();
    card.schedule_power_cut(PowerCut::AfterBytes(1_000));
    card.power_on();
    assert!(!card.power_lost());
    let old = send(&mut card, "00200081 08 3132333435360000");
    assert_eq!(old.as_deref(), Some("9000"), "the old PIN is still the PIN");
}

#[test]
fn cutting_every_byte_of_creating_a_file_leaves_it_whole_or_not_there() {
    for memory in MemoryTechnology::ALL {
        let create = "00E00000 17 6F15 81020004 820101 83020202 8605 0101025E81 8A0107";
        let mut whole = card(memory);
        verify(&mut whole);
        let before = whole.bytes_programmed();
        assert_eq!(send(&mut whole, create).as_deref(), Some("9000"));
        let total = whole.bytes_programmed() - before;
        assert!(total > 4);
        for bytes in 0..=total {
            let mut card = self::card(memory);
            verify(&mut card);
            card.schedule_power_cut(PowerCut::AfterBytes(bytes));
            let created = send(&mut card, create).is_some();
            assert_eq!(created, bytes == total, "{memory:?} after {bytes}");
            card.power_on();
            let found = send(&mut card, "00A4000C 02 0202").expect("an answer");
            assert_eq!(found, if created { "9000" } else { "6A82" });
            let image = card.image();
            Image::from_json(image.to_json().as_bytes()).expect("an image that loads");
        }
    }
}
