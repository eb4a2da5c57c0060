//! A client of the PC/SC service that has no library: what a program does that is linked
//! statically, or brings a client of its own. It is built by the tests, for itself alone.

use std::env;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// The path that clients have built in.
const USUAL: &str = "/run/pcscd/pcscd.comm";

fn main() -> io::Result<()> {
    let path = env::var("PCSCLITE_CSOCK_NAME").unwrap_or_else(|_| USUAL.to_owned());
    let mut wire = UnixStream::connect(path)?;
    ask(&mut wire, 0x11, &words(&[4, 4, 0]), 12)?;
    let context = word(&ask(&mut wire, 0x01, &words(&[2, 0, 0]), 12)?, 4);
    let states = ask(&mut wire, 0x12, &[], 16 * 184)?;
    let name = &states[..128];
    let connect = [&words(&[context]), name, &words(&[2, 3, 0, 0, 0])].concat();
    let connected = ask(&mut wire, 0x04, &connect, 152)?;
    assert_eq!(word(&connected, 148), 0, "SCardConnect");
    let (card, protocol) = (word(&connected, 140), word(&connected, 144));
    let command = [0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00];
    let structure = words(&[card, protocol, 16, 7, 0, 16, 258, 0]);
    wire.write_all(&[&words(&[32, 0x09]), &structure[..], &command].concat())?;
    let mut answer = [0; 34];
    wire.read_exact(&mut answer)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(128);
    println!(
        "{}: {:02X}{:02X}",
        String::from_utf8_lossy(&name[..end]),
        answer[32],
        answer[33]
    );
    Ok(())
}

fn ask(wire: &mut UnixStream, command: u32, body: &[u8], length: usize) -> io::Result<Vec<u8>> {
    let size = u32::try_from(body.len()).map_err(io::Error::other)?;
    wire.write_all(&[&words(&[size, command]), body].concat())?;
    let mut answer = vec![0; length];
    wire.read_exact(&mut answer)?;
    Ok(answer)
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
