//! A card that knows nothing: whatever the command, the answer is the same. It tests the sandbox
//! without our emulator, and is the floor that the benches measure against.
//!
//! It speaks vpcd's protocol on its own: a two-byte big-endian length, then the bytes; a single
//! byte from vpcd is a control: 00 power off, 01 power on, 02 reset, 04 "your ATR".

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};

/// The null card's ATR: T=1, no historical bytes.
pub const ATR: [u8; 4] = [0x3B, 0x80, 0x01, 0x81];

/// Serves one connection to vpcd until it closes it. `answer` makes the response, status word
/// included, from each command.
///
/// # Errors
/// vpcd cannot be reached, or the connection breaks in the middle of a frame.
pub fn serve(
    address: impl ToSocketAddrs,
    atr: &[u8],
    mut answer: impl FnMut(&[u8]) -> Vec<u8>,
) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut command = Vec::new();
    while read_frame(&mut stream, &mut command)? {
        match command.as_slice() {
            [0x04] => write_frame(&mut stream, atr)?,
            [0x00..=0x02] => {}
            command => write_frame(&mut stream, &answer(command))?,
        }
    }
    Ok(())
}

/// The null card's answer to everything.
pub fn always_9000(_command: &[u8]) -> Vec<u8> {
    vec![0x90, 0x00]
}

/// Reads one frame; `false` at the end of the stream.
fn read_frame(stream: &mut TcpStream, frame: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 2];
    quick_ack(stream);
    // The first byte decides between "closed between frames" and "cut in a frame".
    if stream.read(&mut length[..1])? == 0 {
        return Ok(false);
    }
    stream.read_exact(&mut length[1..])?;
    frame.resize(usize::from(u16::from_be_bytes(length)), 0);
    quick_ack(stream);
    stream.read_exact(frame)?;
    Ok(true)
}

fn write_frame(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(2 + bytes.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(bytes);
    stream.write_all(&frame)
}

/// Older vpcd sends length and body in two pieces; without an immediate acknowledgement of the
/// first, the second waits 40 ms. The kernel forgets the setting, so it is set before each read.
fn quick_ack(stream: &TcpStream) {
    // Only speed depends on it.
    let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn controls_get_no_answer_but_the_atr_and_commands_get_theirs() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let card = thread::spawn(move || serve(address, &ATR, always_9000));
        let (mut vpcd, _) = listener.accept().unwrap();
        vpcd.write_all(&[0, 1, 0x01, 0, 1, 0x02, 0, 1, 0x04])
            .unwrap();
        vpcd.write_all(&[0, 4, 0x00, 0xA4, 0x00, 0x00]).unwrap();
        let mut answers = [0; 2 + ATR.len() + 4];
        vpcd.read_exact(&mut answers).unwrap();
        assert_eq!(answers[..2], [0, 4]);
        assert_eq!(answers[2..6], ATR);
        assert_eq!(answers[6..], [0, 2, 0x90, 0x00]);
        drop(vpcd);
        card.join().unwrap().unwrap();
    }
}
