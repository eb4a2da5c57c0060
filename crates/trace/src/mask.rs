//! What of a command may be shown.

use kortlab_apdu::{instruction, private_key};

/// Where a command is cut: what comes before may be shown, what follows may hold a PIN or a key.
/// `None`: all of it may be shown.
///
/// The class and the instruction decide, and whether a private key begins in the data. So each part of a chain is cut as well, and so is a command whose
/// length fields make no sense. The length field is shown, short or extended.
pub(crate) fn cut(command: &[u8]) -> Option<usize> {
    let [class, ins, ..] = command else {
        return None;
    };
    let shown = match command.get(4..)? {
        // Extended: 00 and two bytes of length, if that many bytes follow, and Le perhaps.
        [0x00, high, low, rest @ ..]
            if {
                let nc = usize::from(u16::from_be_bytes([*high, *low]));
                rest.len() == nc || rest.len() == nc + 2
            } =>
        {
            7
        }
        _ => 5,
    };
    let data = command.get(shown..).filter(|data| !data.is_empty())?;
    let is_secret = match instruction::carries_secrets(*class, *ins) {
        true => !is_generation(command),
        false => private_key::is_in(data),
    };
    is_secret.then_some(shown)
}

/// Whether this is GENERATE ASYMMETRIC KEY PAIR in the EID applet's form, which imports keys by the same
/// instruction: `92 00`, the length of the modulus in bits, that of the public exponent, and the
/// exponent. There is no secret in it, and without it nobody could make the same key again. The last
/// part of a chain that happened to look like it would have to be so to its end.
fn is_generation(command: &[u8]) -> bool {
    let [
        class,
        instruction::GENERATE_ASYMMETRIC_KEY_PAIR,
        _,
        _,
        length,
        data @ ..,
    ] = command
    else {
        return false;
    };
    let [0x92, 0x00, bits @ ..] = data else {
        return false;
    };
    let [high, low, 0x00, exponent_bits, exponent @ ..] = bits else {
        return false;
    };
    let bits = u16::from_be_bytes([*high, *low]);
    class & 0x10 == 0
        && usize::from(*length) == data.len()
        && (512..=4096).contains(&bits)
        && bits.is_multiple_of(256)
        && (1..=32).contains(exponent_bits)
        && exponent.len() == usize::from(exponent_bits.div_ceil(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(hex: &str) -> String {
        let command = hex::decode(hex).expect("hex");
        let shown = cut(&command).unwrap_or(command.len());
        hex::encode_upper(&command[..shown])
    }

    #[test]
    fn commands_that_carry_pins_and_keys_are_cut_behind_their_length() {
        for (command, expected) in [
            ("00200081083132333435360000", "0020008108"),
            ("002100810A990831323334353600", "002100810A"),
            ("00240081 10 31323334353600003635343332310000", "0024008110"),
            ("002C0081 10 31323334353637383635343332310000", "002C008110"),
            ("00280081083132333435360000", "0028008108"),
            // Chained, extended, with Le, of a proprietary class, on another channel.
            ("10200081083132333435360000", "1020008108"),
            ("002000810000083132333435360000", "00200081000008"),
            ("0020008100000831323334353600000000", "00200081000008"),
            ("8020008104313233340a", "8020008104"),
            ("4120008104313233340a", "4120008104"),
            // Keys to import, PINs kept as data objects, commands in a command.
            ("0046000004 9A00 0800", "0046000004"),
            ("0046000009 9A0004000018010001", "0046000009"),
            ("0046000008 9200040000180100", "0046000008"),
            ("0046000009 920004010018010001", "0046000009"),
            ("00DA010104 31323334", "00DA010104"),
            ("00DB3FFF04 4D020000", "00DB3FFF04"),
            ("00C200000D 00200081083132333435360000", "00C200000D"),
            // GlobalPlatform's PUT KEY, also in secure messaging; keys of YubiKeys; those of a reader.
            ("80D8018104 01020304 00", "80D8018104"),
            ("84D80000000004 01020304", "84D80000000004"),
            ("00FFFFFF04 039B1801", "00FFFFFF04"),
            ("00FE079A04 01020304", "00FE079A04"),
            ("FF82000006 FFFFFFFFFFFF", "FF82000006"),
            // A private key that is written to a file.
            (
                "00D600002B 3041 02 01 00 02 20 5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A",
                "00D600002B",
            ),
            // Lengths that make no sense.
            ("00200081FF3132", "00200081FF"),
            ("0020008100313233", "0020008100"),
            ("002000810031323334353600", "0020008100"),
        ] {
            let command = command.replace(' ', "");
            assert_eq!(shown(&command), expected, "{command}");
        }
    }

    #[test]
    fn what_carries_no_secret_is_shown_whole() {
        for command in [
            "",
            "00",
            "0020",
            "00200081",
            "00A40000023F00",
            "00B0000010",
            "0020008108",
            "0046000009920004000018010001",
            "8482000010 00112233445566778899AABBCCDDEEFF",
            "80E2800004 01020304",
            "0087039B0A 7C0881061122334455 66",
            "00FE0000",
        ] {
            let command = command.replace(' ', "");
            assert_eq!(shown(&command), command);
        }
    }
}
