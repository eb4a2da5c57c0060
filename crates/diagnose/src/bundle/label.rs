//! What directories of PKCS#15 say of a holder without any certificate: the card's number, and labels.

/// The most bytes of a card's number; more is something else.
const MAX_SERIAL: usize = 64;

/// Words in labels that are nobody's name: what objects are for, whose cards they are, and programs that make
/// such labels.
const OF_THE_TRADE: &str = "\
    a an and at by card cards certificate certificates certifikat cert certs chain class ca root intermediate issuing \
    for from id in key keys keypair nyckel nycklar of on or pair private privat public publik the to token tokens \
    user users holder cardholder owner admin administrator so security officer \
    auth authentication authenticate autentisering cipher decipher decipherment decryption decrypt dekryptering \
    encipherment encryption encrypt exchange kryptering management managed login logon inloggning \
    digital digitala electronic elektronisk legitimation legitimering e eid sign signing signature signatur \
    signering underskrift non repudiation nonrepudiation retired primary secondary slot default main new old test \
    pin puk pins password code kod global local application applet secure messaging sm \
    data object objects profile file directory object0 rsa dsa ec ecc ecdsa ecdh ed curve bits bit \
    aes des triple pkcs x cms ssh gpg pgp openpgp piv chuid vpn tls ssl smime s mime mail email e-mail wifi \
    telia siths sithscard inera steria nexus net freja bankid efos hcc tele sonera region landsting tjänstekort \
    reservkort företagskort kort ordinarie company access identifier identification identitet identity \
    kortlab virtual opensc oseid isoapplet javacard java smart smartcard hsm cardcontact yubikey yubico myeid \
    aventra nitrokey feitian gemalto thales idprime safenet etoken athena idprotect oberthur idemia cosmo \
    starcos cardos siemens atos infineon nxp jcop setcos gnuk zeitcontrol basiccard microsoft windows";

/// Numbers of cards in EF(TokenInfo), wherever one begins (PKCS#15 §6.9): a version, and the number in an
/// OCTET STRING. One that is cut short is a number, too.
pub(super) fn serials(bytes: &[u8]) -> Vec<&[u8]> {
    token_infos(bytes).map(|(serial, _)| serial).collect()
}

/// Labels: of objects (CommonObjectAttributes, PKCS#15 §6.1.8), of the card, of applications in EF.DIR.
pub(super) fn labels(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let label = match *rest {
            [0x30, outer @ 3..=0x7F, 0x0C, length, ref label @ ..]
            | [0x30, 0x81, outer, 0x0C, length, ref label @ ..]
                if length > 0 && usize::from(length) + 2 <= usize::from(outer) =>
            {
                cut(label, length)
            }
            // The AID and the label of an application.
            [0x4F, aid @ 5..=16, ..] => match rest.get(2 + usize::from(aid)..) {
                Some([0x50, length @ 1..=0x7F, label @ ..]) => cut(label, *length),
                _ => continue,
            },
            _ => continue,
        };
        found.push(String::from_utf8_lossy(label).into_owned());
    }
    for (_, behind) in token_infos(bytes) {
        let behind = match *behind {
            [0x0C, length @ 0..=0x7F, ref rest @ ..] => {
                rest.get(usize::from(length)..).unwrap_or_default()
            }
            _ => behind,
        };
        if let [0x80, length @ 1..=0x7F, label @ ..] = behind {
            found.push(String::from_utf8_lossy(cut(label, *length)).into_owned());
        }
    }
    found
}

/// What in a label may be a name: the words that stand together and are none of the trade.
pub(super) fn names(label: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut name: Vec<&str> = Vec::new();
    for word in label.split_whitespace().chain([""]) {
        let word = word.trim_matches(|sign: char| !sign.is_alphanumeric());
        if is_of_nobody(word) {
            if !name.is_empty() {
                found.push(name.join(" "));
            }
            name.clear();
        } else {
            name.push(word);
        }
    }
    found
}

/// Whether a word is none of a name: of the trade in all its parts, or with digits in it.
fn is_of_nobody(word: &str) -> bool {
    let mut parts = word.split(|sign: char| !sign.is_alphanumeric());
    parts.all(|part| {
        let small = part.to_lowercase();
        let known = || OF_THE_TRADE.split_whitespace().any(|word| word == small);
        part.contains(|sign: char| sign.is_ascii_digit()) || part.is_empty() || known()
    })
}

/// As many bytes as are there of a value.
fn cut(bytes: &[u8], length: u8) -> &[u8] {
    bytes.get(..usize::from(length)).unwrap_or(bytes)
}

/// The number in each TokenInfo, and what comes behind it.
fn token_infos(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    (0..bytes.len()).filter_map(|at| {
        let inner = match bytes.get(at..)? {
            [0x30, 0x81, _, inner @ ..]
            | [0x30, 0x82, _, _, inner @ ..]
            | [0x30, 0..=0x7F, inner @ ..] => inner,
            _ => return None,
        };
        match inner {
            [0x02, 0x01, 0 | 1, 0x04, length, rest @ ..]
                if (1..=MAX_SERIAL).contains(&usize::from(*length)) =>
            {
                let serial = cut(rest, *length);
                Some((serial, rest.get(serial.len()..)?))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_the_card_and_of_its_applications_are_found_cut_or_whole() {
        let dir = b"\x61\x1A\x4F\x05\xA0\x00\x00\x00\x63\x50\x0EPetronellas ID\x51\x02\x3F\x00";
        assert_eq!(labels(dir), ["Petronellas ID"]);
        let token =
            b"\x30\x3B\x02\x01\x00\x04\x03\x12\x34\x5F\x0C\x02AB\x80\x0AAnna Berg1\x03\x02\x04\x10";
        assert_eq!(labels(token), ["Anna Berg1"]);
        assert_eq!(labels(&token[..20]), ["Anna"]);
        assert_eq!(serials(token), [b"\x12\x34\x5F"]);
        assert_eq!(serials(&token[..9]), [b"\x12\x34"]);
    }

    #[test]
    fn words_of_the_trade_and_words_with_digits_are_no_names() {
        for label in [
            "Legitimering",
            "Underskrift",
            "Telia EID IP5a",
            "Certificate for PIV Authentication",
            "X.509 Certificate 01",
            "e-legitimation",
            "",
        ] {
            assert!(names(label).is_empty(), "{label}: {:?}", names(label));
        }
        assert_eq!(names("Eva-Lena Öberg (auth)"), ["Eva-Lena Öberg"]);
        assert_eq!(names("PIN Anna, key Bo"), ["Anna", "Bo"]);
    }
}
