//! Where the virtual readers of several cards are.

use kortlab_emulator::link::vpcd;

use crate::failure::Failure;

/// `count` addresses, from `address` on.
///
/// # Errors
/// It is no address, or there are not so many from there on.
pub fn consecutive(address: &str, count: usize) -> Result<Vec<String>, Failure> {
    let wrong = || {
        Failure::usage(format!("{address} is not HOST:PORT"))
            .hint(format!("for example --vpcd {}", vpcd::DEFAULT_ADDRESS))
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if host.is_empty() {
        return Err(wrong());
    }
    (0..count)
        .map(|index| {
            u16::try_from(index)
                .ok()
                .and_then(|index| port.checked_add(index))
                .map(|port| format!("{host}:{port}"))
                .ok_or_else(|| {
                    Failure::usage(format!(
                        "there are not {count} ports from {port} on, one for each card"
                    ))
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn several_cards_take_consecutive_ports() {
        assert_eq!(
            consecutive("[::1]:35963", 2).expect("addresses"),
            ["[::1]:35963", "[::1]:35964"]
        );
        assert!(consecutive("localhost:65535", 2).is_err());
        for text in ["localhost", ":1", "localhost:x", "localhost:70000", ""] {
            assert_eq!(consecutive(text, 1).expect_err(text).exit(), Exit::Usage);
        }
    }
}
