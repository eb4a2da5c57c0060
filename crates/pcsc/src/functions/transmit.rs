//! SCardTransmit.

use kortlab_apdu::ChannelError;

use crate::{Client, Code, Protocols, Refusal};

/// The longest command and the longest answer: an extended APDU, and a little more.
pub const MAX_MESSAGE: usize = 4 + 3 + 65_536 + 3 + 2;

/// `6581`, memory failure: what stands for an answer when a card's change could not be saved.
const NOT_SAVED: [u8; 2] = [0x65, 0x81];

impl Client {
    /// Sends a command to the card; `protocol` is what the caller believes to have connected with.
    ///
    /// # Errors
    /// No such handle, somebody reset the card or pulled it out, it speaks another protocol, the
    /// command did not get through, or another handle is in a transaction ([`Refusal::Held`]).
    pub fn transmit(
        &self,
        handle: u32,
        protocol: Protocols,
        command: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let reader = self.reader(handle)?;
        // Before the card is waited for, which another client's command may keep busy.
        self.check_free(&reader, handle)?;
        let mut slot = reader.slot();
        self.check_free(&reader, handle)?;
        {
            let sharing = reader.sharing();
            sharing.check_reader()?;
            sharing.check_event_of(handle)?;
            let empty = sharing.is_empty();
            if protocol != Protocols::RAW {
                if empty {
                    return Err(Code::NO_SMARTCARD.into());
                }
                if protocol != Protocols::ANY_OLD && protocol != sharing.public.protocol {
                    return Err(Code::PROTO_MISMATCH.into());
                }
            }
            // Who asks for no protocol is not told why, as with pcscd. A card without power would answer
            // nothing, as one that is gone; but it is there.
            if empty || !slot.is_powered() {
                return Err(Code::NOT_TRANSACTED.into());
            }
        }
        let answer = match &mut slot.card {
            Some(card) => card.transmit(command),
            None => Err(ChannelError::NoCard),
        };
        match answer {
            Ok(answer) if answer.len() > MAX_MESSAGE => Err(Code::INSUFFICIENT_BUFFER.into()),
            Ok(answer) => Ok(answer),
            // The card is there and well; a program can be told no more than this.
            Err(ChannelError::Storage(_)) => Ok(NOT_SAVED.to_vec()),
            Err(error) => {
                // Before another card can come: what is said is said of this one.
                let code = reader.failed(&error);
                drop(slot);
                self.service.changed();
                Err(code.into())
            }
        }
    }
}
