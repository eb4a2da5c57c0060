//! [`UnlockedKey`]: a key whose PIN is verified, for as long as it is.
//!
//! Signing and deciphering are methods of this type alone, and only [`Card`] makes one, so that a
//! program which signs before it verifies does not compile:
//!
//! ```compile_fail
//! # use kortlab_apdu::Channel;
//! # use kortlab_card::{Card, CardError, Hash, Pin, PinRole, Scheme};
//! fn sign<C: Channel>(card: &mut Card<C>, pin: &Pin) -> Result<Vec<u8>, CardError> {
//!     let key = card.key_for(PinRole::Signature)?;
//!     key.sign(Scheme::Pkcs1(Hash::Sha256), b"a message")
//! }
//! ```
//!
//! Nor does one that keeps the key for later, when the card may have forgotten the PIN:
//!
//! ```compile_fail
//! # use kortlab_apdu::Channel;
//! # use kortlab_card::{Card, CardError, Hash, Pin, PinRole, Scheme};
//! fn sign<C: Channel>(card: &mut Card<C>, pin: &Pin) -> Result<Vec<u8>, CardError> {
//!     let key = card.unlocked(PinRole::Signature, pin, |key| Ok(key))?;
//!     key.sign(Scheme::Pkcs1(Hash::Sha256), b"a message")
//! }
//! ```
//!
//! This is how it is done:
//!
//! ```
//! # use kortlab_apdu::Channel;
//! # use kortlab_card::{Card, CardError, Hash, Pin, PinRole, Scheme};
//! fn sign<C: Channel>(card: &mut Card<C>, pin: &Pin) -> Result<Vec<u8>, CardError> {
//!     card.unlocked(PinRole::Signature, pin, |key| {
//!         key.sign(Scheme::Pkcs1(Hash::Sha256), b"a message")
//!     })
//! }
//! ```

use kortlab_apdu::Channel;
use kortlab_pkcs15::Id;
use zeroize::Zeroizing;

use super::{Encryption, Key, RawInput, Scheme, Task};
use crate::card::Card;
use crate::error::{CardError, ErrorKind};
use crate::pin::Pin;
use crate::pin_doubt;
use crate::pins::PinObject;
use crate::role::PinRole;

/// A private key that may be used: its PIN is verified, and no other program has the card.
#[derive(Debug)]
pub struct UnlockedKey<'a, C: Channel> {
    card: &'a mut Card<C>,
    key: Key,
}

impl<C: Channel> Card<C> {
    /// Verifies the PIN for `role` and does `work` with the key for it, with no other program in
    /// between. The PIN stays verified; see [`Card::forget_pins`].
    ///
    /// # Errors
    /// The card lists no such key or PIN, or the key is of a kind that is not worked with
    /// ([`ErrorKind::Unsupported`]): no PIN is sent then; those of [`Card::verify`]; those of
    /// `work`.
    pub fn unlocked<T>(
        &mut self,
        role: PinRole,
        pin: &Pin,
        work: impl FnOnce(&mut UnlockedKey<'_, C>) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let key = self.key_for(role)?;
        key.location()?;
        self.exclusively(|card| {
            card.verify(role, pin)?;
            work(&mut UnlockedKey { card, key })
        })
    }

    /// The same with the key `id`, and the PIN that protects it.
    ///
    /// # Errors
    /// As for [`Card::unlocked`]; a key that no PIN protects ([`Card::unprotected`]) needs none.
    pub fn unlocked_key<T>(
        &mut self,
        id: &Id,
        pin: &Pin,
        work: impl FnOnce(&mut UnlockedKey<'_, C>) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let key = self.key(id)?;
        key.location()?;
        let (object, name) = self.pin_of_key(&key)?;
        self.exclusively(|card| {
            card.verify_object(&object, &name, pin)?;
            work(&mut UnlockedKey { card, key })
        })
    }

    /// The PIN that protects `key`, and what it is called, if there is no doubt that it is the one, and
    /// about the form in which it is sent.
    pub(super) fn pin_of_key(&mut self, key: &Key) -> Result<(PinObject, String), CardError> {
        let id = &key.id;
        let Some(object) = self.protecting_pin(key) else {
            return Err(CardError::new(
                ErrorKind::NotFound,
                format!("the card lists no PIN that protects the key {id}"),
            )
            .hint("`kortlab key list` shows which PIN each key has"));
        };
        let name = match key.pin {
            Some(role) => format!("PIN for {role}"),
            None => format!("PIN of the key {id}"),
        };
        let contents = self.contents();
        let doubt = match key.pin {
            Some(role) => pin_doubt::of_role(contents, role, &object),
            None => pin_doubt::of_object(contents, &object),
        };
        let doubt = match doubt {
            None => self.other_reference_of_key(&key.id, &key.path, &object)?,
            doubt => doubt,
        };
        self.certain(&name, doubt)?;
        self.can_send(&object, &name)?;
        Ok((object, name))
    }

    /// Does `work` with the key `id`, for which the card lists no PIN.
    ///
    /// # Errors
    /// The card lists no such key, or lists a PIN for it ([`ErrorKind::PinRequired`]); those of
    /// `work`.
    pub fn unprotected<T>(
        &mut self,
        id: &Id,
        work: impl FnOnce(&mut UnlockedKey<'_, C>) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let key = self.key(id)?;
        if key.auth_id.is_some() {
            return Err(verify_first(&key));
        }
        self.exclusively(|card| work(&mut UnlockedKey { card, key }))
    }

    /// Does `work` with the key for `role`, whose PIN this session has verified before: for work of
    /// several steps with other things in between, for which the holder has given the PIN once.
    ///
    /// # Errors
    /// The card lists no such key; the PIN was not verified in this session, or that was taken back
    /// ([`ErrorKind::PinRequired`]), and nothing is sent; those of `work`.
    pub fn still_unlocked<T>(
        &mut self,
        role: PinRole,
        work: impl FnOnce(&mut UnlockedKey<'_, C>) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let key = self.key_for(role)?;
        let pin = self.pin(role)?;
        self.exclusively(|card| {
            if !card.was_verified(&pin) {
                return Err(verify_first(&key));
            }
            work(&mut UnlockedKey { card, key })
        })
    }
}

impl<C: Channel> UnlockedKey<'_, C> {
    /// The key.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The card, for what else is to be done while the PIN is verified.
    pub const fn card(&mut self) -> &mut Card<C> {
        self.card
    }

    /// Signs a message, which is hashed here.
    ///
    /// The signature is checked with the key's public key, if the card has it or a certificate
    /// for it. Without either, it is given out unchecked.
    ///
    /// # Errors
    /// The card takes no more signatures without the PIN ([`ErrorKind::PinRequired`]), refuses, or
    /// gives a wrong signature ([`ErrorKind::Nonsense`]); or it cannot be of this scheme.
    pub fn sign(&mut self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, CardError> {
        self.sign_digest(scheme, &scheme.hash().digest(message))
    }

    /// Signs a message that is hashed already: `digest` is its digest under the scheme's hash
    /// function.
    ///
    /// # Errors
    /// As for [`UnlockedKey::sign`], and a digest of the wrong length.
    pub fn sign_digest(&mut self, scheme: Scheme, digest: &[u8]) -> Result<Vec<u8>, CardError> {
        self.perform(Task::Digest(scheme, digest))
            .map(|mut signature| core::mem::take(&mut *signature))
    }

    /// Does the private operation with what the caller has encoded. The result is checked as a
    /// signature is.
    ///
    /// # Errors
    /// As for [`UnlockedKey::sign`]; an input of the wrong length; no DigestInfo where one is wanted.
    pub fn sign_raw(&mut self, input: RawInput<'_>) -> Result<Vec<u8>, CardError> {
        self.perform(Task::Raw(input))
            .map(|mut signature| core::mem::take(&mut *signature))
    }

    /// Deciphers a cryptogram.
    ///
    /// # Errors
    /// A cryptogram of another length than the modulus, the card refuses, or what comes out is not
    /// padded as said. That last error tells no more, and must not be told apart further by
    /// whoever passes it on.
    pub fn decipher(
        &mut self,
        encryption: Encryption,
        cryptogram: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        self.perform(Task::Decipher(encryption, cryptogram))
    }

    /// Does what [`Card::can_use`] was asked about: gives a signature or a plaintext.
    ///
    /// # Errors
    /// As for [`UnlockedKey::sign`] and [`UnlockedKey::decipher`].
    pub fn perform(&mut self, task: Task<'_>) -> Result<Zeroizing<Vec<u8>>, CardError> {
        self.card.use_key(&self.key, task)
    }
}

fn verify_first(key: &Key) -> CardError {
    let error = CardError::new(
        ErrorKind::PinRequired { role: key.pin },
        format!(
            "the key {} is protected by a PIN that is not verified",
            key.id
        ),
    );
    match key.pin {
        Some(role) => error.hint(format!("verify the PIN for {role} first")),
        None => error.hint("verify the key's PIN first"),
    }
}
