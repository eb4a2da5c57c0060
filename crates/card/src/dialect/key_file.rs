//! MSE for a key that is chosen by its file, with an algorithm's number: the applets of one maker take it.

use kortlab_apdu::tlv::Builder;
use kortlab_apdu::{Command, instruction};

use super::{CardPadding, KeyLocation, Operation, Step};
use crate::error::{CardError, ErrorKind};

/// MSE: SET, for computation, decipherment, internal authentication (ISO/IEC 7816-4 table 79).
const MSE_SET: u8 = 0x41;
/// Control reference template: digital signature.
const TEMPLATE_SIGNATURE: u8 = 0xB6;
/// Control reference template: confidentiality.
const TEMPLATE_CONFIDENTIALITY: u8 = 0xB8;
/// No padding by the card.
const ALGORITHM_RAW: u8 = 0x00;
/// PKCS#1 v1.5 by the card; the host gives the DigestInfo.
const ALGORITHM_PKCS1: u8 = 0x02;

/// MSE SET with the algorithm (80), the identifier of the key's file in the current DF (81), and the
/// number of the key in it (84), if there is one.
///
/// # Errors
/// The card does not say in which file the key is ([`ErrorKind::Unsupported`]).
pub(super) fn chosen(
    key: &KeyLocation,
    operation: Operation,
    padding: CardPadding,
    number: Option<u8>,
) -> Result<Step, CardError> {
    let Some(file) = key.path.fid() else {
        return Err(CardError::new(
            ErrorKind::Unsupported,
            "the card does not say in which file the key is, and this card OS needs that",
        ));
    };
    let algorithm = match padding {
        CardPadding::Raw => ALGORITHM_RAW,
        CardPadding::Pkcs1 => ALGORITHM_PKCS1,
    };
    let template = match operation {
        Operation::Sign => TEMPLATE_SIGNATURE,
        Operation::Decipher => TEMPLATE_CONFIDENTIALITY,
    };
    let data = Builder::new()
        .primitive(0x80, &[algorithm])
        .primitive(0x81, &file.bytes())
        .maybe(number, |data, number| data.primitive(0x84, &[number]))
        .finish();
    let set = Command::new(instruction::MANAGE_SECURITY_ENVIRONMENT, MSE_SET, template);
    Ok(Step::Send(set.with_data(data)))
}
