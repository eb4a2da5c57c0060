//! `key-kind:`: a key of another kind.

use kortlab_apdu::ChannelError;
use kortlab_apdu::tlv::{Tag, object};

use crate::objects::Objects;
use crate::parameters::{FaultError, Parameters};
use crate::tree::Tree;
use crate::{Mutation, Strike, Vector};

/// rsaEncryption (RFC 8017 appendix A.1).
const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
/// id-ecPublicKey (RFC 5480 §2.1.1).
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

/// An RSA key says that it is an EC key: by its algorithm in a certificate or SubjectPublicKeyInfo, by its tag in PrKDF and PuKDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyKind {
    objects: Objects,
}

impl Mutation for KeyKind {
    const NAME: &'static str = "key-kind";
    const PARAMETERS: &'static str = "[at=N]";
    const DOES: &'static str = "an RSA key says that it is an EC key";
    const VECTOR: Vector = Vector::answers(
        "key-kind:ins=CA",
        &[
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[
                    0x30, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01,
                    0x90, 0x00,
                ],
                &[
                    0x30, 0x09, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x90, 0x00,
                ],
            ),
            (
                &[0x00, 0xCA, 0x01, 0x01, 0x00],
                &[0x30, 0x03, 0x02, 0x01, 0x05, 0x90, 0x00],
                &[0xA0, 0x03, 0x02, 0x01, 0x05, 0x90, 0x00],
            ),
        ],
    );

    fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            objects: Objects::from_parameters(parameters)?,
        })
    }

    fn strike(&mut self, strike: &mut Strike<'_>) -> Result<Vec<u8>, ChannelError> {
        strike.content(|content| {
            let rsa = |tree: &Tree, index: usize, bytes: &[u8]| {
                tree.nodes()[index].value(bytes) == RSA_ENCRYPTION
            };
            let tree = Tree::read(content);
            if (0..tree.nodes().len()).any(|index| rsa(&tree, index, content)) {
                self.objects
                    .replace_value(content, rsa, |_| EC_PUBLIC_KEY.to_vec());
            } else {
                let at_the_top = |tree: &Tree, index: usize, _: &[u8]| {
                    let node = tree.nodes()[index];
                    node.parent.is_none() && node.tag == Tag::SEQUENCE
                };
                self.objects.replace(content, at_the_top, |node, bytes| {
                    object(Tag::context(0, true), node.value(bytes))
                });
            }
        })
    }
}
