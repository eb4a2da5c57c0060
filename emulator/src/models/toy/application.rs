//! The toy's application.

use kortlab_apdu::{Command, Response, StatusWord};

use crate::applications::{Answer, Application, Context, Instruction, Traffic, iso};
use crate::fs::Fid;
use crate::fs::File;
use crate::fs::information::Template;
use crate::security::access::{Access, AccessError, Condition, Rule, Subject};

/// An application with two instructions, a coding of access conditions and an answer to SELECT.
#[derive(Debug)]
pub struct Toy;

/// The application.
pub const APPLICATION: Toy = Toy;

const OWN: &[Instruction] = &[
    Instruction::proprietary(0x90, 0x01, Traffic::In, turn_round),
    Instruction::proprietary(0x90, 0x02, Traffic::Out, length),
];

impl Application for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn instructions(&self) -> &'static [&'static [Instruction]] {
        &[OWN, iso::SELECTION, iso::READING]
    }

    /// One byte: 10 lets everybody read.
    fn access(&self, value: &[u8]) -> Result<Access, AccessError> {
        let mask = match value {
            [] => return Ok(Access::default()),
            [0x10] => 0x01,
            _ => {
                return Err(AccessError {
                    offset: 0,
                    what: "10 is all there is",
                });
            }
        };
        Ok(Access::new([Rule {
            subject: Subject::Operations(mask),
            condition: Condition::Pins(Vec::new()),
        }]))
    }

    /// The file identifier alone.
    fn control_information(&self, file: &File, _: Template) -> Vec<u8> {
        file.fid.bytes().to_vec()
    }

    /// 80 is a PIN here.
    fn has_pin_reference(&self, reference: u8) -> bool {
        reference == 0x80
    }
}

/// Turns the file round.
fn turn_round(context: &mut Context<'_>, _: &Command) -> Answer {
    let file = context.child(Fid(0x0001))?;
    let mut bytes = context.contents(file)?.to_vec();
    bytes.reverse();
    context.update(file, 0, &bytes)?;
    Ok(Response::status_only(StatusWord::SUCCESS))
}

/// Tells its length.
fn length(context: &mut Context<'_>, _: &Command) -> Answer {
    let file = context.child(Fid(0x0001))?;
    let length = context.contents(file)?.len();
    Ok(Response::success(length.to_be_bytes()[7..].to_vec()))
}

#[cfg(test)]
mod tests {
    use kortlab_apdu::Protocol;

    use crate::crypto::{RsaKey, UsableKey};
    use crate::image::PinImage;
    use crate::models::{self, Personalisation};
    use crate::{CardRng, Image, InProcess, VirtualCard};

    fn image() -> Image {
        let mut rng = CardRng::from_seed(1);
        let key = UsableKey::from(RsaKey::generate(512, &mut rng).expect("a key"));
        let model = models::find("toy").expect("the toy");
        (model.make)(Personalisation {
            serial: "1".to_owned(),
            protocol: Protocol::T1,
            authentication_key: key.clone(),
            signature_key: key,
            certificates: Vec::new(),
        })
        .expect("an image")
    }

    fn card(image: Image) -> InProcess {
        InProcess::ephemeral(VirtualCard::new(image, CardRng::from_seed(1)).expect("a card"))
    }

    #[test]
    fn a_second_model_answers_its_own_instructions_and_none_of_the_first_ones() {
        let mut card = card(image());
        assert_eq!(card.transmit(&[0x90, 0x02, 0, 0, 1]), [4, 0x90, 0x00]);
        assert_eq!(card.transmit(&[0x90, 0x01, 0, 0]), [0x90, 0x00]);
        let select = [0x00, 0xA4, 0x00, 0x04, 0x02, 0x00, 0x01, 0x00];
        assert_eq!(card.transmit(&select), [0x00, 0x01, 0x90, 0x00]);
        assert_eq!(card.transmit(&[0x00, 0xB0, 0, 0, 0]), *b"syot\x90\x00");
        // LIST FILES, GENERATE KEY, UPDATE BINARY: not this card's.
        assert_eq!(card.transmit(&[0x80, 0xAA, 0, 0, 0]), [0x6E, 0x00]);
        assert_eq!(card.transmit(&[0x90, 0xAA, 0, 0, 0]), [0x6D, 0x00]);
        assert_eq!(card.transmit(&[0x00, 0x46, 0, 0, 1, 0x92]), [0x6D, 0x00]);
        assert_eq!(card.transmit(&[0x00, 0xD6, 0, 0, 1, 0x92]), [0x6D, 0x00]);
        // As JSON it is the same card.
        let text = card.card().image().to_json();
        let again = Image::from_json(text.as_bytes()).expect("an image");
        assert_eq!(again, card.card().image());
    }

    #[test]
    fn its_codings_and_its_pin_references_are_its_own() {
        let mut image = image();
        image.pins.push(PinImage::digits(0x80, "PIN", "1234"));
        assert_eq!(image.check(), Ok(()));
        image.pins.push(PinImage::digits(0x81, "PIN", "1234"));
        let error = image.check().expect_err("not a reference here").to_string();
        assert!(error.contains("$.pins[1].reference"), "{error}");
        image.pins.pop();
        let files = image.master_file.files_mut().expect("files");
        files[0].access = Some([0x01, 0x01][..].into());
        let error = image
            .check()
            .expect_err("the EID applet's coding")
            .to_string();
        assert!(error.contains("10 is all there is"), "{error}");
    }
}
