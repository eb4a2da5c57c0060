//! GENERATE ASYMMETRIC KEY PAIR (ISO/IEC 7816-8 §5.1) in the form of the EID applet, which also
//! imports keys.

use kortlab_apdu::{Command, StatusWord, instruction};

use crate::commands::done;
use crate::commands::expect::expect_p1_p2;
use crate::crypto::{Key, KeyOperation, StoredKey};
use crate::fs::{Body, FileId};
use crate::memory::Write;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// The longest modulus of this card, in bits.
const MAX_BITS: u16 = 2048;

/// Makes a key in the selected key file, or takes the one in the data field:
///
/// | bytes | meaning |
/// |---|---|
/// | `92 00` or `9A 00` | generate, or import |
/// | two bytes | length of the modulus in bits: 512 to 2048, a multiple of 256 |
/// | two bytes, then the number | length of the public exponent in bits, the exponent |
/// | import: twice two bytes, then the number | length of a prime in bits, the prime |
///
/// A key that was in the file is replaced; what it may be used for stays. Nothing is answered:
/// GET DATA 0101 gives the modulus.
///
/// It takes the file's condition for instruction 46, or where it names none, UPDATE. `6986`: no
/// file is selected. `6981`: the selected file is no key file. `6A80`: malformed, a length or an
/// exponent that the card does not do, or a length other than the file was created for. `6A84`:
/// no room.
pub(super) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_p1_p2(command, 0)?;
    let id = context.current_ef()?;
    let target = Target::of(context, id)?;
    let request = Request::parse(command.data()).ok_or(StatusWord::WRONG_DATA)?;
    if target
        .bits
        .is_some_and(|bits| bits != u32::from(request.bits))
    {
        return Err(StatusWord::WRONG_DATA);
    }
    let key = request.key(context)?;
    let key = Box::new(StoredKey {
        key,
        operations: target.operations,
        user_consent: target.user_consent,
    });
    context.memory.apply(Write::Key { file: id, key })?;
    done()
}

/// What the key file says of the key that is to come.
struct Target {
    bits: Option<u32>,
    operations: Option<Vec<KeyOperation>>,
    user_consent: bool,
}

impl Target {
    fn of(context: &Context<'_>, id: FileId) -> Result<Self, StatusWord> {
        let file = context.file(id)?;
        let Body::Key { size, key } = &file.body else {
            return Err(StatusWord::INCOMPATIBLE_FILE);
        };
        let generate = Operation::Command(instruction::GENERATE_ASYMMETRIC_KEY_PAIR);
        let operation = if file.access.names(generate) {
            generate
        } else {
            Operation::Update
        };
        context.authorise(id, operation)?;
        Ok(Self {
            bits: *size,
            operations: key.as_ref().and_then(|key| key.operations.clone()),
            user_consent: key.as_ref().is_some_and(|key| key.user_consent),
        })
    }
}

/// The data field.
struct Request<'a> {
    bits: u16,
    exponent: &'a [u8],
    primes: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Request<'a> {
    fn parse(data: &'a [u8]) -> Option<Self> {
        let ([action, 0x00, high, low], mut rest) = data.split_first_chunk()? else {
            return None;
        };
        let bits = u16::from_be_bytes([*high, *low]);
        if !(512..=MAX_BITS).contains(&bits) || !bits.is_multiple_of(256) {
            return None;
        }
        let exponent = number(&mut rest)?;
        let primes = match action {
            0x92 => None,
            0x9A => Some((number(&mut rest)?, number(&mut rest)?)),
            _ => return None,
        };
        rest.is_empty().then_some(Self {
            bits,
            exponent,
            primes,
        })
    }

    fn key(&self, context: &mut Context<'_>) -> Result<Key, StatusWord> {
        let bits = usize::from(self.bits);
        let key = match self.primes {
            Some((p, q)) => Key::from_primes(p, q, self.exponent),
            None => Key::generate(bits, self.exponent, context.rng),
        };
        key.ok()
            .filter(|key| key.bits() == bits)
            .ok_or(StatusWord::WRONG_DATA)
    }
}

/// Two bytes of length in bits, then the number in whole bytes.
fn number<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let bytes = usize::from(u16::from_be_bytes(*length)).div_ceil(8);
    let (number, after) = after.split_at_checked(bytes)?;
    *rest = after;
    (!number.is_empty()).then_some(number)
}
