//! The frames of a card on a socket.

use kortlab_emulator::link::socket::frame;

/// Frames that can be read are written as they were, errors in them keep their kind, and what is no
/// frame ends the reading.
pub fn socket_frame(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some((kind, body))) = frame::read(&mut rest) {
        let mut written = Vec::new();
        frame::write(&mut written, kind, &body).expect("as long as one that was read");
        let read = data.len() - rest.len();
        assert!(data[..read].ends_with(&written));
        if kind == frame::ERROR {
            let error = frame::decode_error(&body);
            assert_eq!(frame::decode_error(&frame::encode_error(&error)), error);
        }
    }
}
