//! What the commands that use or make keys share: finding the key file, checking that it may be
//! used, and using up the PIN.

use kortlab_apdu::{StatusWord, instruction};

use crate::crypto::{self, KeyError, KeyOperation, StoredKey};
use crate::fs::{Body, File, FileId};
use crate::os::Context;
use crate::os::environment::KeyReference;
use crate::security::Operation;

/// The key file with this id, for a security environment.
///
/// # Errors
/// `6A88`: it is no key file.
pub(super) fn reference(context: &Context<'_>, id: FileId) -> Result<KeyReference, StatusWord> {
    stored(context.file(id)?).map(|_| KeyReference(id))
}

/// A key that may be used, and the file it is in.
pub(super) struct UsableKey {
    id: FileId,
    key: crypto::UsableKey,
    user_consent: bool,
    instruction: u8,
}

/// Takes the key that `reference` names for `operation`.
///
/// # Errors
/// `6A88`: the file has no key yet. `6982`: the PIN is not verified. `6985`: the key
/// is not for this operation, or its file is deactivated or terminated.
pub(super) fn take(
    context: &Context<'_>,
    reference: KeyReference,
    operation: KeyOperation,
) -> Result<UsableKey, StatusWord> {
    let KeyReference(id) = reference;
    let file = context.file(id)?;
    let instruction = guarding_instruction(file, operation);
    context.authorise(id, Operation::Command(instruction))?;
    let stored = stored(file)?.ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
    if !stored.allows(operation) {
        return Err(StatusWord::CONDITIONS_OF_USE);
    }
    Ok(UsableKey {
        id,
        // An image whose numbers make no key is still an image; the key fails when it is used.
        key: stored
            .key
            .usable()
            .map_err(|_| StatusWord::EXECUTION_ERROR)?,
        user_consent: stored.user_consent,
        instruction,
    })
}

/// The key in a key file, if it has one.
///
/// # Errors
/// `6A88`: the file is no key file.
fn stored(file: &File) -> Result<Option<&StoredKey>, StatusWord> {
    match &file.body {
        Body::Key { key, .. } => Ok(key.as_deref()),
        _ => Err(StatusWord::REFERENCE_NOT_FOUND),
    }
}

/// The instruction whose access condition guards an operation. A key file that says nothing of
/// INTERNAL AUTHENTICATE guards it as it guards PERFORM SECURITY OPERATION.
fn guarding_instruction(file: &File, operation: KeyOperation) -> u8 {
    let authenticate = Operation::Command(instruction::INTERNAL_AUTHENTICATE);
    if operation == KeyOperation::Authenticate && file.access.names(authenticate) {
        instruction::INTERNAL_AUTHENTICATE
    } else {
        instruction::PERFORM_SECURITY_OPERATION
    }
}

impl UsableKey {
    /// The length of what goes in and of what comes out, in bytes.
    pub fn size(&self) -> usize {
        self.key.size()
    }

    /// The raw private operation. If the key wants the user's consent for each use, the PINs that
    /// it took count as not verified from now on.
    ///
    /// # Errors
    /// `6A80`: the input is not below the modulus. `6400`: the stored numbers are no key.
    pub fn apply(self, context: &mut Context<'_>, input: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let mut output = self
            .key
            .apply(input, context.rng)
            .map_err(|error| match error {
                KeyError::Range => StatusWord::WRONG_DATA,
                _ => StatusWord::EXECUTION_ERROR,
            })?;
        if self.user_consent {
            self.use_up_pins(context)?;
        }
        Ok(core::mem::take(&mut *output))
    }

    /// Forgets the verification of every PIN that allowed the use: where two alternative ones are
    /// verified, of both, or the second would let the key be used once more without consent.
    fn use_up_pins(&self, context: &mut Context<'_>) -> Result<(), StatusWord> {
        let verified = context.session.verified;
        let access = &context.file(self.id)?.access;
        let operation = Operation::Command(self.instruction);
        let used: Vec<u8> = access
            .used_for(operation, |pin| verified.contains(pin))
            .collect();
        for pin in used {
            context.session.verified.set(pin, false);
        }
        Ok(())
    }
}
