//! Card models: what a kind of card holds when it leaves the factory.
//!
//! The card operating system does not know models; a model is data that fills an image. A new
//! model is one module here and one line in [`MODELS`].

pub mod eid;

use kortlab_apdu::Protocol;

use crate::image::Model;

/// Every model, in the order in which they are listed for people.
pub const MODELS: &[CardModel] = &[eid::MODEL];

/// A kind of card.
#[derive(Clone, Copy, Debug)]
pub struct CardModel {
    /// Its mark in images.
    pub model: Model,
    /// Its name in commands and images.
    pub name: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// The protocols it comes with, the usual one first.
    pub protocols: &'static [Protocol],
    /// Its answer to reset with one of them.
    pub atr: fn(Protocol) -> &'static [u8],
}

/// The model with this name.
pub fn find(name: &str) -> Option<&'static CardModel> {
    MODELS.iter().find(|model| model.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_by_the_name_that_images_use() {
        for model in MODELS {
            let name = serde_json::to_value(model.model).expect("a name");
            assert_eq!(name, model.name);
            assert_eq!(find(model.name).map(|found| found.model), Some(model.model));
            assert!(!model.protocols.is_empty());
        }
        assert!(find("no such model").is_none());
    }
}
