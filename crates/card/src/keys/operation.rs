//! Private-key operations: choose the key, let the card compute, check what it gives.

use kortlab_apdu::{Channel, StatusWord};
use zeroize::Zeroizing;

use super::{Encryption, Key, RawInput, Scheme, Task};
use crate::card::Card;
use crate::contents::{ends_all, is_final};
use crate::dialect::{CardPadding, Dialect, Generic, KeyLocation, Operation, Step};
use crate::error::{CardError, ErrorKind};
use crate::padding::{self, Hash, PaddingError};
use crate::pins::PinObject;

/// What to do where a card OS is not known.
const OTHER_PROGRAM: &str = "use a program that knows this card, such as OpenSC's pkcs11-tool";

impl<C: Channel> Card<C> {
    /// Whether the card can be asked for this use of a key: whatever would make it impossible whatever
    /// the PIN is, and is known without one. For whoever asks for a PIN: to be called before.
    ///
    /// # Errors
    /// The key may not do that, or is of a kind that is not worked with; what is given does not fit the
    /// key or the scheme ([`ErrorKind::Invalid`]); the card OS does not do it in a way that is known
    /// here ([`ErrorKind::Unsupported`]); the key's file is not on the card ([`ErrorKind::NotFound`]);
    /// it is not certain which PIN protects it ([`ErrorKind::DoubtfulPin`]), or the card lists none.
    pub fn can_use(&mut self, key: &Key, task: Task<'_>) -> Result<(), CardError> {
        self.attempts(key, task)?;
        self.key_file_must_be_there(key, task.operation())?;
        if key.auth_id.is_some() {
            self.pin_of_key(key)?;
        }
        Ok(())
    }

    /// Uses a key whose PIN is verified, or has none.
    pub(super) fn use_key(
        &mut self,
        key: &Key,
        task: Task<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let attempts = self.attempts(key, task)?;
        match task {
            Task::Decipher(encryption, _) => self.decipher_with(key, encryption, &attempts),
            Task::Digest(..) | Task::Raw(_) => self.sign_with(key, &attempts),
        }
    }

    /// The ways to have the card do this, and nothing is sent.
    fn attempts(&self, key: &Key, task: Task<'_>) -> Result<Attempts, CardError> {
        let operation = task.operation();
        let doing = format!("{} with the key {}", verb(operation), key.id);
        key.allows(operation)?;
        let (location, bits) = key.location()?;
        let (info, block) = match task {
            Task::Digest(..) | Task::Raw(_) => {
                encode(task, location.modulus_len, bits).map_err(|error| unfit(&doing, error))?
            }
            Task::Decipher(_, cryptogram) => {
                fits_modulus(cryptogram, &location).map_err(|why| {
                    CardError::new(ErrorKind::Invalid, format!("cannot {doing}: {why}"))
                })?;
                (None, Zeroizing::new(cryptogram.to_vec()))
            }
        };
        let available = self.dialect().card_paddings(operation);
        let guesses = self.dialect().guesses();
        let raw = available.contains(&CardPadding::Raw);
        let pkcs1 = available.contains(&CardPadding::Pkcs1);
        let mut inputs = Vec::new();
        match task {
            Task::Decipher(Encryption::Pkcs1, _) if pkcs1 && (guesses || !raw) => {
                inputs.push((CardPadding::Pkcs1, block.clone()));
            }
            Task::Decipher(..) => {}
            // A DigestInfo is short: one APDU, also on cards without command chaining.
            Task::Digest(..) | Task::Raw(_) => {
                let padded = info.filter(|_| pkcs1);
                inputs.extend(padded.map(|info| (CardPadding::Pkcs1, info)));
            }
        }
        let also_raw = guesses || matches!(task, Task::Decipher(..));
        if raw && (inputs.is_empty() || also_raw) {
            inputs.push((CardPadding::Raw, block.clone()));
        }
        if inputs.is_empty() {
            let what = match operation {
                Operation::Sign => "of this card OS kortlab knows PKCS#1 v1.5 signatures only",
                Operation::Decipher => {
                    "of this card OS kortlab knows only how it takes off PKCS#1 v1.5 padding"
                }
            };
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!("cannot {doing}: {what}"),
            ));
        }
        let mut ways = Vec::new();
        for (padding, input) in inputs {
            let steps = self
                .dialect()
                .ways_to_choose(&location, operation, padding)?;
            ways.extend(steps.into_iter().map(|steps| Attempt {
                padding,
                steps,
                input: input.clone(),
            }));
        }
        if ways.is_empty() {
            return Err(self.no_way(key, &location, operation));
        }
        Ok(Attempts { doing, block, ways })
    }

    /// A card OS that is not known, and nothing in its TokenInfo that says how this is asked for.
    fn no_way(&self, key: &Key, location: &KeyLocation, operation: Operation) -> CardError {
        let is_listed = location.algorithms.iter().any(|algorithm| {
            algorithm.padding == CardPadding::Pkcs1 && algorithm.operations.contains(&operation)
        });
        let error = CardError::new(
            ErrorKind::Unsupported,
            format!(
                "cannot {} with the key {} like this: {}, and its TokenInfo lists no algorithm without \
                 padding",
                verb(operation),
                key.id,
                not_known(self.dialect())
            ),
        );
        match is_listed {
            true => error.hint(
                "its TokenInfo lists an algorithm with PKCS#1 v1.5 padding for that; nothing was sent \
                 to the card",
            ),
            false => error.hint(format!("{OTHER_PROGRAM}; nothing was sent to the card")),
        }
    }

    /// Where the card OS finds a key by its file, that file must be there. One that is not known may
    /// have the key without letting its file be selected.
    fn key_file_must_be_there(&mut self, key: &Key, operation: Operation) -> Result<(), CardError> {
        if key.path.is_empty() || self.dialect().guesses() {
            return Ok(());
        }
        match self.file_exists(&key.path) {
            Ok(false) => Err(CardError::new(
                ErrorKind::NotFound,
                format!(
                    "cannot {} with the key {}: its file {} is not on the card (6A82)",
                    verb(operation),
                    key.id,
                    key.path
                ),
            )
            .hint("no PIN was sent; `kortlab cert check` says what is wrong with the card")),
            Err(error) if ends_all(&error) => Err(error),
            // It may be that it can be selected once the PIN is verified.
            _ => Ok(()),
        }
    }

    /// Signs with a key whose PIN is verified, or has none.
    fn sign_with(
        &mut self,
        key: &Key,
        attempts: &Attempts,
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let (location, _) = key.location()?;
        let doing = &attempts.doing;
        let public = self.public_key(&key.id)?;
        let check = |_: CardPadding, signature: Zeroizing<Vec<u8>>| {
            if signature.len() != location.modulus_len {
                return Err(wrong(
                    doing,
                    &format!(
                        "a signature of {} bytes; the key gives {}",
                        signature.len(),
                        location.modulus_len
                    ),
                ));
            }
            match &public {
                Some(public) if public.open(&signature).as_deref() != Some(&attempts.block) => Err(
                    wrong(doing, "a signature that the key's public key does not open"),
                ),
                _ => Ok(signature),
            }
        };
        self.private_operation(key, Operation::Sign, &attempts.ways, check)
    }

    /// Deciphers with a key whose PIN is verified, or has none.
    fn decipher_with(
        &mut self,
        key: &Key,
        encryption: Encryption,
        attempts: &Attempts,
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let (location, _) = key.location()?;
        let doing = &attempts.doing;
        let decode = |by_card: CardPadding, opened: Zeroizing<Vec<u8>>| {
            // A card that was to take the padding off, and gives a block as long as the modulus,
            // has left it on.
            if by_card == CardPadding::Pkcs1 && opened.len() < location.modulus_len {
                return Ok(opened);
            }
            let opened = leading_zeros(&opened, location.modulus_len)
                .ok_or_else(|| wrong(doing, "more bytes than the modulus has"))?;
            let decoded = match encryption {
                Encryption::Raw => Ok(opened),
                Encryption::Pkcs1 => padding::pkcs1_decode(&opened),
                Encryption::Oaep(hash) => padding::oaep_decode(hash, &opened),
            };
            decoded.map_err(|error| unfit(doing, error))
        };
        self.private_operation(key, Operation::Decipher, &attempts.ways, decode)
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
        ways: &[Attempt],
        check: impl Fn(CardPadding, Zeroizing<Vec<u8>>) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let guesses = self.dialect().guesses();
        let mut last = None;
        let mut no_file = false;
        for way in ways {
            let answer = self.compute(key, operation, &way.steps, &way.input, &mut no_file);
            let error = match answer.and_then(|answer| check(way.padding, answer)) {
                Ok(result) => return Ok(result),
                // Of a key that is not there, whose PIN is verified, that says nothing.
                Err(error)
                    if error.status() == Some(StatusWord::SECURITY_STATUS)
                        && !(no_file && self.is_unlocked(key)) =>
                {
                    return Err(self.not_allowed(key, error));
                }
                Err(error) if is_final(&error) || !guesses => return Err(error),
                Err(error) => error,
            };
            last = Some(error);
        }
        let (location, _) = key.location()?;
        let doing = format!("{} with the key {}", verb(operation), key.id);
        let tried = ways.len();
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
                    not_known(self.dialect())
                ))
                .hint(format!("no try of a PIN was spent; {OTHER_PROGRAM}")),
            None => self.no_way(key, &location, operation),
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
type Encoded = (Option<Zeroizing<Vec<u8>>>, Zeroizing<Vec<u8>>);

/// The ways to have a card do one thing, worked out without it.
struct Attempts {
    /// What is done, in words.
    doing: String,
    /// The whole input of the private operation: what a signature opens to, or the cryptogram.
    block: Zeroizing<Vec<u8>>,
    /// In the order in which they are to be tried; at least one.
    ways: Vec<Attempt>,
}

/// One way: the steps that choose the key, and what the card gets then.
struct Attempt {
    padding: CardPadding,
    steps: Vec<Step>,
    input: Zeroizing<Vec<u8>>,
}

impl Task<'_> {
    /// What the key does in it.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Digest(..) | Self::Raw(_) => Operation::Sign,
            Self::Decipher(..) => Operation::Decipher,
        }
    }
}

fn fits_modulus(cryptogram: &[u8], location: &KeyLocation) -> Result<(), String> {
    if cryptogram.len() == location.modulus_len {
        return Ok(());
    }
    Err(format!(
        "the cryptogram has {} bytes, the key's modulus {}",
        cryptogram.len(),
        location.modulus_len
    ))
}

fn encode(task: Task<'_>, modulus_len: usize, bits: usize) -> Result<Encoded, PaddingError> {
    match task {
        Task::Digest(Scheme::Pkcs1(hash), digest) => {
            check_length(hash, digest)?;
            let info = hash.digest_info(digest);
            let encoded = padding::pkcs1_encode(&info, modulus_len)?;
            Ok((Some(info.into()), encoded.into()))
        }
        Task::Digest(Scheme::Pss(hash), digest) => {
            check_length(hash, digest)?;
            let mut salt = vec![0; hash.len()];
            getrandom::fill(&mut salt).map_err(|_| PaddingError::NoRandomness)?;
            let encoded = padding::pss_encode(hash, digest, &salt, bits)?;
            Ok((None, encoded.into()))
        }
        Task::Raw(RawInput::DigestInfo(info)) => {
            padding::check_digest_info(info)?;
            let encoded = padding::pkcs1_encode(info, modulus_len)?;
            Ok((Some(info.to_vec().into()), encoded.into()))
        }
        Task::Raw(RawInput::Block(block)) | Task::Decipher(_, block) => {
            if block.len() == modulus_len {
                return Ok((None, block.to_vec().into()));
            }
            Err(PaddingError::NotModulusLength {
                length: block.len(),
                expected: modulus_len,
            })
        }
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
