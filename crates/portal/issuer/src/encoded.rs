//! The forms in which certificates and revocation lists come in files: DER, PEM with whatever
//! stands around it, chains, base64 alone, with a byte order mark or in UTF-16; and by what name to
//! refuse what is something else.
//!
//! PEM is read as RFC 7468 §2 lets lenient parsers read it: text before, between and after the
//! blocks, any line end, white space anywhere, and headers (RFC 1421 §4.6) at the start of a block.
//! What is found in a block is DER of any quality, if it is whole; whether it is a good certificate
//! is for others to say.

mod form;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use der::Decode as _;
use der::pem::LineEnding;
use x509_cert::Certificate;
use x509_cert::ext::pkix::BasicConstraints;

use self::form::{Extent, Kind, extent, kind_of, kind_of_label, text_of};

/// The most objects that are read from one file.
const MAX_OBJECTS: usize = 1000;
/// The longest label of a block: what is longer may be a body, and is repeated in no message.
const MAX_LABEL: usize = 64;

/// base64 without BEGIN and END that is cut is taken for such from so many bytes on.
const LEAST_ALONE: usize = 64;

/// base64 with or without padding, and with bits left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What is looked for in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Certificates.
    Certificate,
    /// Certificate revocation lists.
    RevocationList,
}

impl Wanted {
    const fn noun(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::RevocationList => "revocation list",
        }
    }

    /// The labels of its blocks; the second is OpenSSL's of old.
    const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Certificate => &["CERTIFICATE", "X509 CERTIFICATE"],
            Self::RevocationList => &["X509 CRL", "CRL"],
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Certificate => Kind::Certificate,
            Self::RevocationList => Kind::RevocationList,
        }
    }
}

/// Why a file has not what was looked for: what it is instead, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unusable {
    what: String,
    next_step: String,
}

impl Unusable {
    fn new(what: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            next_step: next_step.into(),
        }
    }

    /// What to do.
    pub fn next_step(&self) -> &str {
        &self.next_step
    }
}

/// A certificate in PEM (RFC 7468 §5), whatever its DER is like.
///
/// # Errors
/// It is longer than text can be.
pub fn certificate_pem(der: &[u8]) -> Result<String, Unusable> {
    der::pem::encode_string("CERTIFICATE", LineEnding::LF, der).map_err(|error| {
        Unusable::new(
            format!("the certificate cannot be written as PEM: {error}"),
            "write it as DER",
        )
    })
}

/// All that was looked for in a file, as DER, in the order in which it comes. DER that is whole and
/// nothing known is given as it is: a certificate may be broken.
///
/// # Errors
/// There is none, or it is cut; the error says what there is.
pub fn read_all(bytes: &[u8], wanted: Wanted) -> Result<Vec<Vec<u8>>, Unusable> {
    if bytes.is_empty() {
        return Err(Unusable::new("the file is empty", give(wanted)));
    }
    if bytes.first() == Some(&0x30) && std::str::from_utf8(bytes).is_err() {
        return one(bytes.to_vec(), wanted);
    }
    let Some(text) = text_of(bytes) else {
        return one(bytes.to_vec(), wanted);
    };
    let text = unix_lines(&text);
    let blocks = blocks(&text)?;
    if blocks.is_empty() {
        return match base64_alone(&text) {
            Some(der) => one(der, wanted),
            None => Err(Unusable::new(
                format!("this is text without a {} in it", wanted.noun()),
                give(wanted),
            )),
        };
    }
    let of_kind = |block: &&Block<'_>| wanted.labels().contains(&block.label);
    let found: Vec<_> = blocks.iter().filter(of_kind).collect();
    if found.is_empty() {
        let label = blocks.first().map_or("", |block| block.label);
        return Err(refused(kind_of_label(label), label, wanted));
    }
    found
        .into_iter()
        .map(|block| {
            let der = block.decode()?;
            if let Some(broken) = not_whole(&der) {
                let text = format!(
                    "the block {} that begins on line {}",
                    block.label, block.line
                );
                return Err(broken.of_the(&text));
            }
            match kind_of(&der) {
                Some(kind) if kind != wanted.kind() => Err(refused(kind, block.label, wanted)),
                _ => Ok(der),
            }
        })
        .collect()
}

/// A block of PEM, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemBlock {
    /// What its BEGIN line calls it.
    pub label: String,
    /// The bytes, or why they cannot be told.
    pub content: Result<Vec<u8>, Unusable>,
}

impl PemBlock {
    /// Whether it is called a private key, encrypted or not.
    pub fn is_private_key(&self) -> bool {
        kind_of_label(&self.label) == Kind::PrivateKey
    }
}

/// The blocks of a text, also those that do not end or are not base64: the first ones, and how many more
/// there are. It has none if no line begins one.
pub fn pem_blocks(text: &str, most: usize) -> (Vec<PemBlock>, usize) {
    let text = unix_lines(text);
    let blocks = begun_blocks(&text);
    let more = blocks.len().saturating_sub(most);
    let blocks = blocks.iter().take(most).map(|block| PemBlock {
        label: block.label.to_owned(),
        content: block.decode(),
    });
    (blocks.collect(), more)
}

/// The one certificate that a file is about: the only one, or the leaf of a chain, which is the one
/// that has issued none of the others.
///
/// # Errors
/// There is none, or there are several and no leaf among them can be told.
pub fn read_leaf(bytes: &[u8]) -> Result<Vec<u8>, Unusable> {
    read_chain(bytes).map(|chain| chain.leaf)
}

/// A certificate, and those that came with it in a file: they may have issued it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The one that the file is about.
    pub leaf: Vec<u8>,
    /// All the others, each once.
    pub others: Vec<Vec<u8>>,
}

/// As [`read_leaf`], with the other certificates of the file.
///
/// # Errors
/// As for [`read_leaf`].
pub fn read_chain(bytes: &[u8]) -> Result<Chain, Unusable> {
    let mut all = read_all(bytes, Wanted::Certificate)?;
    // The same certificate twice is no chain.
    let mut seen: Vec<Vec<u8>> = Vec::new();
    all.retain(|der| {
        !seen.contains(der) && {
            seen.push(der.clone());
            true
        }
    });
    if all.len() == 1 {
        let leaf = all.swap_remove(0);
        return Ok(Chain { leaf, others: all });
    }
    let parsed = all
        .iter()
        .enumerate()
        .map(|(index, der)| {
            Certificate::from_der(der).map_err(|error| {
                Unusable::new(
                    format!(
                        "there are {} certificates in it, and number {} cannot be read ({error}), \
                         so it cannot be told which is meant",
                        all.len(),
                        index + 1
                    ),
                    "give a file with the one certificate that is meant",
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let has_issued_another = |index: usize| {
        parsed.get(index).is_some_and(|issuer| {
            parsed.iter().enumerate().any(|(other, certificate)| {
                other != index
                    && certificate.tbs_certificate().issuer() == issuer.tbs_certificate().subject()
            })
        })
    };
    let leaves: Vec<_> = (0..parsed.len())
        .filter(|&index| !has_issued_another(index))
        .collect();
    let is_end = |index: &usize| parsed.get(*index).is_some_and(|found| !is_authority(found));
    let ends: Vec<_> = leaves.iter().copied().filter(is_end).collect();
    match (leaves.as_slice(), ends.as_slice()) {
        ([leaf], _) | (_, [leaf]) if *leaf < all.len() => {
            let leaf = all.remove(*leaf);
            Ok(Chain { leaf, others: all })
        }
        _ => {
            let subjects = parsed
                .iter()
                .map(|certificate| crate::name::display(certificate.tbs_certificate().subject()));
            let subjects: Vec<_> = subjects.take(4).collect();
            Err(Unusable::new(
                format!(
                    "there are {} certificates in it ({}{}), and which one is meant cannot be told",
                    all.len(),
                    subjects.join(", "),
                    if parsed.len() > 4 { ", …" } else { "" }
                ),
                "give a file with the one certificate that is meant, or a chain that leads to it",
            ))
        }
    }
}

fn is_authority(certificate: &Certificate) -> bool {
    certificate
        .tbs_certificate()
        .get_extension::<BasicConstraints>()
        .is_ok_and(|found| found.is_some_and(|(_, constraints)| constraints.ca))
}

/// One object that is to be what is wanted.
fn one(der: Vec<u8>, wanted: Wanted) -> Result<Vec<Vec<u8>>, Unusable> {
    if let Some(broken) = not_whole(&der) {
        return Err(broken.of_the("the file"));
    }
    match kind_of(&der) {
        Some(kind) if kind != wanted.kind() => Err(refused(kind, "", wanted)),
        _ => Ok(vec![der]),
    }
}

/// What bytes are that are no whole object of DER.
struct NotWhole {
    what: String,
    next_step: &'static str,
}

impl NotWhole {
    fn of_the(self, part: &str) -> Unusable {
        Unusable::new(format!("{part} {}", self.what), self.next_step)
    }
}

fn not_whole(der: &[u8]) -> Option<NotWhole> {
    let (what, next_step) = match extent(der) {
        Extent::Whole => return None,
        Extent::Cut { there, whole } => (
            match whole {
                Some(whole) => {
                    format!("is cut: by its length it has {whole} bytes, and {there} are there")
                }
                None if there == 1 => {
                    "is cut: 1 byte is there, and its length is not in it".to_owned()
                }
                None => {
                    format!("is cut: {there} bytes are there, and its length is not among them")
                }
            },
            "copy it again, whole",
        ),
        Extent::None { first } => (
            format!("is neither text nor DER: it begins with {first:02X}"),
            "give a file in DER or PEM; other programs can convert to them",
        ),
    };
    Some(NotWhole { what, next_step })
}

/// What a file with a secret was given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenAs {
    /// A private key.
    PrivateKey,
    /// PKCS#12.
    Pkcs12,
}

impl GivenAs {
    const fn kind(self) -> Kind {
        match self {
            Self::PrivateKey => Kind::PrivateKey,
            Self::Pkcs12 => Kind::Pkcs12,
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::PrivateKey => "private key",
            Self::Pkcs12 => "PKCS#12 file",
        }
    }

    const fn next_step(self) -> &'static str {
        match self {
            Self::PrivateKey => "give the private key in PEM or DER, or a PKCS#12 file with --p12",
            Self::Pkcs12 => {
                "give a .p12 or .pfx file, or a private key and its certificate with --key and --cert"
            }
        }
    }
}

/// What a file is instead of what it was given as, where that can be told from how it begins. Nothing
/// of what it holds is copied.
pub fn described(bytes: &[u8], given_as: GivenAs) -> Option<Unusable> {
    if bytes.is_empty() {
        return Some(Unusable::new(
            "the file is empty",
            "give the file that was meant",
        ));
    }
    if form::is_utf16(bytes) {
        return Some(Unusable::new("this is text in UTF-16", "save it as UTF-8"));
    }
    let label = form::first_label(bytes);
    if let Some(kind) = label.map(kind_of_label).or_else(|| kind_of(bytes)) {
        let (what, _) = name_of(kind).filter(|_| kind != given_as.kind())?;
        let text = format!("this is {what}, and no {}", given_as.noun());
        return Some(Unusable::new(text, given_as.next_step()));
    }
    if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0')) {
        let text = format!("this is text without a {} in it", given_as.noun());
        return Some(Unusable::new(text, given_as.next_step()));
    }
    not_whole(bytes).map(|broken| broken.of_the("the file"))
}

/// Names what there is instead, and how to get from it to what is wanted.
fn refused(kind: Kind, label: &str, wanted: Wanted) -> Unusable {
    let noun = wanted.noun();
    match name_of(kind) {
        Some((what, next_step)) => {
            Unusable::new(format!("this is {what}, and no {noun}"), next_step)
        }
        None => Unusable::new(
            format!("there is no {noun} in it, but {label:?}"),
            give(wanted),
        ),
    }
}

/// What a kind of object is called, and what to do with it.
const fn name_of(kind: Kind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        Kind::Pkcs7 => (
            "PKCS#7 (a .p7b or .p7c file), which holds certificates in another form",
            "convert it: `openssl pkcs7 -in FILE -print_certs -out certificates.pem` (with \
             `-inform DER` if it is not text)",
        ),
        Kind::Pkcs12 => (
            "PKCS#12 (a .p12 or .pfx file), which holds a private key as well",
            "take the certificate out: `openssl pkcs12 -in FILE -clcerts -nokeys -out \
             certificate.pem`",
        ),
        Kind::TrustedCertificate => (
            "a certificate in OpenSSL's own form with trust settings",
            "convert it: `openssl x509 -in FILE -out certificate.pem`",
        ),
        Kind::Request => (
            "a certificate request (PKCS#10), not yet a certificate",
            "have it signed by an authority, and give what that sends back",
        ),
        Kind::PrivateKey => (
            "a private key",
            "give the certificate for it; keep the key to yourself",
        ),
        Kind::PublicKey => ("a public key alone", "give the certificate for it"),
        Kind::RevocationList => ("a revocation list (CRL)", "give it with --crl"),
        Kind::Certificate => (
            "a certificate",
            "give a revocation list (CRL) of its issuer",
        ),
        Kind::Other => return None,
    })
}

fn give(wanted: Wanted) -> String {
    format!("give a {} as DER or PEM", wanted.noun())
}

/// A text whose lines end as Unix has it. Old Macintosh files end theirs with CR alone.
fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// One block of PEM.
struct Block<'a> {
    label: &'a str,
    /// Its first line, from 1.
    line: usize,
    body: Vec<&'a str>,
    /// Whether there is the END line to it.
    is_ended: bool,
}

impl Block<'_> {
    fn decode(&self) -> Result<Vec<u8>, Unusable> {
        self.must_end()?;
        // Its lines are base64, too, but for the last, and no DER is in them.
        if self.label.starts_with("PGP ") {
            return Err(self.unusable(
                "is of OpenPGP (RFC 9580, 6.2), which has nothing that a card's certificates have",
                "`gpg --list-packets FILE` shows what is in it",
            ));
        }
        let is_encrypted =
            |line: &&str| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED");
        if self.body.iter().any(is_encrypted) {
            return Err(self.unusable("is encrypted (RFC 1421, 4.6.1.1)", "decrypt it first"));
        }
        // Headers end with an empty line; base64 has no colon.
        let headers = self.body.iter().any(|line| line.contains(':'));
        let skipped = match headers {
            true => self.body.iter().position(|line| line.is_empty()),
            false => None,
        };
        let body = self.body.iter().skip(skipped.map_or(0, |empty| empty + 1));
        let text: String = body
            .flat_map(|line| line.chars())
            .filter(|character| !character.is_whitespace())
            .collect();
        if text.is_empty() {
            return Err(self.unusable("is empty", COPY_AGAIN));
        }
        let decoded = BASE64.decode(&text);
        decoded.map_err(|error| self.unusable(&format!("is not base64: {error}"), COPY_AGAIN))
    }

    fn must_end(&self) -> Result<(), Unusable> {
        match self.is_ended {
            true => Ok(()),
            false => Err(self.unusable("does not end", COPY_AGAIN)),
        }
    }

    fn unusable(&self, what: &str, next_step: &str) -> Unusable {
        let Self { label, line, .. } = self;
        let text = format!("the block {label} that begins on line {line} {what}");
        Unusable::new(text, next_step)
    }
}

/// What to do with a block that is damaged.
const COPY_AGAIN: &str = "copy it again, whole, from its BEGIN line to its END line";

/// The blocks of a text in which each one that begins must end.
fn blocks(text: &str) -> Result<Vec<Block<'_>>, Unusable> {
    let blocks = begun_blocks(text);
    if let Some(unended) = blocks.iter().find(|block| !block.is_ended) {
        unended.must_end()?;
    }
    if blocks.len() > MAX_OBJECTS {
        return Err(Unusable::new(
            format!("there are more than {MAX_OBJECTS} blocks in it"),
            "give fewer at a time",
        ));
    }
    Ok(blocks)
}

/// Every block that begins. One ends where its END line is; without that, where another one begins or ends.
fn begun_blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    let numbered = text.lines().enumerate();
    for (index, line) in numbered.flat_map(|(index, line)| pieces(line).map(move |it| (index, it)))
    {
        let line = line.trim();
        let label = |start| {
            let label = line.strip_prefix(start)?.strip_suffix("-----")?;
            (label.len() <= MAX_LABEL).then_some(label)
        };
        if let Some(label) = label("-----BEGIN ") {
            blocks.push(Block {
                label,
                line: index + 1,
                body: Vec::new(),
                is_ended: false,
            });
            is_open = true;
        } else if let Some(block) = blocks.last_mut().filter(|_| is_open) {
            match label("-----END ") {
                Some(end) => {
                    block.is_ended = block.label == end;
                    is_open = false;
                }
                None => block.body.push(line),
            }
        }
    }
    blocks
}

/// A line, taken apart where a BEGIN or an END stands in it with something before or behind: of a block
/// whose line breaks were lost, what is between them is its body and belongs in no message.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest.take()?;
        let (piece, others) = match marker(line) {
            Some((0, end)) => line.split_at(end),
            Some((start, _)) => line.split_at(start),
            None => (line, ""),
        };
        rest = (!others.is_empty()).then_some(others);
        Some(piece)
    })
}

/// Where the first BEGIN or END of a line begins and ends. It is looked for once for both, so that a line
/// of many is read in linear time.
fn marker(line: &str) -> Option<(usize, usize)> {
    let from = |at: usize| line.get(at..).unwrap_or_default();
    let is_sign = |at: &usize| {
        ["-----BEGIN ", "-----END "]
            .iter()
            .any(|sign| from(*at).starts_with(sign))
    };
    let start = line.match_indices('-').map(|(at, _)| at).find(is_sign)?;
    let label = start + from(start).find(' ')?;
    let end = label + from(label).find("-----")?;
    Some((start, end + "-----".len()))
}

/// base64 of DER without BEGIN and END, as it is cut out of XML and of web pages.
fn base64_alone(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    // Where it was cut, one character may be left of four, which is of no byte.
    let cut = text.len() - usize::from(text.len() % 4 == 1);
    let der = BASE64.decode(text.get(..cut)?).ok()?;
    match extent(&der) {
        Extent::Whole => Some(der),
        // A word or two may happen to be base64 that begins like DER.
        Extent::Cut { there, .. } if there >= LEAST_ALONE => Some(der),
        Extent::Cut { .. } | Extent::None { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_lost_its_line_breaks_is_read_and_a_key_in_one_is_in_no_message() {
        let der = [&[0x30, 0x16][..], &[0x04, 0x01, 0x00].repeat(7), &[0x00]].concat();
        let body = BASE64.encode(&der);
        let (first, last) = body.split_at(8);
        for between in ["", " ", "\t", "\r\n"] {
            for around in ["", "a note ", "\u{feff}"] {
                let text = format!(
                    "{around}-----BEGIN CERTIFICATE-----{between}{first}{between}{last}{between}\
                     -----END CERTIFICATE-----{between}"
                );
                let read = read_all(text.as_bytes(), Wanted::Certificate);
                assert_eq!(read, Ok(vec![der.clone()]), "{text:?}");
                for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "OTHER"] {
                    let key = text.replace("CERTIFICATE", label);
                    for cut in (key.find(first).unwrap()..=key.len())
                        .filter(|at| key.is_char_boundary(*at))
                    {
                        let refused =
                            read_all(key.get(..cut).unwrap().as_bytes(), Wanted::Certificate);
                        let said = refused.unwrap_err().to_string();
                        assert!(!said.contains(first) && !said.contains(last), "{said}");
                    }
                }
            }
        }
        let long = format!(
            "-----BEGIN PRIVATE KEY {} -----END PRIVATE KEY-----",
            body.repeat(9)
        );
        let said = read_all(long.as_bytes(), Wanted::Certificate)
            .unwrap_err()
            .to_string();
        assert!(!said.contains(first), "{said}");
    }

    #[test]
    fn a_line_of_many_ends_is_read_in_linear_time() {
        let line = "-----END A-----".repeat(300_000);
        assert_eq!(pieces(&line).count(), 300_000);
        assert!(blocks(&line).unwrap().is_empty());
    }

    #[test]
    fn what_is_nothing_known_is_given_as_it_is_or_refused_as_text() {
        let broken = [0x30, 0x03, 0x82, 0xFF, 0x00];
        assert_eq!(
            read_all(&broken, Wanted::Certificate),
            Ok(vec![broken.to_vec()])
        );
        for (text, part) in [
            (&b""[..], "empty"),
            (b"hello", "text without"),
            (
                b"\x30\x82\xFF",
                "3 bytes are there, and its length is not among them",
            ),
            (
                b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
                "is cut: 1 byte is there, and its length is not in it",
            ),
            (b"\x30\x82\x01\x00\xFF", "260 bytes, and 5 are there"),
            (b"\xCA\xFE", "neither text nor DER: it begins with CA"),
            (
                b"-----BEGIN CERTIFICATE-----\nMIIBAP8=\n-----END CERTIFICATE-----\n",
                "the block CERTIFICATE that begins on line 1 is cut",
            ),
            (b"-----BEGIN CERTIFICATE-----\nAAAA", "does not end"),
            (
                b"x\r\ny\r\n-----BEGIN CERTIFICATE-----\r\n#\r\n-----END CERTIFICATE-----\r\n",
                "line 3 is not base64",
            ),
            (
                b"-----BEGIN CERTIFICATE-----\n-----END X-----\n",
                "does not end",
            ),
            (
                b"-----BEGIN SONG-----\nAAAA\n-----END SONG-----\n",
                "\"SONG\"",
            ),
        ] {
            let error = read_all(text, Wanted::Certificate).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(!error.next_step().is_empty());
        }
    }
}
