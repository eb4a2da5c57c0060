//! One connection: requests in, answers out. No I/O.

use std::sync::Arc;

use super::wire::{self, MAJOR, MINORS, Request};
use crate::{Client, Code, Disposition, Refusal, Service, ShareMode, Wake};

/// One connection of a client.
pub struct Session {
    client: Client,
    /// The minor version of the protocol that was agreed on.
    minor: u32,
    /// Whether the client waits for a change, and was not told of one.
    waiting: bool,
    /// Whether the client has yet to read the reader states before it listens for a change.
    reading_states: bool,
    change: Arc<dyn Wake>,
}

/// What is to be done about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Send this.
    Answer(Vec<u8>),
    /// Send nothing.
    Nothing,
    /// Another client is in a transaction. Ask again when it has ended.
    Held {
        /// Whether to wait as long as it takes; else the client asks again by itself when it is
        /// told that the card is not to be had.
        forever: bool,
    },
}

impl Session {
    /// A client that has just come; `change` hears when its wait for a change is over.
    pub fn new(service: &Arc<Service>, change: Arc<dyn Wake>) -> Self {
        Self {
            client: service.client(),
            minor: *MINORS.start(),
            waiting: false,
            reading_states: false,
            change,
        }
    }

    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the client listens now, so that a change may be told. Up to 4.5 it does as soon as
    /// it waits; with 4.6 it first asks for the reader states, and would take the news for them.
    pub const fn listens(&self) -> bool {
        !self.reading_states
    }

    /// Whether it waits for a change; else there is nothing to tell it.
    pub const fn waits(&self) -> bool {
        self.waiting
    }

    /// The client was told that its wait is over.
    pub fn told(&mut self) {
        self.waiting = false;
        self.reading_states = false;
    }

    /// Carries out one request. Who is not `patient` any more is refused what another holds.
    pub fn handle(&mut self, request: &Request<'_>, patient: bool) -> Reply {
        let client = &mut self.client;
        let answer = match *request {
            Request::Version { major, minor } => {
                let spoken = major == MAJOR && MINORS.contains(&minor);
                if spoken {
                    self.minor = minor;
                }
                let (minor, code) = match spoken {
                    true => (minor, Code::SUCCESS),
                    false => (*MINORS.end(), Code::SERVICE_STOPPED),
                };
                wire::numbers(&[MAJOR, minor, code.0])
            }
            Request::ReadersState => wire::reader_states(&client.service().reader_states()),
            Request::ReadersStateArray => {
                self.reading_states = false;
                wire::reader_states(&client.service().reader_states())
            }
            Request::ReadersStateSize => {
                wire::numbers(&[u32::try_from(crate::service::MAX_READERS).unwrap_or(0)])
            }
            Request::ReaderEvents => {
                wire::numbers(&[client.service().reader_events(), Code::SUCCESS.0])
            }
            Request::Wait => {
                let states = client.wait_for_change(Arc::clone(&self.change));
                self.waiting = true;
                if self.minor >= 6 {
                    self.reading_states = true;
                    return Reply::Nothing;
                }
                wire::reader_states(&states)
            }
            Request::StopWaiting => {
                self.reading_states = false;
                match client.stop_waiting() {
                    true => {
                        self.waiting = false;
                        wire::change(Code::SUCCESS)
                    }
                    // What it waited for has come, and answers this.
                    false => return Reply::Nothing,
                }
            }
            Request::EstablishContext { scope } => {
                let done = client.establish_context(scope);
                let context = done.unwrap_or(0);
                wire::numbers(&[scope, context, code(done)])
            }
            Request::ReleaseContext { context } => {
                wire::numbers(&[context, code(client.release_context(context))])
            }
            Request::Connect {
                context,
                reader,
                share,
                protocols,
            } => {
                let mode = ShareMode::for_connecting(share, protocols).map_err(Refusal::from);
                let name = std::str::from_utf8(reader).unwrap_or_default();
                let done = mode.and_then(|mode| client.connect(name, mode, protocols));
                if let Some(reply) = held(&done, true) {
                    return reply;
                }
                let done = done.map_err(Refusal::code);
                wire::connected((context, reader, share, protocols), done)
            }
            Request::Reconnect {
                handle,
                share,
                protocols,
                initialization,
            } => {
                let done = reconnect(client, handle, share, protocols, initialization);
                if let Some(reply) = held(&done, false).filter(|_| patient) {
                    return reply;
                }
                let protocol = done.unwrap_or_default();
                wire::numbers(&[
                    handle,
                    share,
                    protocols.0,
                    initialization,
                    protocol.0,
                    refusal(done),
                ])
            }
            Request::Disconnect {
                handle,
                disposition,
            } => {
                let how = Disposition::from_number(disposition).map_err(Refusal::from);
                let done = how.and_then(|how| client.disconnect(handle, how));
                if let Some(reply) = held(&done, true) {
                    return reply;
                }
                wire::numbers(&[handle, disposition, refusal(done)])
            }
            Request::BeginTransaction { handle } => {
                let done = client.begin_transaction(handle);
                if let Some(reply) = held(&done, false).filter(|_| patient) {
                    return reply;
                }
                wire::numbers(&[handle, refusal(done)])
            }
            Request::EndTransaction {
                handle,
                disposition,
            } => {
                let how = Disposition::from_number(disposition).map_err(Refusal::from);
                let done = how.and_then(|how| client.end_transaction(handle, how));
                wire::numbers(&[handle, disposition, refusal(done)])
            }
            Request::Transmit {
                handle,
                pci,
                room,
                command,
            } => {
                let protocol = crate::Protocols(pci.send_protocol);
                let done = client.transmit(handle, protocol, command);
                if let Some(reply) = held(&done, false).filter(|_| patient) {
                    return reply;
                }
                let (answer, length, code) = fitted(done, room);
                let mut bytes = wire::numbers(&[
                    handle,
                    pci.send_protocol,
                    pci.send_length,
                    u32::try_from(command.len()).unwrap_or(u32::MAX),
                    pci.receive_protocol,
                    pci.receive_length,
                    length,
                    code,
                ]);
                bytes.extend_from_slice(&answer);
                bytes
            }
            Request::Control {
                handle,
                code,
                room,
                input,
            } => {
                let done = client.control(handle, code, input);
                if let Some(reply) = held(&done, false).filter(|_| patient) {
                    return reply;
                }
                let (answer, length, result) = fitted(done, room);
                let sent = u32::try_from(input.len()).unwrap_or(u32::MAX);
                let mut bytes = wire::numbers(&[handle, code, sent, room, length, result]);
                bytes.extend_from_slice(&answer);
                bytes
            }
            Request::Status { handle } => {
                let done = client.status(handle);
                if let Some(reply) = held(&done, false).filter(|_| patient) {
                    return reply;
                }
                wire::numbers(&[handle, refusal(done)])
            }
            Request::Cancel { context } => wire::numbers(&[context, code(client.cancel(context))]),
            Request::GetAttrib {
                handle,
                attribute,
                room,
                value,
            } => {
                let done = client.get_attrib(handle, attribute);
                if let Some(reply) = held(&done, false).filter(|_| patient) {
                    return reply;
                }
                match done {
                    Err(refusal) => wire::attribute(handle, attribute, value, room, refusal.code()),
                    Ok(found) => {
                        let length = u32::try_from(found.len()).unwrap_or(u32::MAX);
                        match length <= room {
                            true => {
                                wire::attribute(handle, attribute, &found, length, Code::SUCCESS)
                            }
                            false => {
                                let code = Code::INSUFFICIENT_BUFFER;
                                wire::attribute(handle, attribute, value, length, code)
                            }
                        }
                    }
                }
            }
            Request::SetAttrib {
                handle,
                attribute,
                length,
                value,
            } => {
                let set = usize::try_from(length).ok().and_then(|n| value.get(..n));
                let done = client.set_attrib(handle, attribute, set.unwrap_or(value));
                if let Some(reply) = held(&done, false).filter(|_| patient) {
                    return reply;
                }
                let code = done.err().map_or(Code::SUCCESS, Refusal::code);
                wire::attribute(handle, attribute, value, length, code)
            }
        };
        Reply::Answer(answer)
    }

    /// Tells `wake` when what keeps this request waiting has ended.
    pub fn when_released(&self, request: &Request<'_>, wake: Arc<dyn Wake>) {
        match *request {
            Request::Connect { reader, .. } => {
                let name = std::str::from_utf8(reader).unwrap_or_default();
                self.client.when_reader_released(name, wake);
            }
            Request::Reconnect { handle, .. }
            | Request::Disconnect { handle, .. }
            | Request::BeginTransaction { handle }
            | Request::Transmit { handle, .. }
            | Request::Control { handle, .. }
            | Request::Status { handle }
            | Request::GetAttrib { handle, .. }
            | Request::SetAttrib { handle, .. } => self.client.when_released(handle, wake),
            _ => wake.wake(Code::SUCCESS),
        }
    }
}

fn reconnect(
    client: &mut Client,
    handle: u32,
    share: u32,
    protocols: crate::Protocols,
    initialization: u32,
) -> Result<crate::Protocols, Refusal> {
    let initialization = Disposition::from_number(initialization)?;
    let share = ShareMode::from_number(share)?;
    client.reconnect(handle, share, protocols, initialization)
}

/// What to do if another client is in a transaction; a client never waits for itself.
fn held<T>(done: &Result<T, Refusal>, forever: bool) -> Option<Reply> {
    match done {
        Err(Refusal::Held { own: false }) => Some(Reply::Held { forever }),
        _ => None,
    }
}

fn code<T>(done: Result<T, Code>) -> u32 {
    done.err().unwrap_or(Code::SUCCESS).0
}

fn refusal<T>(done: Result<T, Refusal>) -> u32 {
    code(done.map_err(Refusal::code))
}

/// An answer as the caller's buffer takes it: the bytes, their number, and the code. Of one that
/// does not fit the number alone is told.
fn fitted(done: Result<Vec<u8>, Refusal>, room: u32) -> (Vec<u8>, u32, u32) {
    match done {
        Err(refusal) => (Vec::new(), 0, refusal.code().0),
        Ok(answer) => {
            let length = u32::try_from(answer.len()).unwrap_or(u32::MAX);
            match length <= room {
                true => (answer, length, Code::SUCCESS.0),
                false => (Vec::new(), length, Code::INSUFFICIENT_BUFFER.0),
            }
        }
    }
}
