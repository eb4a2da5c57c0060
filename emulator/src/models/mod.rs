//! Card models: what a kind of card holds when it leaves the factory, and what runs on it.
//!
//! The card operating system does not know models; a model is data that fills an image, and the
//! applications that the image's DFs name. A new model is a folder here and a word in the list below;
//! `card new --model`, the renewal's cards and this page's readers take it from there.

use core::fmt;

use kortlab_apdu::Protocol;
use kortlab_pkcs15::Id;

use crate::applications::{Application, Applications, iso};
use crate::crypto::UsableKey;
use crate::image::Image;

macro_rules! models {
    ($($(#[$condition:meta])? $module:ident),+ $(,)?) => {
        $($(#[$condition])? pub mod $module;)+

        /// Every model, in the order in which they are listed for people; the first is the usual one.
        pub const MODELS: &[CardModel] = &[$($(#[$condition])? $module::MODEL),+];
    };
}

models![
    eid,
    #[cfg(test)]
    toy
];

/// A kind of card.
#[derive(Clone, Copy, Debug)]
pub struct CardModel {
    /// Its name in commands and images.
    pub name: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// The protocols it comes with, the usual one first.
    pub protocols: &'static [Protocol],
    /// The applications that are its own.
    pub applications: &'static [&'static dyn Application],
    /// Makes a card for somebody.
    pub make: fn(Personalisation) -> Result<Image, ModelError>,
}

/// What is put on a card for its holder.
#[derive(Clone, Debug)]
pub struct Personalisation {
    /// The card number.
    pub serial: String,
    /// The protocol that it speaks; one of the model's.
    pub protocol: Protocol,
    /// The key for authentication and decipherment.
    pub authentication_key: UsableKey,
    /// The key for signatures.
    pub signature_key: UsableKey,
    /// The certificates, in their order.
    pub certificates: Vec<CardCertificate>,
}

/// A certificate that the card is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The id of its key: 45 or 46, or for an authority's certificate its own.
    pub key_id: Id,
    /// Its name for people.
    pub label: String,
    /// Whether it is an authority's certificate.
    pub authority: bool,
}

/// Why a model cannot make a card, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError(String);

impl ModelError {
    /// An error with this text.
    pub fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ModelError {}

/// The model with this name.
pub fn find(name: &str) -> Option<&'static CardModel> {
    MODELS.iter().find(|model| model.name == name)
}

/// The applications that are built in, those of every model, and these. [`iso`] answers where no DF
/// names one.
pub fn applications(own: impl IntoIterator<Item = &'static dyn Application>) -> Applications {
    let of_models = MODELS.iter().flat_map(|model| model.applications);
    Applications::new(&iso::APPLICATION, of_models.copied().chain(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VirtualCard;
    use crate::crypto::RsaKey;
    use crate::random::CardRng;

    #[test]
    fn models_are_found_by_their_names_and_make_cards_of_these_names_and_protocols() {
        let mut rng = CardRng::from_seed(11);
        let [authentication_key, signature_key]: [UsableKey; 2] =
            [(); 2].map(|()| RsaKey::generate(512, &mut rng).expect("a key").into());
        for model in MODELS {
            assert_eq!(find(model.name).map(|found| found.name), Some(model.name));
            assert!(!model.protocols.is_empty() && !model.summary.is_empty());
            for &protocol in model.protocols {
                let image = (model.make)(Personalisation {
                    serial: "9752269700000000123".to_owned(),
                    protocol,
                    authentication_key: authentication_key.clone(),
                    signature_key: signature_key.clone(),
                    certificates: Vec::new(),
                })
                .expect(model.name);
                assert_eq!(image.model.0, model.name);
                let card = VirtualCard::new(image, CardRng::from_seed(1)).expect(model.name);
                assert_eq!(card.protocol(), protocol);
            }
        }
        assert!(find("no such model").is_none());
    }

    #[test]
    fn every_application_has_a_name_of_its_own_and_instructions() {
        let applications = applications([]);
        for application in applications.iter() {
            let name = application.name();
            assert_eq!(name, name.to_ascii_lowercase());
            let others = applications.iter().filter(|other| other.name() == name);
            assert_eq!(others.count(), 1, "{name}");
            let tables = application.instructions();
            assert!(tables.iter().any(|table| !table.is_empty()), "{name}");
        }
    }
}
