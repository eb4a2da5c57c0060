//! Transactions, and resets that others see.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::panic)]

mod common;

use common::{HELD, HELD_BY_ITSELF, READER, Woken, client, connected, desk, refused};
use kortlab_pcsc::terms::state;
use kortlab_pcsc::{Client, Code, Disposition, Protocols, Refusal, ShareMode};

const ANY: Protocols = Protocols(3);

fn send(client: &Client, handle: u32) -> Result<Vec<u8>, Refusal> {
    client.transmit(handle, Protocols::T0, &[0, 1, 2, 3])
}

#[test]
fn while_a_transaction_lasts_nobody_else_reaches_the_card() {
    let (service, notes) = desk();
    let (a, first) = connected(&service);
    let (mut b, second) = connected(&service);
    a.begin_transaction(first).expect("begun");
    assert!(send(&a, first).is_ok());
    assert_eq!(send(&b, second), Err(HELD));
    assert_eq!(b.begin_transaction(second), Err(HELD));
    assert_eq!(b.status(second), Err(HELD));
    assert_eq!(b.get_attrib(second, 0x0009_0303), Err(HELD));
    assert_eq!(b.set_attrib(second, 0x0009_0303, &[]), Err(HELD));
    assert_eq!(b.control(second, 0x4200_0D48, &[]), Err(HELD));
    let again = b.reconnect(second, ShareMode::Shared, ANY, Disposition::Leave);
    assert_eq!(again, Err(HELD));
    assert_eq!(b.disconnect(second, Disposition::Reset), Err(HELD));
    assert_eq!(
        client(&service).connect(READER, ShareMode::Shared, ANY),
        Err(HELD)
    );
    // What ends nothing of the other's is refused at once.
    let end = b.end_transaction(second, Disposition::Leave);
    assert_eq!(refused(end), Code::SHARING_VIOLATION);
    let end = b.end_transaction(second, Disposition::Reset);
    assert_eq!(refused(end), Code::SHARING_VIOLATION);
    assert_eq!(b.disconnect(second, Disposition::Leave), Ok(()));
    assert!(!notes.take().contains(&"warm"));
    assert_eq!(HELD.code(), Code::SHARING_VIOLATION);
}

#[test]
fn a_client_is_told_when_the_holder_is_itself() {
    let (service, _) = desk();
    let (mut a, first) = connected(&service);
    let (second, _) = a
        .connect(READER, ShareMode::Shared, ANY)
        .expect("connected");
    a.begin_transaction(first).expect("begun");
    assert_eq!(a.begin_transaction(second), Err(HELD_BY_ITSELF));
    let third = a.connect(READER, ShareMode::Shared, ANY);
    assert_eq!(third, Err(HELD_BY_ITSELF));
}

#[test]
fn transactions_nest_and_the_last_end_frees_the_card() {
    let (service, notes) = desk();
    let (a, first) = connected(&service);
    let (b, second) = connected(&service);
    a.begin_transaction(first).expect("begun");
    a.begin_transaction(first).expect("begun again");
    a.end_transaction(first, Disposition::Leave).expect("ended");
    assert_eq!(send(&b, second), Err(HELD));
    a.end_transaction(first, Disposition::Leave).expect("ended");
    assert!(send(&b, second).is_ok());
    let end = a.end_transaction(first, Disposition::Leave);
    assert_eq!(refused(end), Code::NOT_TRANSACTED);
    let noted = notes.take();
    assert_eq!(noted.iter().filter(|what| **what == "end").count(), 1);
}

#[test]
fn whoever_waits_is_woken_once_when_the_card_is_free() {
    let (service, _) = desk();
    let (a, first) = connected(&service);
    let (b, second) = connected(&service);
    let woken = Woken::new();
    b.when_released(second, woken.clone());
    assert_eq!(woken.times(), 1, "nobody holds it");
    a.begin_transaction(first).expect("begun");
    b.when_released(second, woken.clone());
    b.when_reader_released(READER, woken.clone());
    assert_eq!(woken.times(), 1);
    a.end_transaction(first, Disposition::Leave).expect("ended");
    assert_eq!(woken.times(), 2);
}

#[test]
fn who_waits_for_the_card_alone_gets_it_from_a_holder_that_goes_with_a_reset() {
    let (service, notes) = desk();
    let (mut a, first) = connected(&service);
    a.begin_transaction(first).expect("begun");
    a.transmit(first, Protocols::T0, &[0xE8, 0, 0, 0])
        .expect("it will take its time");
    let mut b = client(&service);
    std::thread::scope(|scope| {
        let going = scope.spawn(move || a.disconnect(first, Disposition::Reset));
        while !notes.take().contains(&"warm") {
            std::thread::yield_now();
        }
        // Not "somebody shares it", which would be the end of the waiting.
        let alone = b.connect(READER, ShareMode::Exclusive, ANY);
        assert_eq!(alone, Err(HELD));
        assert_eq!(going.join().expect("ended"), Ok(()));
    });
    let alone = b.connect(READER, ShareMode::Exclusive, ANY);
    assert!(alone.is_ok(), "{alone:?}");
}

#[test]
fn exclusive_counts_as_a_transaction_that_is_not_ended() {
    let (service, _) = desk();
    let mut a = client(&service);
    let (alone, _) = a.connect(READER, ShareMode::Exclusive, ANY).expect("alone");
    let end = a.end_transaction(alone, Disposition::Leave);
    assert_eq!(refused(end), Code::NOT_TRANSACTED);
    a.begin_transaction(alone).expect("begun");
    a.end_transaction(alone, Disposition::Leave).expect("ended");
    assert_eq!(service.reader_states()[0].sharing, -1);
}

#[test]
fn after_a_reset_every_other_handle_has_to_reconnect() {
    let (service, notes) = desk();
    let (mut a, first) = connected(&service);
    let (mut b, second) = connected(&service);
    let done = a.reconnect(first, ShareMode::Shared, ANY, Disposition::Reset);
    assert_eq!(done, Ok(Protocols::T0));
    assert!(notes.take().contains(&"warm"));
    assert!(send(&a, first).is_ok());
    assert_eq!(refused(send(&b, second)), Code::RESET_CARD);
    assert_eq!(refused(b.status(second)), Code::RESET_CARD);
    assert_eq!(refused(b.begin_transaction(second)), Code::RESET_CARD);
    let end = b.end_transaction(second, Disposition::Leave);
    assert_eq!(refused(end), Code::RESET_CARD);
    let attribute = b.get_attrib(second, 0x0009_0303);
    assert_eq!(refused(attribute), Code::RESET_CARD);
    // The reader itself may be asked.
    assert!(b.control(second, 0x4200_0D48, &[]).is_ok());
    b.reconnect(second, ShareMode::Shared, ANY, Disposition::Leave)
        .expect("heard");
    assert!(send(&b, second).is_ok());
    assert!(send(&a, first).is_ok());
}

#[test]
fn whoever_resets_at_the_end_of_a_transaction_hears_of_it_too() {
    let (service, notes) = desk();
    let (mut a, first) = connected(&service);
    a.begin_transaction(first).expect("begun");
    a.end_transaction(first, Disposition::Unpower)
        .expect("ended");
    assert!(notes.take().ends_with(&["off", "on", "end"]));
    assert_eq!(refused(send(&a, first)), Code::RESET_CARD);
    a.reconnect(first, ShareMode::Shared, ANY, Disposition::Leave)
        .expect("heard");
    assert!(send(&a, first).is_ok());
}

#[test]
fn a_disconnected_handle_resets_or_unpowers_the_card_as_it_was_told() {
    let (service, notes) = desk();
    let (mut a, first) = connected(&service);
    let (b, second) = connected(&service);
    notes.take();
    a.disconnect(first, Disposition::Reset).expect("gone");
    assert_eq!(notes.take(), ["warm"]);
    assert_eq!(refused(b.status(second)), Code::RESET_CARD);
    drop(b);
    let (mut a, first) = connected(&service);
    notes.take();
    a.disconnect(first, Disposition::Unpower).expect("gone");
    assert_eq!(notes.take(), ["off"]);
    let (mut a, first) = connected(&service);
    assert_eq!(notes.take(), ["on"]);
    a.disconnect(first, Disposition::Eject).expect("gone");
    assert_eq!(notes.take(), [""; 0], "no reader here throws cards out");
    assert_eq!(
        refused(a.disconnect(first, Disposition::Leave)),
        Code::INVALID_HANDLE
    );
}

#[test]
fn a_client_that_dies_in_a_transaction_leaves_a_card_that_was_reset_and_is_free() {
    let (service, notes) = desk();
    let (a, first) = connected(&service);
    let (mut b, second) = connected(&service);
    a.begin_transaction(first).expect("begun");
    notes.take();
    drop(a);
    assert_eq!(notes.take(), ["end", "warm"]);
    assert_eq!(refused(send(&b, second)), Code::RESET_CARD);
    b.reconnect(second, ShareMode::Shared, ANY, Disposition::Leave)
        .expect("heard");
    assert!(send(&b, second).is_ok());
}

#[test]
fn a_client_that_dies_resets_no_card_that_others_have_in_hand() {
    let (service, notes) = desk();
    let (a, first) = connected(&service);
    let (b, _) = connected(&service);
    a.begin_transaction(first).expect("begun");
    notes.take();
    drop(b);
    assert_eq!(notes.take(), [""; 0]);
    assert!(send(&a, first).is_ok());
}

#[test]
fn an_ejecting_reconnect_is_no_such_thing() {
    let (service, _) = desk();
    let (mut a, first) = connected(&service);
    let done = a.reconnect(first, ShareMode::Shared, ANY, Disposition::Eject);
    assert_eq!(refused(done), Code::INVALID_VALUE);
}

#[test]
fn a_command_to_a_card_without_power_is_refused_and_the_card_stays() {
    let (service, notes) = desk();
    let (mut a, first) = connected(&service);
    a.disconnect(first, Disposition::Unpower)
        .expect("disconnected");
    let (direct, _) = a
        .connect(READER, ShareMode::Direct, Protocols::UNDEFINED)
        .expect("connected");
    notes.take();
    let sent = a.transmit(direct, Protocols::RAW, &[0, 1, 2, 3]);
    assert_eq!(refused(sent), Code::NOT_TRANSACTED);
    assert!(!notes.take().contains(&"command"));
    // Whoever connects to it gives it power again.
    let (again, _) = a
        .connect(READER, ShareMode::Shared, ANY)
        .expect("connected");
    assert!(send(&a, again).is_ok());
}

#[test]
fn who_connects_without_power_chooses_the_protocol_until_a_reset() {
    for reconnects in [false, true] {
        let (service, _) = desk();
        let (mut a, first) = connected(&service);
        let (mut b, second) = connected(&service);
        a.disconnect(first, Disposition::Unpower)
            .expect("disconnected");
        let (direct, chosen) = a
            .connect(READER, ShareMode::Direct, Protocols::RAW)
            .expect("connected");
        assert_eq!(chosen, Protocols::RAW);
        // The card gets power, and is not what they ask for all the same.
        let other = match reconnects {
            true => b
                .reconnect(second, ShareMode::Shared, ANY, Disposition::Leave)
                .map(drop),
            false => b.connect(READER, ShareMode::Shared, ANY).map(drop),
        };
        assert_eq!(refused(other), Code::PROTO_MISMATCH);
        let seen = service.reader_states();
        let seen = seen.first().expect("a reader");
        assert_eq!((seen.protocol, seen.state), (Protocols::RAW, state::READY));
        let reset = a.reconnect(direct, ShareMode::Direct, ANY, Disposition::Reset);
        assert_eq!(reset, Ok(Protocols::UNDEFINED));
        let again = b.connect(READER, ShareMode::Shared, ANY);
        assert_eq!(again.expect("connected").1, Protocols::T0);
    }
}

#[test]
fn after_every_reset_the_protocol_is_chosen_anew() {
    for disposition in [Disposition::Reset, Disposition::Unpower] {
        let (service, _) = desk();
        let (mut a, first) = connected(&service);
        let protocol = || service.reader_states().first().map(|seen| seen.protocol);
        let choose = |a: &mut Client| {
            let raw = Protocols::RAW;
            let chosen = a.reconnect(first, ShareMode::Shared, raw, Disposition::Leave);
            assert_eq!(chosen, Ok(raw));
            assert_eq!(protocol(), Some(raw));
        };
        choose(&mut a);
        let chosen = a.reconnect(first, ShareMode::Shared, ANY, disposition);
        assert_eq!(chosen, Ok(Protocols::T0));
        choose(&mut a);
        a.begin_transaction(first).expect("begun");
        a.end_transaction(first, disposition).expect("ended");
        assert_eq!(protocol(), Some(Protocols::UNDEFINED));
        choose(&mut a);
        service.reset(READER).expect("reset");
        assert_eq!(protocol(), Some(Protocols::UNDEFINED));
        choose(&mut a);
        a.disconnect(first, disposition).expect("disconnected");
        assert_eq!(protocol(), Some(Protocols::UNDEFINED));
    }
}

#[test]
fn a_card_that_goes_at_a_reset_is_told_as_removed_to_every_handle() {
    let resets = [Disposition::Reset, Disposition::Unpower];
    for (disposition, reconnects) in resets
        .into_iter()
        .flat_map(|one| [(one, false), (one, true)])
    {
        let (service, _) = desk();
        let (mut a, first) = connected(&service);
        let (b, second) = connected(&service);
        let goes = a.transmit(first, Protocols::T0, &[0xE7]);
        assert_eq!(goes, Ok(vec![0x90, 0x00]));
        let reset = match reconnects {
            true => a
                .reconnect(first, ShareMode::Shared, ANY, disposition)
                .map(drop),
            false => {
                a.begin_transaction(first).expect("begun");
                a.end_transaction(first, disposition)
            }
        };
        assert_eq!(refused(reset), Code::NO_SMARTCARD);
        for (client, handle) in [(&a, first), (&b, second)] {
            assert_eq!(refused(client.status(handle)), Code::REMOVED_CARD);
        }
    }
}
