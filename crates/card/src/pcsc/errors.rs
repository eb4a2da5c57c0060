//! What a PC/SC error means to a user, and what to do about it.

use kortlab_apdu::ChannelError;
use pcsc::Error;

/// The channel error for a PC/SC error that came up with `reader`, if one was concerned.
pub(super) fn explain(error: Error, reader: Option<&str>) -> ChannelError {
    let no_reader = |what: String| ChannelError::NoReader(what);
    match error {
        Error::NoService | Error::ServiceStopped | Error::Shutdown => no_reader(
            "the PC/SC service does not answer; start pcscd (systemctl start pcscd.socket, or \
             pcscd --foreground), or use a virtual card"
                .to_owned(),
        ),
        Error::NoReadersAvailable => {
            no_reader("the PC/SC service knows none; plug one in, or use a virtual card".to_owned())
        }
        Error::UnknownReader | Error::ReaderUnavailable => no_reader(match reader {
            Some(name) => format!("{name:?} is gone; plug it in again"),
            None => "it is gone; plug it in again".to_owned(),
        }),
        Error::NoSmartcard | Error::RemovedCard => ChannelError::NoCard,
        Error::ResetCard => ChannelError::WasReset,
        Error::SharingViolation => ChannelError::Busy,
        Error::UnresponsiveCard | Error::UnpoweredCard => ChannelError::Link(
            "the card does not answer; take it out and put it in again, chip first".to_owned(),
        ),
        Error::ProtoMismatch => ChannelError::Link(
            "card and reader have no protocol in common that this program speaks (T=0, T=1); \
             ask for another protocol, or use another reader"
                .to_owned(),
        ),
        Error::NotTransacted | Error::CommError | Error::CommDataLost => {
            ChannelError::Link(format!(
                "the command did not get through ({error}); if the card was pulled out, insert \
                 it and start again"
            ))
        }
        Error::NoAccess | Error::SecurityViolation => ChannelError::Link(format!(
            "the PC/SC service refuses this user ({error}); on Linux polkit decides who may use \
             readers: log in locally, or add a rule for org.debian.pcsc-lite"
        )),
        Error::InsufficientBuffer => ChannelError::Link(
            "the answer is longer than an APDU can be; the reader's driver is at fault".to_owned(),
        ),
        Error::Timeout | Error::Cancelled | Error::SystemCancelled => {
            ChannelError::Link(format!("the PC/SC service gave up ({error}); try again"))
        }
        other => ChannelError::Link(format!(
            "PC/SC says: {other}; if it stays so, restart pcscd and insert the card again"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_a_user_meets_says_what_to_do() {
        for (error, part) in [
            (Error::NoService, "start pcscd"),
            (Error::UnknownReader, "\"R\" is gone"),
            (Error::NoSmartcard, "insert it"),
            (Error::RemovedCard, "insert it"),
            (Error::SharingViolation, "close it"),
            (Error::ResetCard, "start again"),
            (Error::UnresponsiveCard, "chip first"),
            (Error::NotTransacted, "start again"),
            (Error::InternalError, "restart pcscd"),
        ] {
            let text = explain(error, Some("R")).to_string();
            assert!(text.contains(part), "{error:?}: {text}");
        }
    }
}
