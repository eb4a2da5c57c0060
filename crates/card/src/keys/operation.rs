//! Private-key operations: choose the key, let the card compute, check what it gives.

use kortlab_apdu::{Channel, StatusWord};
use zeroize::Zeroizing;

use super::{Encryption, Key, RawInput, Scheme};
use crate::card::Card;
use crate::contents::is_final;
use crate::dialect::{CardPadding, Dialect, Generic, Operation, Step};
use crate::error::{CardError, ErrorKind};
use crate::padding::{self, Hash, PaddingError};
use crate::pins::PinObject;

impl<C: Channel> Card<C> {
    /// Signs with a key whose PIN is verified, or has none.
    pub(super) fn sign_with(
        &mut self,
        key: &Key,
        to_sign: ToSign<'_>,
    ) -> Result<Vec<u8>, CardError> {
        let doing = format!("sign with the key {}", key.id);
        key.allows(Operation::Sign)?;
        let (location, bits) = key.location()?;
        let (info, encoded) =
            encode(to_sign, location.modulus_len, bits).map_err(|error| unfit(&doing, error))?;
        let available = self.dialect().card_paddings(Operation::Sign);
        // A DigestInfo is short: one APDU, also on cards without command chaining.
        let padded = info.filter(|_| available.contains(&CardPadding::Pkcs1));
        let mut inputs: Vec<_> = padded
            .iter()
            .map(|info| (CardPadding::Pkcs1, info.as_slice()))
            .collect();
        if available.contains(&CardPadding::Raw) && (inputs.is_empty() || self.dialect().guesses())
        {
            inputs.push((CardPadding::Raw, encoded.as_slice()));
        }
        if inputs.is_empty() {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!(
                    "cannot {doing}: of this card OS kortlab knows PKCS#1 v1.5 signatures only"
                ),
            ));
        }
        let public = self.public_key(&key.id)?;
        let check = |_: CardPadding, signature: Zeroizing<Vec<u8>>| {
            if signature.len() != location.modulus_len {
                return Err(wrong(
                    &doing,
                    &format!(
                        "a signature of {} bytes; the key gives {}",
                        signature.len(),
                        location.modulus_len
                    ),
                ));
            }
            match &public {
                Some(public) if public.open(&signature).as_deref() != Some(&encoded) => Err(wrong(
                    &doing,
                    "a signature that the key's public key does not open",
                )),
                _ => Ok(signature.to_vec()),
            }
        };
        self.private_operation(key, Operation::Sign, &inputs, check)
    }

    /// Deciphers with a key whose PIN is verified, or has none.
    pub(super) fn decipher_with(
        &mut self,
        key: &Key,
        encryption: Encryption,
        cryptogram: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let doing = format!("decipher with the key {}", key.id);
        key.allows(Operation::Decipher)?;
        let (location, _) = key.location()?;
        if cryptogram.len() != location.modulus_len {
            return Err(CardError::new(
                ErrorKind::Invalid,
                format!(
                    "cannot {doing}: the cryptogram has {} bytes, the key's modulus {}",
                    cryptogram.len(),
                    location.modulus_len
                ),
            ));
        }
        let available = self.dialect().card_paddings(Operation::Decipher);
        let guesses = self.dialect().guesses();
        let raw = available.contains(&CardPadding::Raw);
        let mut inputs = Vec::new();
        if encryption == Encryption::Pkcs1
            && available.contains(&CardPadding::Pkcs1)
            && (guesses || !raw)
        {
            inputs.push((CardPadding::Pkcs1, cryptogram));
        }
        if raw {
            inputs.push((CardPadding::Raw, cryptogram));
        }
        if inputs.is_empty() {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!(
                    "cannot {doing}: of this card OS kortlab knows only how it takes off PKCS#1 \
                     v1.5 padding"
                ),
            ));
        }
        let decode = |by_card: CardPadding, opened: Zeroizing<Vec<u8>>| {
            // A card that was to take the padding off, and gives a block as long as the modulus,
            // has left it on.
            if by_card == CardPadding::Pkcs1 && opened.len() < location.modulus_len {
                return Ok(opened);
            }
            let opened = leading_zeros(&opened, location.modulus_len)
                .ok_or_else(|| wrong(&doing, "more bytes than the modulus has"))?;
            let decoded = match encryption {
                Encryption::Raw => Ok(opened),
                Encryption::Pkcs1 => padding::pkcs1_decode(&opened),
                Encryption::Oaep(hash) => padding::oaep_decode(hash, &opened),
            };
            decoded.map_err(|error| unfit(&doing, error))
        };
        self.private_operation(key, Operation::Decipher, &inputs, decode)
    }

    /// The PIN that protects a key.
    pub(super) fn protecting_pin(&self, key: &Key) -> Option<PinObject> {
        let (pin, _) = self.pin_by_id(key.auth_id.as_ref()?)?;
        Some(pin)
    }

    /// Whether this session has verified the PIN that protects a key.
    fn is_unlocked(&self, key: &Key) -> bool {
        let pin = self.protecting_pin(key);
        pin.is_some_and(|pin| self.was_verified(&pin))
    }

    /// What `6982` after a use of the key means: its PIN is not verified, or it is, and the card
    /// wants something else.
    fn not_allowed(&self, key: &Key, error: CardError) -> CardError {
        if self.is_unlocked(key) {
            return error.with_kind(ErrorKind::Refused).hint(
                "the key's PIN is verified: the card wants something else for this key, which its \
                 directories do not say",
            );
        }
        let error = error.with_kind(ErrorKind::PinRequired { role: key.pin });
        match (key.pin, &key.auth_id) {
            (Some(role), _) => error.hint(format!("verify the PIN for {role} first")),
            (None, Some(_)) => error.hint("verify the key's PIN first"),
            (None, None) => error.hint(
                "the card lists no PIN for this key, and wants one: its EF(PrKDF) is incomplete",
            ),
        }
    }

    /// Chooses the key and lets the card compute, with no other program in between, and takes what
    /// `check` makes of the answer. On a card of which it is not known how it uses keys the ways to
    /// choose one are tried one after the other; none of them costs a try of a PIN.
    fn private_operation<T>(
        &mut self,
        key: &Key,
        operation: Operation,
        inputs: &[(CardPadding, &[u8])],
        check: impl Fn(CardPadding, Zeroizing<Vec<u8>>) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let (location, _) = key.location()?;
        let dialect = self.dialect();
        let mut last = None;
        let mut tried = 0_usize;
        let mut no_file = false;
        for &(padding, input) in inputs {
            for steps in dialect.ways_to_choose(&location, operation, padding)? {
                tried += 1;
                let answer = self.compute(key, operation, &steps, input, &mut no_file);
                let error = match answer.and_then(|answer| check(padding, answer)) {
                    Ok(result) => return Ok(result),
                    // Of a key that is not there, whose PIN is verified, that says nothing.
                    Err(error)
                        if error.status() == Some(StatusWord::SECURITY_STATUS)
                            && !(no_file && self.is_unlocked(key)) =>
                    {
                        return Err(self.not_allowed(key, error));
                    }
                    Err(error) if is_final(&error) || !dialect.guesses() => return Err(error),
                    Err(error) => error,
                };
                last = Some(error);
            }
        }
        let doing = format!("{} with the key {}", verb(operation), key.id);
        Err(match last {
            // Some cards have keys that are no files, whatever the directory says; so it is tried.
            Some(error) if no_file => error
                .with_kind(ErrorKind::NotFound)
                .context(&format!(
                    "cannot {doing}: EF(PrKDF) names the file {} for it, which is not on the card, and \
                     without that file the card does not find the key ({tried} ways to choose it \
                     tried); at last",
                    location.path
                ))
                .hint(
                    "no try of a PIN was spent; the key is lost, or EF(PrKDF) is wrong: `kortlab \
                     diagnose` tells more, and whoever issued the card must make a new key or correct \
                     the path",
                ),
            Some(error) => error
                .context(&format!(
                    "cannot {doing}: {}, and of the ways to choose a key that ISO/IEC 7816 has, none \
                     worked ({tried} tried); at last",
                    not_known(dialect)
                ))
                .hint(
                    "no try of a PIN was spent; use a program that knows this card, such as \
                     OpenSC's pkcs11-tool",
                ),
            None => CardError::new(
                ErrorKind::Unsupported,
                format!(
                    "cannot {doing} like this: {}, and its TokenInfo lists no algorithm without \
                     padding",
                    not_known(dialect)
                ),
            )
            .hint("PKCS#1 v1.5 may work"),
        })
    }

    /// One way: the steps that choose the key, then the operation. `no_file`: the card has no file at
    /// the path of the key.
    fn compute(
        &mut self,
        key: &Key,
        operation: Operation,
        steps: &[Step],
        input: &[u8],
        no_file: &mut bool,
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let (location, _) = key.location()?;
        let dialect = self.dialect();
        let command = match operation {
            Operation::Sign => dialect.compute_signature(&location, input),
            Operation::Decipher => dialect.decipher(&location, input),
        };
        let doing = format!("{} with the key {}", verb(operation), key.id);
        let response = self.exclusively(|card| {
            let mut files = card.files();
            for step in steps {
                match step {
                    Step::Select(path) => files.select_silently(path)?,
                    Step::SelectNear(path) => match files.select_silently(path) {
                        Ok(()) => {}
                        Err(error) if is_final(&error) => return Err(error),
                        // Where that is refused, too, the current DF may be the right one.
                        Err(error) => {
                            *no_file |= error.kind() == ErrorKind::NotFound;
                            match path.split_last() {
                                Some((directory, _)) if !directory.is_empty() => {
                                    match files.select_silently(&directory) {
                                        Err(error) if is_final(&error) => return Err(error),
                                        _ => {}
                                    }
                                }
                                _ => {}
                            }
                        }
                    },
                    Step::Send(command) => files.demand(&doing, command).map(drop)?,
                }
            }
            files.demand(&doing, &command)
        })?;
        if key.user_consent.is_some()
            && let Some(pin) = self.protecting_pin(key)
        {
            self.note_verified(&pin, false);
        }
        let answer = Zeroizing::new(response.into_data());
        let unwrapped = match operation {
            Operation::Sign => dialect.signature(&location, answer),
            Operation::Decipher => dialect.plaintext(&location, answer),
        };
        unwrapped.ok_or_else(|| wrong(&doing, "something else than a result"))
    }
}

/// What is not known of a card whose ways to choose a key are tried.
fn not_known(dialect: &dyn Dialect) -> String {
    match dialect.name() == Generic.name() {
        true => "the card OS is not known".to_owned(),
        false => format!("how {} uses keys is not known", dialect.name()),
    }
}

const fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Sign => "sign",
        Operation::Decipher => "decipher",
    }
}

/// The DigestInfo, if the scheme has one, and the padded input of the private operation.
type Encoded = (Option<Vec<u8>>, Vec<u8>);

/// What is to be signed.
#[derive(Clone, Copy)]
pub(super) enum ToSign<'a> {
    /// A digest, by this scheme.
    Digest(Scheme, &'a [u8]),
    /// What the caller has encoded.
    Raw(RawInput<'a>),
}

fn encode(to_sign: ToSign<'_>, modulus_len: usize, bits: usize) -> Result<Encoded, PaddingError> {
    match to_sign {
        ToSign::Digest(Scheme::Pkcs1(hash), digest) => {
            check_length(hash, digest)?;
            let info = hash.digest_info(digest);
            let encoded = padding::pkcs1_encode(&info, modulus_len)?;
            Ok((Some(info), encoded))
        }
        ToSign::Digest(Scheme::Pss(hash), digest) => {
            let mut salt = vec![0; hash.len()];
            getrandom::fill(&mut salt).map_err(|_| PaddingError::NoRandomness)?;
            let encoded = padding::pss_encode(hash, digest, &salt, bits)?;
            Ok((None, encoded))
        }
        ToSign::Raw(RawInput::DigestInfo(info)) => {
            let encoded = padding::pkcs1_encode(info, modulus_len)?;
            Ok((Some(info.to_vec()), encoded))
        }
        ToSign::Raw(RawInput::Block(block)) if block.len() == modulus_len => {
            Ok((None, block.to_vec()))
        }
        ToSign::Raw(RawInput::Block(block)) => Err(PaddingError::NotModulusLength {
            length: block.len(),
            expected: modulus_len,
        }),
    }
}

fn check_length(hash: Hash, digest: &[u8]) -> Result<(), PaddingError> {
    if digest.len() == hash.len() {
        return Ok(());
    }
    Err(PaddingError::DigestLength {
        hash,
        length: digest.len(),
        expected: hash.len(),
    })
}

fn unfit(doing: &str, error: PaddingError) -> CardError {
    CardError::new(ErrorKind::Invalid, format!("cannot {doing}: {error}"))
}

fn wrong(doing: &str, what: &str) -> CardError {
    CardError::new(
        ErrorKind::Nonsense,
        format!("cannot {doing}: the card answered PERFORM SECURITY OPERATION with {what}"),
    )
    .hint("do not use what it gave; try again, and if it stays so, the card is faulty")
}

/// `bytes`, with zeros in front up to `length`: some cards leave out leading zeros.
fn leading_zeros(bytes: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let missing = length.checked_sub(bytes.len())?;
    let mut full = Zeroizing::new(vec![0; length]);
    full.get_mut(missing..)?.copy_from_slice(bytes);
    Some(full)
}
