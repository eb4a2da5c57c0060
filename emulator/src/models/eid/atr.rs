//! The answers to reset.

use kortlab_apdu::Protocol;

/// The answer to reset of the card: T=0 only, so without TCK. Fi 512, Di 32; historical bytes in
/// compact TLV.
pub const ATR_T0: [u8; 18] = [
    0x3B, 0x7D, 0x96, 0x00, 0x00, 0x80, 0x31, 0x80, 0x65, 0xB0, 0xA3, 0x11, 0x01, 0xF3, 0x83, 0x00,
    0x90, 0x00,
];

/// The same card with T=1 (TD1 81, TD2 31, IFSC 254, BWI 4, CWI 5): a variant of this project's
/// making.
pub const ATR_T1: [u8; 23] = with_check_byte([
    0x3B, 0xFD, 0x96, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x45, 0x80, 0x31, 0x80, 0x65, 0xB0, 0xA3, 0x11,
    0x01, 0xF3, 0x83, 0x00, 0x90, 0x00, 0x00,
]);

pub(super) const fn of(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::T0 => &ATR_T0,
        Protocol::T1 => &ATR_T1,
    }
}

/// Sets the last byte, TCK, so that all bytes from T0 on give 00 by exclusive or (ISO/IEC 7816-3
/// §8.2.5).
const fn with_check_byte<const N: usize>(mut atr: [u8; N]) -> [u8; N] {
    let mut check = 0;
    let mut at = 1;
    while at < N - 1 {
        check ^= atr[at];
        at += 1;
    }
    atr[N - 1] = check;
    atr
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_byte_makes_the_exclusive_or_zero() {
        assert_eq!(ATR_T1[1..].iter().fold(0, |xor, byte| xor ^ byte), 0);
        assert_eq!(of(Protocol::T0).len(), 2 + 3 + 13);
        assert_eq!(ATR_T1[9..22], ATR_T0[5..]);
    }
}
