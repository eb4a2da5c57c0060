//! Private-key operations: choose the key, let the card compute, check what it gives.

use kortlab_apdu::{Channel, StatusWord};
use kortlab_pkcs15::Id;
use zeroize::Zeroizing;

use super::{Encryption, Key, Scheme};
use crate::card::Card;
use crate::dialect::{CardPadding, Operation, Step};
use crate::error::{CardError, ErrorKind};
use crate::padding::{self, Hash, PaddingError};

impl<C: Channel> Card<C> {
    /// Signs with the key `id`. `input` is the message, or, for [`Scheme::Pkcs1DigestInfo`] and
    /// [`Scheme::Raw`], what those say. The key's PIN must be verified before.
    ///
    /// The signature is checked with the key's public key, if the card has it or a certificate
    /// for it. Without either, it is given out unchecked.
    ///
    /// # Errors
    /// No such key, the input does not fit, the PIN is not verified
    /// ([`ErrorKind::PinRequired`]), the card refuses, or the signature is wrong
    /// ([`ErrorKind::Nonsense`]).
    pub fn sign(&mut self, id: &Id, scheme: Scheme, input: &[u8]) -> Result<Vec<u8>, CardError> {
        match scheme {
            Scheme::Pkcs1(hash) | Scheme::Pss(hash) => {
                self.sign_digest(id, scheme, &hash.digest(input))
            }
            Scheme::Pkcs1DigestInfo | Scheme::Raw => self.sign_digest(id, scheme, input),
        }
    }

    /// The same, of a message that is hashed already: `digest` is its digest under the scheme's
    /// hash function.
    ///
    /// # Errors
    /// As for [`Card::sign`], and a digest of the wrong length.
    pub fn sign_digest(
        &mut self,
        id: &Id,
        scheme: Scheme,
        digest: &[u8],
    ) -> Result<Vec<u8>, CardError> {
        let key = self.key(id)?;
        let doing = format!("sign with the key {id}");
        let (location, bits) = key.location()?;
        let (info, encoded) = encode(scheme, digest, location.modulus_len, bits)
            .map_err(|error| unfit(&doing, error))?;
        let available = self.dialect().card_paddings(Operation::Sign);
        let (padding, input) = match info {
            // A DigestInfo is short: one APDU, also on cards without command chaining.
            Some(info) if available.contains(&CardPadding::Pkcs1) => (CardPadding::Pkcs1, info),
            _ if available.contains(&CardPadding::Raw) => (CardPadding::Raw, encoded.clone()),
            _ => {
                return Err(CardError::new(
                    ErrorKind::Unsupported,
                    format!("cannot {doing}: this card OS only does PKCS#1 v1.5 signatures"),
                ));
            }
        };
        let signature = self.private_operation(&key, Operation::Sign, padding, &input)?;
        let public = self.public_key(id)?;
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
        if let Some(public) = public
            && public.open(&signature).as_deref() != Some(&encoded)
        {
            return Err(wrong(
                &doing,
                "a signature that the key's public key does not open",
            ));
        }
        Ok(signature.to_vec())
    }

    /// Deciphers `cryptogram` with the key `id`, whose PIN must be verified before.
    ///
    /// # Errors
    /// No such key, a cryptogram of another length than the modulus, the PIN is not verified, the
    /// card refuses, or what comes out is not padded as said. That last error tells no more, and
    /// must not be told apart further by whoever passes it on.
    pub fn decipher(
        &mut self,
        id: &Id,
        encryption: Encryption,
        cryptogram: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let key = self.key(id)?;
        let doing = format!("decipher with the key {id}");
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
        let raw = available.contains(&CardPadding::Raw);
        if !raw && encryption == Encryption::Pkcs1 {
            return self.private_operation(
                &key,
                Operation::Decipher,
                CardPadding::Pkcs1,
                cryptogram,
            );
        }
        if !raw {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!("cannot {doing}: this card OS only takes off PKCS#1 v1.5 padding"),
            ));
        }
        let opened =
            self.private_operation(&key, Operation::Decipher, CardPadding::Raw, cryptogram)?;
        let opened = leading_zeros(&opened, location.modulus_len)
            .ok_or_else(|| wrong(&doing, "more bytes than the modulus has"))?;
        let decoded = match encryption {
            Encryption::Raw => Ok(opened),
            Encryption::Pkcs1 => padding::pkcs1_decode(&opened),
            Encryption::Oaep(hash) => padding::oaep_decode(hash, &opened),
        };
        decoded.map_err(|error| unfit(&doing, error))
    }

    /// Chooses the key and lets the card compute, with no other program in between.
    fn private_operation(
        &mut self,
        key: &Key,
        operation: Operation,
        padding: CardPadding,
        input: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let (location, _) = key.location()?;
        let dialect = self.dialect();
        let steps = dialect.choose_key(&location, operation, padding)?;
        let (verb, command) = match operation {
            Operation::Sign => ("sign", dialect.compute_signature(input)),
            Operation::Decipher => ("decipher", dialect.decipher(input)),
        };
        // More than 256 bytes come back only from a longer key; the exchange asks for them.
        let command =
            command.expecting(u32::try_from(location.modulus_len.max(256)).unwrap_or(256));
        let doing = format!("{verb} with the key {}", key.id);
        let result = self.exclusively(|card| {
            let mut files = card.files();
            for step in &steps {
                match step {
                    Step::Select(path) => files.select_silently(path)?,
                    Step::Send(command) => files.demand(&doing, command).map(drop)?,
                }
            }
            files.demand(&doing, &command)
        });
        match result {
            Ok(response) => Ok(Zeroizing::new(response.into_data())),
            Err(error) if error.status() == Some(StatusWord::SECURITY_STATUS) => {
                let error = error.with_kind(ErrorKind::PinRequired { role: key.pin });
                Err(match key.pin {
                    Some(role) => error.hint(format!("verify the PIN for {role} first")),
                    None => error.hint("verify the key's PIN first"),
                })
            }
            Err(error) => Err(error),
        }
    }
}

/// The DigestInfo, if the scheme has one, and the padded input of the private operation.
type Encoded = (Option<Vec<u8>>, Vec<u8>);

fn encode(
    scheme: Scheme,
    digest: &[u8],
    modulus_len: usize,
    bits: usize,
) -> Result<Encoded, PaddingError> {
    match scheme {
        Scheme::Pkcs1(hash) => {
            check_length(hash, digest)?;
            let info = hash.digest_info(digest);
            let encoded = padding::pkcs1_encode(&info, modulus_len)?;
            Ok((Some(info), encoded))
        }
        Scheme::Pkcs1DigestInfo => {
            let encoded = padding::pkcs1_encode(digest, modulus_len)?;
            Ok((Some(digest.to_vec()), encoded))
        }
        Scheme::Pss(hash) => {
            let mut salt = vec![0; hash.len()];
            getrandom::fill(&mut salt).map_err(|_| PaddingError::NoRandomness)?;
            let encoded = padding::pss_encode(hash, digest, &salt, bits)?;
            Ok((None, encoded))
        }
        Scheme::Raw if digest.len() == modulus_len => Ok((None, digest.to_vec())),
        Scheme::Raw => Err(PaddingError::NotModulusLength {
            length: digest.len(),
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
