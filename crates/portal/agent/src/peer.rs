//! Who is at the other end of a connection.
//!
//! The headers that tell where a request comes from are true of browsers only: any program on this
//! computer can write them. So the agent lets in connections of its own user alone. A TCP socket has
//! no credentials of its peer (`SO_PEERCRED` is for Unix sockets), but on loopback the peer's socket
//! is one of the same kernel's, and Linux lists each with its owner (proc_pid_net(5), `tcp` and
//! `tcp6`).
//!
//! Only a socket that is open counts: one that was closed has lost its owner, and would be listed as
//! root's.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// The state of a connection that is open at both ends (`TCP_ESTABLISHED`).
const ESTABLISHED: &str = "01";

/// The user whose programs may connect: the one that the agent runs as.
pub(crate) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The user that holds the socket `peer` of a connection to our socket `own`; `None` if no open
/// socket like that is listed.
///
/// # Errors
/// This system does not list its sockets.
pub(crate) fn user_of(peer: SocketAddr, own: SocketAddr) -> io::Result<Option<u32>> {
    let file = match peer {
        SocketAddr::V4(_) => "/proc/net/tcp",
        SocketAddr::V6(_) => "/proc/net/tcp6",
    };
    let table = fs::read_to_string(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{file} cannot be read: {error}")))?;
    Ok(find(&table, peer, own))
}

/// The owner in a table of sockets.
fn find(table: &str, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let (local, remote) = (address(peer), address(own));
    table.lines().skip(1).find_map(|line| {
        // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid …
        let mut fields = line.split_ascii_whitespace().skip(1);
        let here = fields.next()?.eq_ignore_ascii_case(&local);
        let there = fields.next()?.eq_ignore_ascii_case(&remote);
        let open = fields.next()? == ESTABLISHED;
        let user = fields.nth(3)?.parse().ok()?;
        (here && there && open).then_some(user)
    })
}

/// An address as the table has it: each 32 bits of the IP address as the processor keeps them, then
/// the port, in hexadecimal.
fn address(address: SocketAddr) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let (words, _) = bytes.as_chunks::<4>();
    let ip: String = words
        .iter()
        .map(|word| format!("{:08X}", u32::from_ne_bytes(*word)))
        .collect();
    format!("{ip}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn both_ends_of_a_connection_are_found_while_they_are_open_and_not_afterwards() {
        for loopback in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(loopback) else {
                // A computer without IPv6.
                continue;
            };
            let own = listener.local_addr().expect("an address");
            let client = TcpStream::connect(own).expect("connected");
            let (server, peer) = listener.accept().expect("accepted");
            let user = user_of(peer, own).expect("a table");
            assert_eq!(user, Some(own_user()), "{loopback}");
            // Nobody has this one.
            let other = SocketAddr::new(peer.ip(), 1);
            assert_eq!(user_of(other, own).expect("a table"), None);
            drop(client);
            assert_eq!(user_of(peer, own).expect("a table"), None);
            drop(server);
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_line_counts_for_its_own_connection_and_state_only() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
   0: 0100007F:D431 0100007F:BAB8 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n\
   1: 0100007F:D432 0100007F:BAB8 06 00000000:00000000 00:00000000 00000000     0        0 0 1\n\
   2: garbage\n";
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(find(table, at(0xD431), at(47800)), Some(1000));
        assert_eq!(find(table, at(0xD432), at(47800)), None, "TIME_WAIT");
        assert_eq!(find(table, at(0xD431), at(47801)), None);
        assert_eq!(find("", at(1), at(2)), None);
    }
}
