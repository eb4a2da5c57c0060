//! Cards that come and go, and who hears of it.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::panic)]

mod common;

use common::{ATR, Card, READER, Woken, client, connected, desk, refused};
use kortlab_pcsc::terms::state;
use kortlab_pcsc::{Code, Disposition, Protocols, ReaderError, ShareMode};

const ANY: Protocols = Protocols(3);

#[test]
fn a_change_wakes_whoever_waits_once() {
    let (service, _) = desk();
    let a = client(&service);
    let woken = Woken::new();
    let states = a.wait_for_change(woken.clone());
    assert_eq!(states, service.reader_states());
    assert_eq!(woken.times(), 0);
    let (_b, _) = connected(&service);
    assert_eq!((woken.times(), woken.code()), (1, Some(Code::SUCCESS)));
    service.remove(READER).expect("a reader");
    assert_eq!(woken.times(), 1);
    assert!(!a.stop_waiting());
    a.wait_for_change(woken.clone());
    assert!(a.stop_waiting());
    connected_elsewhere(&service);
    assert_eq!(woken.times(), 1);
}

fn connected_elsewhere(service: &std::sync::Arc<kortlab_pcsc::Service>) {
    service.add_reader("Other", None).expect("a reader");
}

#[test]
fn a_wait_is_cancelled_by_another_client_and_only_while_it_lasts() {
    let (service, _) = desk();
    let mut a = service.client();
    let context = a.establish_context(2).expect("a context");
    let other = client(&service);
    assert_eq!(other.cancel(context), Err(Code::INVALID_HANDLE));
    assert_eq!(other.cancel(0), Err(Code::INVALID_HANDLE));
    let woken = Woken::new();
    a.wait_for_change(woken.clone());
    assert_eq!(other.cancel(context), Ok(()));
    assert_eq!((woken.times(), woken.code()), (1, Some(Code::CANCELLED)));
    assert_eq!(other.cancel(context), Err(Code::INVALID_HANDLE));
    a.wait_for_change(woken.clone());
    drop(a);
    assert_eq!(
        other.cancel(context),
        Err(Code::INVALID_HANDLE),
        "it is gone"
    );
}

#[test]
fn a_card_that_is_pulled_out_and_put_in_is_counted_and_old_handles_hear_of_it() {
    let (service, _) = desk();
    let (mut a, first) = connected(&service);
    a.begin_transaction(first).expect("begun");
    let pulled = service.remove(READER).expect("a reader").expect("a card");
    let seen = &service.reader_states()[0];
    assert_eq!((seen.state, seen.event_counter), (state::ABSENT, 1));
    assert!(seen.atr.is_empty());
    let send = |a: &kortlab_pcsc::Client| a.transmit(first, Protocols::T0, &[0; 4]);
    assert_eq!(refused(send(&a)), Code::REMOVED_CARD);
    service.insert(READER, pulled).expect("a reader");
    let seen = &service.reader_states()[0];
    assert_eq!((seen.state, seen.event_counter), (state::READY, 2));
    assert_eq!(seen.atr, ATR);
    assert_eq!(refused(send(&a)), Code::REMOVED_CARD);
    assert_eq!(refused(a.status(first)), Code::REMOVED_CARD);
    // The transaction has ended with the card.
    let (b, second) = connected(&service);
    assert!(b.transmit(second, Protocols::T0, &[0; 4]).is_ok());
    a.reconnect(first, ShareMode::Shared, ANY, Disposition::Leave)
        .expect("heard");
    assert!(send(&a).is_ok());
    // A handle on the empty reader alone hears that there is no card, unless it asks for no protocol.
    service.remove(READER).expect("a reader");
    let direct = a.connect(READER, ShareMode::Direct, Protocols::UNDEFINED);
    let (direct, _) = direct.expect("the reader");
    let sent = |protocol| a.transmit(direct, protocol, &[0; 4]);
    assert_eq!(refused(sent(Protocols::T0)), Code::NO_SMARTCARD);
    assert_eq!(refused(sent(Protocols::RAW)), Code::NOT_TRANSACTED);
}

#[test]
fn a_card_torn_out_during_a_command_is_gone_until_it_is_pushed_in_again() {
    let (service, notes) = desk();
    let (mut a, first) = connected(&service);
    let woken = Woken::new();
    a.wait_for_change(woken.clone());
    let answer = a.transmit(first, Protocols::T0, &[0xE0]);
    assert_eq!(refused(answer), Code::NO_SMARTCARD);
    assert_eq!(woken.times(), 1);
    assert_eq!(service.reader_states()[0].state, state::ABSENT);
    let answer = a.transmit(first, Protocols::T0, &[0; 4]);
    assert_eq!(refused(answer), Code::REMOVED_CARD);
    let again = a.reconnect(first, ShareMode::Shared, ANY, Disposition::Leave);
    assert_eq!(refused(again), Code::NO_SMARTCARD);
    let again = a.reconnect(first, ShareMode::Shared, ANY, Disposition::Reset);
    assert_eq!(refused(again), Code::NO_SMARTCARD);
    // Nor does power bring it back, or a handle on the reader alone that resets what is there.
    let again = a.reconnect(first, ShareMode::Shared, ANY, Disposition::Unpower);
    assert_eq!(refused(again), Code::NO_SMARTCARD);
    let direct = a.connect(READER, ShareMode::Direct, Protocols::UNDEFINED);
    let (direct, _) = direct.expect("the reader");
    a.begin_transaction(direct).expect("begun");
    let ended = a.end_transaction(direct, Disposition::Reset);
    assert_eq!(refused(ended), Code::NO_SMARTCARD);
    a.disconnect(direct, Disposition::Reset).expect("ended");
    assert_eq!(refused(a.status(first)), Code::REMOVED_CARD);
    assert_eq!(service.reader_states()[0].state, state::ABSENT);
    notes.take();
    service.reinsert(READER).expect("a reader");
    service.reinsert(READER).expect("nothing to do");
    assert_eq!(notes.take(), ["on"]);
    assert_eq!(service.reader_states()[0].event_counter, 2);
    let (b, second) = connected(&service);
    assert!(b.transmit(second, Protocols::T0, &[0; 4]).is_ok());
}

#[test]
fn what_a_channel_cannot_do_has_a_code_of_its_own() {
    let (service, _) = desk();
    let (mut a, first) = connected(&service);
    let send = |a: &kortlab_pcsc::Client, what| a.transmit(first, Protocols::T0, &[what]);
    assert_eq!(send(&a, 0xE1), Ok(vec![0x65, 0x81]), "the card stays");
    assert_eq!(refused(send(&a, 0xE3)), Code::NOT_TRANSACTED);
    assert_eq!(refused(send(&a, 0xE5)), Code::INSUFFICIENT_BUFFER);
    assert_eq!(send(&a, 1), Ok(vec![1, 0x90, 0x00]));
    assert_eq!(refused(send(&a, 0xE2)), Code::RESET_CARD);
    assert_eq!(refused(send(&a, 1)), Code::RESET_CARD);
    a.reconnect(first, ShareMode::Shared, ANY, Disposition::Leave)
        .expect("heard");
    assert_eq!(refused(send(&a, 0xE4)), Code::READER_UNAVAILABLE);
    assert_eq!(refused(send(&a, 1)), Code::READER_UNAVAILABLE);
    assert_eq!(service.reader_states()[0].state, state::UNKNOWN);
}

#[test]
fn a_card_that_was_there_from_the_beginning_is_told_to_nobody() {
    let (service, _) = desk();
    let before = service.reader_states();
    let (a, woken) = (client(&service), Woken::new());
    a.wait_for_change(woken.clone());
    let (card, notes) = Card::new();
    service.replace(READER, Box::new(card)).expect("a reader");
    assert_eq!(service.reader_states(), before);
    assert_eq!((woken.times(), notes.take()), (0, vec!["on"]));
    let (b, card) = connected(&service);
    b.transmit(card, Protocols::T0, &[0; 5]).expect("an answer");
    assert!(notes.take().contains(&"command"));
    let (card, _) = Card::new();
    let used = service.replace(READER, Box::new(card));
    assert_eq!(used, Err(ReaderError::InUse(READER.to_owned())));
}

#[test]
fn another_card_in_place_of_the_first_is_another_card() {
    let (service, _) = desk();
    let (a, first) = connected(&service);
    let (card, notes) = Card::new();
    service.insert(READER, Box::new(card)).expect("a reader");
    assert_eq!(service.reader_states()[0].event_counter, 2);
    assert_eq!(refused(a.status(first)), Code::REMOVED_CARD);
    assert_eq!(notes.take(), ["on"]);
    let missing = service.remove("None").map(drop);
    assert_eq!(missing, Err(ReaderError::Unknown("None".to_owned())));
}

#[test]
fn attributes_and_control_codes_are_those_of_the_reader() {
    let (service, _) = desk();
    let (a, first) = connected(&service);
    let attribute = |number| a.get_attrib(first, number);
    assert_eq!(attribute(0x0009_0303), Ok(ATR.to_vec()));
    assert_eq!(attribute(0x0008_0201), Ok(1_u32.to_ne_bytes().to_vec()));
    assert_eq!(attribute(0x7FFF_0003), Ok(b"Desk\0".to_vec()));
    assert_eq!(attribute(0x0009_0300), Ok(vec![2]));
    assert_eq!(attribute(0x0007_A007), Ok(261_u32.to_ne_bytes().to_vec()));
    assert!(attribute(0x0001_0100).is_ok_and(|name| name.ends_with(&[0])));
    assert_eq!(refused(attribute(0x0001_0103)), Code::UNSUPPORTED_FEATURE);
    let set = a.set_attrib(first, 0x0009_0303, &[1]);
    assert_eq!(refused(set), Code::UNSUPPORTED_FEATURE);
    // One feature, whose control code is four bytes, big-endian; its properties are little-endian.
    let features = a.control(first, 0x4200_0D48, &[]).expect("a list");
    let [0x12, 4, code @ ..] = features.as_slice() else {
        panic!("{features:02X?}");
    };
    let code = u32::from_be_bytes(code.try_into().expect("four bytes"));
    assert_eq!(a.control(first, code, &[]), Ok(vec![0x0A, 4, 0, 0, 0, 0]));
    let other = a.control(first, 0x4200_0001, &[1, 2, 3]);
    assert_eq!(refused(other), Code::UNSUPPORTED_FEATURE);
}

#[test]
fn a_card_that_was_taken_out_is_pushed_in_again() {
    let (service, notes) = desk();
    let (mut a, first) = connected(&service);
    let woken = Woken::new();
    a.wait_for_change(woken.clone());
    notes.take();
    service.take_out(READER).expect("a reader");
    assert_eq!((woken.times(), notes.take()), (1, vec!["off"]));
    assert_eq!(service.reader_states()[0].state, state::ABSENT);
    let answer = a.transmit(first, Protocols::T0, &[0; 4]);
    assert_eq!(refused(answer), Code::REMOVED_CARD);
    let mut b = client(&service);
    let none = b.connect(READER, ShareMode::Shared, ANY);
    assert_eq!(refused(none), Code::NO_SMARTCARD);
    service.reinsert(READER).expect("a reader");
    assert_eq!(service.reader_states()[0].event_counter, 2);
    a.reconnect(first, ShareMode::Shared, ANY, Disposition::Leave)
        .expect("heard");
    assert!(a.transmit(first, Protocols::T0, &[0; 4]).is_ok());
}

#[test]
fn every_handle_hears_of_a_reset_from_outside() {
    let (service, notes) = desk();
    let (mut a, first) = connected(&service);
    notes.take();
    service.reset(READER).expect("a reader");
    assert_eq!(notes.take(), ["warm"]);
    let answer = a.transmit(first, Protocols::T0, &[0; 4]);
    assert_eq!(refused(answer), Code::RESET_CARD);
    a.reconnect(first, ShareMode::Shared, ANY, Disposition::Leave)
        .expect("heard");
    assert!(a.transmit(first, Protocols::T0, &[0; 4]).is_ok());
    assert_eq!(service.reader_states()[0].event_counter, 0);
}

#[test]
fn a_reader_that_goes_is_seen_no_more_and_its_handles_are_told() {
    let (service, _) = desk();
    let (mut a, first) = connected(&service);
    let (b, second) = connected(&service);
    a.begin_transaction(first).expect("begun");
    let (free, changed) = (Woken::new(), Woken::new());
    b.when_released(second, free.clone());
    b.wait_for_change(changed.clone());
    let before = service.reader_events();
    assert!(service.remove_reader(READER).expect("a reader").is_some());
    assert_eq!((free.times(), changed.times()), (1, 1));
    assert_eq!(service.reader_states(), []);
    assert_eq!(service.reader_events(), before + 1);
    for (client, handle) in [(&a, first), (&b, second)] {
        let answer = client.transmit(handle, Protocols::T0, &[0; 4]);
        assert_eq!(refused(answer), Code::READER_UNAVAILABLE);
    }
    let again = a.connect(READER, ShareMode::Shared, ANY);
    assert_eq!(refused(again), Code::UNKNOWN_READER);
    assert!(matches!(
        service.remove_reader(READER),
        Err(ReaderError::Unknown(_))
    ));
    service.add_reader(READER, None).expect("a new one");
    a.disconnect(first, Disposition::Leave).expect("ended");
}
