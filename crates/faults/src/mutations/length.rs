//! `length:`: a length that lies.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::header;

use crate::objects::{Objects, any};
use crate::parameters::{FaultError, Parameters, lie};
use crate::tree::Tree;
use crate::{Mutation, Strike, Vector};

/// The length of a data object says more or less than there is; nothing else changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Length {
    by: i64,
    objects: Objects,
}

impl Mutation for Length {
    const NAME: &'static str = "length";
    const PARAMETERS: &'static str = "by=±N[,tag=TAG][,at=N]";
    const DOES: &'static str = "the length of a data object says N more or less than there is";
    const VECTOR: Vector = Vector::answers(
        "length:by=1,tag=02",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x06, 0x90, 0x00],
                &[0x30, 0x06, 0x02, 0x02, 0x05, 0x02, 0x01, 0x06, 0x90, 0x00],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x04, 0x00, 0x90, 0x00],
                &[0x04, 0x00, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            by: parameters.required("by", "a number with its sign", lie)?,
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            let tree = Tree::read(content);
            if let Some(index) = self.objects.choose(&tree, content, any) {
                let node = tree.nodes()[index];
                let length = (node.end - node.value) as i64 + self.by;
                let header = header(node.tag, usize::try_from(length).unwrap_or(0));
                content.splice(node.start..node.value, header);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use kortlab_apdu::Layer as _;

    use crate::Fault;
    use crate::testing::Told;

    #[test]
    fn a_length_may_say_more_than_any_card_holds() {
        for (by, header) in [
            (0x40_0000_u32, &[0x30, 0x83, 0x40, 0x00, 0x03][..]),
            (0x7FFF_FFFC, &[0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF]),
            (0xFFFF_FF00, &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0x03]),
        ] {
            let mut fault = Fault::parse(&format!("length:by={by},tag=30")).expect("a fault");
            let mut card = Told::new(&[0x30, 0x03, 0x02, 0x01, 0x05, 0x90, 0x00]);
            let answer = fault
                .transmit(&mut card, &[0, 0xCA, 1, 1, 0])
                .expect("an answer");
            assert_eq!(answer, [header, &[0x02, 0x01, 0x05, 0x90, 0x00]].concat());
        }
        assert!(Fault::parse("length:by=4294967296").is_err());
    }
}
