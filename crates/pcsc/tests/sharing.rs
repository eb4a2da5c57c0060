//! Who may connect, and with what.

// A test fails by panicking, and so do its helpers.
#![allow(clippy::panic)]

mod common;

use common::{Card, HELD, READER, client, connected, desk, refused, service};
use kortlab_pcsc::service::{MAX_NAME, MAX_READERS};
use kortlab_pcsc::terms::state;
use kortlab_pcsc::{Code, Disposition, Protocols, ReaderError, ShareMode};

const ANY: Protocols = Protocols(3);

#[test]
fn many_share_a_card_and_each_handle_is_another() {
    let (service, _) = desk();
    let (_a, first) = connected(&service);
    let (_b, second) = connected(&service);
    assert_ne!(first, second);
    assert_eq!(service.reader_states()[0].sharing, 2);
    let mut both = client(&service);
    let (third, _) = both
        .connect(READER, ShareMode::Shared, ANY)
        .expect("connected");
    assert!(third != first && third != second);
}

#[test]
fn exclusive_refuses_others_and_is_refused_while_others_are_there() {
    let (service, _) = desk();
    let (mut a, shared) = connected(&service);
    let mut b = client(&service);
    let exclusive =
        |client: &mut kortlab_pcsc::Client| client.connect(READER, ShareMode::Exclusive, ANY);
    assert_eq!(refused(exclusive(&mut b)), Code::SHARING_VIOLATION);
    a.disconnect(shared, Disposition::Leave).expect("gone");
    let (alone, _) = exclusive(&mut b).expect("alone");
    assert_eq!(service.reader_states()[0].sharing, -1);
    for mode in [ShareMode::Shared, ShareMode::Exclusive, ShareMode::Direct] {
        assert_eq!(
            refused(a.connect(READER, mode, ANY)),
            Code::SHARING_VIOLATION
        );
    }
    b.disconnect(alone, Disposition::Leave).expect("gone");
    assert_eq!(service.reader_states()[0].sharing, 0);
    connected(&service);
}

#[test]
fn a_handle_becomes_exclusive_when_it_is_alone_and_shares_again() {
    let (service, _) = desk();
    let (mut a, first) = connected(&service);
    let (mut b, second) = connected(&service);
    let reconnect = |client: &mut kortlab_pcsc::Client, handle, mode| {
        client.reconnect(handle, mode, ANY, Disposition::Leave)
    };
    let refusal = refused(reconnect(&mut a, first, ShareMode::Exclusive));
    assert_eq!(refusal, Code::SHARING_VIOLATION);
    b.disconnect(second, Disposition::Leave).expect("gone");
    reconnect(&mut a, first, ShareMode::Exclusive).expect("alone");
    let refusal = refused(b.connect(READER, ShareMode::Shared, ANY));
    assert_eq!(refusal, Code::SHARING_VIOLATION);
    reconnect(&mut a, first, ShareMode::Shared).expect("shared");
    // As with pcscd, what it held alone has become a transaction.
    assert_eq!(b.connect(READER, ShareMode::Shared, ANY), Err(HELD));
    a.end_transaction(first, Disposition::Leave).expect("ended");
    let (second, _) = b
        .connect(READER, ShareMode::Shared, ANY)
        .expect("connected");
    assert_eq!(b.status(second), Ok(()));
}

#[test]
fn what_is_asked_for_wrongly_is_refused_by_name() {
    let (service, _) = desk();
    let mut a = client(&service);
    let mut connect =
        |reader: &str, mode, protocols| refused(a.connect(reader, mode, Protocols(protocols)));
    assert_eq!(connect("None", ShareMode::Shared, 3), Code::UNKNOWN_READER);
    assert_eq!(connect("", ShareMode::Shared, 3), Code::UNKNOWN_READER);
    assert_eq!(connect(READER, ShareMode::Shared, 0), Code::PROTO_MISMATCH);
    assert_eq!(connect(READER, ShareMode::Shared, 2), Code::PROTO_MISMATCH);
    assert_eq!(ShareMode::from_number(0), Err(Code::INVALID_VALUE));
    assert_eq!(Disposition::from_number(4), Err(Code::INVALID_VALUE));
    assert_eq!(a.establish_context(4), Err(Code::INVALID_VALUE));
    let mut nobody = service.client();
    let refusal = refused(nobody.connect(READER, ShareMode::Shared, ANY));
    assert_eq!(refusal, Code::INVALID_HANDLE);
    assert_eq!(service.reader_states()[0].sharing, 0);
}

#[test]
fn handles_of_others_are_none() {
    let (service, _) = desk();
    let (a, first) = connected(&service);
    let (mut b, _) = connected(&service);
    assert_eq!(refused(b.status(first)), Code::INVALID_HANDLE);
    assert_eq!(refused(b.begin_transaction(first)), Code::INVALID_HANDLE);
    assert_eq!(
        refused(b.transmit(first, Protocols::T0, &[0; 4])),
        Code::INVALID_HANDLE
    );
    assert_eq!(
        refused(b.disconnect(first, Disposition::Leave)),
        Code::INVALID_HANDLE
    );
    assert_eq!(
        refused(b.get_attrib(first, 0x0009_0303)),
        Code::INVALID_HANDLE
    );
    let again = b.reconnect(first, ShareMode::Shared, ANY, Disposition::Leave);
    assert_eq!(refused(again), Code::INVALID_HANDLE);
    assert_eq!(a.status(first), Ok(()));
}

#[test]
fn an_empty_reader_is_connected_directly_alone() {
    let service = service();
    service.add_reader(READER, None).expect("a reader");
    let mut a = client(&service);
    let refusal = refused(a.connect(READER, ShareMode::Shared, ANY));
    assert_eq!(refusal, Code::NO_SMARTCARD);
    let direct = a.connect(READER, ShareMode::Direct, Protocols::UNDEFINED);
    let (handle, protocol) = direct.expect("connected");
    assert_eq!(protocol, Protocols::UNDEFINED);
    let refusal = refused(a.transmit(handle, Protocols::T0, &[0; 4]));
    assert_eq!(refusal, Code::NO_SMARTCARD);
}

#[test]
fn the_protocol_that_was_chosen_is_the_one_to_send_with() {
    let (service, _) = desk();
    let (a, handle) = connected(&service);
    let send = |protocol| a.transmit(handle, protocol, &[1, 2, 3, 4]);
    assert!(send(Protocols::T0).is_ok());
    assert!(send(Protocols::RAW).is_ok());
    assert!(send(Protocols::ANY_OLD).is_ok());
    assert_eq!(refused(send(Protocols::T1)), Code::PROTO_MISMATCH);
    // Who connects "raw" changes that for all.
    let mut b = client(&service);
    b.connect(READER, ShareMode::Shared, Protocols::RAW)
        .expect("connected");
    assert_eq!(refused(send(Protocols::T0)), Code::PROTO_MISMATCH);
}

#[test]
fn a_client_that_goes_leaves_no_handle_behind() {
    let (service, notes) = desk();
    let (a, _) = connected(&service);
    let (mut b, _) = connected(&service);
    drop(a);
    assert_eq!(service.reader_states()[0].sharing, 1);
    let context = b.establish_context(2).expect("another");
    assert_eq!(b.release_context(context + 1), Err(Code::INVALID_VALUE));
    assert_eq!(b.release_context(context), Ok(()));
    assert_eq!(b.release_context(context), Err(Code::INVALID_HANDLE));
    assert_eq!(service.reader_states()[0].sharing, 0);
    assert!(!notes.take().contains(&"warm"));
}

#[test]
fn handles_have_a_limit_and_are_given_back() {
    let (service, _) = desk();
    let mut a = client(&service);
    let mut handles = Vec::new();
    let refusal = loop {
        match a.connect(READER, ShareMode::Shared, ANY) {
            Ok((handle, _)) => handles.push(handle),
            refusal => break refused(refusal),
        }
    };
    assert_eq!((handles.len(), refusal), (200, Code::NO_MEMORY));
    a.disconnect(handles[0], Disposition::Leave).expect("gone");
    a.connect(READER, ShareMode::Shared, ANY)
        .expect("room again");
}

#[test]
fn readers_have_names_of_their_own_that_fit() {
    let service = service();
    for name in ["", "a\nb", &"x".repeat(MAX_NAME + 1)] {
        assert!(matches!(
            service.add_reader(name, None),
            Err(ReaderError::Name(_))
        ));
    }
    for number in 0..MAX_READERS {
        service
            .add_reader(&format!("Reader {number}"), None)
            .expect("a reader");
    }
    assert_eq!(
        service.add_reader("one more", None),
        Err(ReaderError::TooMany)
    );
    let taken = service.add_reader("Reader 3", None);
    assert_eq!(taken, Err(ReaderError::Taken("Reader 3".to_owned())));
    assert_eq!(service.reader_events(), 16);
    assert_eq!(service.reader_states()[3].state, state::ABSENT);
}

#[test]
fn a_card_that_nobody_has_used_for_a_while_forgets() {
    let mut numbers = 1..;
    let service = kortlab_pcsc::Service::new(move || numbers.next().expect("a number"));
    let service = std::sync::Arc::new(service.with_grace(std::time::Duration::ZERO));
    let (card, notes) = Card::new();
    service
        .add_reader(READER, Some(Box::new(card)))
        .expect("a reader");
    let (a, handle) = connected(&service);
    let (b, _) = connected(&service);
    notes.take();
    drop(b);
    let (b, _) = connected(&service);
    assert_eq!(notes.take(), [""; 0], "another has it meanwhile");
    assert_eq!(a.begin_transaction(handle), Ok(()));
    drop((a, b));
    notes.take();
    connected(&service);
    assert_eq!(notes.take(), ["on"]);
}

#[test]
fn a_protocol_that_was_chosen_is_forgotten_with_the_power_of_an_idle_card() {
    let mut numbers = 1..;
    let service = kortlab_pcsc::Service::new(move || numbers.next().expect("a number"));
    let service = std::sync::Arc::new(service.with_grace(std::time::Duration::ZERO));
    let (card, _) = Card::new();
    service
        .add_reader(READER, Some(Box::new(card)))
        .expect("a reader");
    let raw = || client(&service).connect(READER, ShareMode::Direct, Protocols::RAW);
    assert_eq!(raw().expect("connected").1, Protocols::RAW);
    let direct = client(&service).connect(READER, ShareMode::Direct, ANY);
    assert_eq!(direct.expect("connected").1, Protocols::UNDEFINED);
    assert_eq!(raw().expect("connected").1, Protocols::RAW);
    // It finds T=0.
    connected(&service);
}
