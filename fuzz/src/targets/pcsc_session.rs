//! What a PC/SC client sends to our service: any bytes, as one connection's.

use std::sync::Arc;
use std::time::Duration;

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_pcsc::door::session::{Reply, Session};
use kortlab_pcsc::door::wire::{self, Parsed};
use kortlab_pcsc::{Code, Protocols, Service, ShareMode, Wake};

/// The longest message: header, structure, an extended APDU and a little more.
const LONGEST: usize = 8 + 32 + 65_548;

/// Plays the bytes to a session, beside a client that keeps its handle; what is answered has a
/// length that fits, lengths that are asked for are within bounds, and nothing is left behind.
pub fn pcsc_session(data: &[u8]) {
    let mut numbers = 1..;
    let numbers = move || numbers.next().unwrap_or(1);
    let service = Arc::new(Service::new(numbers).with_grace(Duration::MAX));
    let added = service.add_reader("Desk", Some(Box::new(Echo)));
    assert_eq!(added, Ok(()));
    let mut neighbour = service.client();
    assert!(neighbour.establish_context(2).is_ok());
    let own = neighbour.connect("Desk", ShareMode::Shared, Protocols::T0);

    let mut session = Session::new(&service, Arc::new(Deaf));
    let mut rest = data;
    loop {
        match wire::parse(rest) {
            Parsed::Request(request, length) => {
                assert!((8..=LONGEST).contains(&length) && length <= rest.len());
                match session.handle(&request, false) {
                    Reply::Answer(answer) => {
                        assert!(!answer.is_empty() && answer.len() <= 32 + 65_548);
                        assert_eq!(answer.len() % 4, answer_rest(&request, &answer));
                    }
                    Reply::Nothing => {}
                    // It alone could hold the card, and nobody waits for himself.
                    Reply::Held { .. } => unreachable!("held by nobody"),
                }
                rest = rest.get(length..).unwrap_or_default();
            }
            Parsed::Incomplete(needed) => {
                assert!(needed > rest.len() && needed <= LONGEST);
                break;
            }
            Parsed::Broken(why) => {
                assert!(!why.is_empty());
                break;
            }
        }
    }
    drop(session);
    // The neighbour has what it had, at most the card was reset or taken exclusively before it came.
    if let Ok((handle, _)) = own {
        let again = neighbour.status(handle).map_err(|refusal| refusal.code());
        assert!(matches!(again, Ok(()) | Err(Code::RESET_CARD)), "{again:?}");
        assert_eq!(
            service.reader_states().first().map(|state| state.sharing),
            Some(1)
        );
    }
}

/// How many bytes of an answer are no whole word: those that a card has answered.
fn answer_rest(request: &wire::Request<'_>, answer: &[u8]) -> usize {
    match request {
        wire::Request::Transmit { .. } => answer.len().saturating_sub(32) % 4,
        wire::Request::Control { .. } => answer.len().saturating_sub(24) % 4,
        _ => 0,
    }
}

/// A card that answers each command with itself.
struct Echo;

impl Channel for Echo {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Ok([command, &[0x90, 0x00]].concat())
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T0
    }
}

/// Hears nothing.
struct Deaf;

impl Wake for Deaf {
    fn wake(&self, _: Code) {}
}
