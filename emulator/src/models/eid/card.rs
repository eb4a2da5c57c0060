//! Building a card.

use kortlab_apdu::Protocol;
use kortlab_pkcs15::{EncodeError, PKCS15_AID};

use super::super::CardCertificate;
use super::{atr, files, layout as l};
use crate::crypto::UsableKey;
use crate::image::{
    DataObjectImage, DataTag, FileImage, Format, HexByte, Image, ImageError, KeyImage,
    KeyOperation, LifeCycle, Model, PinEncoding, PinImage, SecretText, Settings, TestSecrets,
    Version,
};

/// The fewest digits of a PIN.
pub(super) const PIN_LENGTH: u8 = 6;
/// The digits of the PUK.
const PUK_LENGTH: u8 = 8;
/// The name of the first PIN and key.
pub(super) const LABEL_AUTHENTICATION: &str = "Legitimering";
/// The name of the second PIN and key.
pub(super) const LABEL_SIGNATURE: &str = "Underskrift";

/// An EID-applet card that is about to be made.
///
/// ```
/// use kortlab_emulator::crypto::RsaKey;
/// use kortlab_emulator::models::eid::EidCard;
/// use kortlab_emulator::{CardRng, InProcess, VirtualCard};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut rng = CardRng::from_seed(1);
/// let authentication_key = RsaKey::generate(1024, &mut rng)?;
/// let signature_key = RsaKey::generate(1024, &mut rng)?;
/// let image = EidCard::new("9752269700000000123", authentication_key, signature_key).build()?;
/// let mut card = InProcess::ephemeral(VirtualCard::new(image, rng)?);
/// assert_eq!(card.transmit(&[0x00, 0xCA, 0xDF, 0x30, 0x05]), b"v2.1\0\x90\x00");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EidCard {
    pub(super) serial: String,
    pub(super) label: String,
    pub(super) authentication_key: UsableKey,
    pub(super) signature_key: UsableKey,
    pub(super) user_consent: bool,
    protocol: Protocol,
    certificates: Vec<CardCertificate>,
    authentication_pin: SecretText,
    signature_pin: SecretText,
    puk: SecretText,
    capacity: u32,
    settings: Settings,
}

/// Why a card cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EidError {
    /// The serial number is no Swedish card number.
    #[error(
        "the card's serial number must be 19 digits that begin with 9752, the last one the Luhn \
         check digit"
    )]
    Serial,
    /// A PKCS#15 file could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// What a file is to hold is longer than the file.
    #[error("file {fid:04X} is to hold {needed} bytes and has {size}: use fewer certificates")]
    FileFull {
        /// Which file.
        fid: u16,
        /// How many bytes it is to hold.
        needed: usize,
        /// How many it has.
        size: u32,
    },
    /// A certificate is longer than a file can be.
    #[error("certificate {index} is {length} bytes long; 1 to 32767 are possible")]
    Certificate {
        /// Its place in the list, from 0.
        index: usize,
        /// Its length in bytes.
        length: usize,
    },
    /// The image does not fit together: a PIN of the wrong form, or too small a capacity.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl EidCard {
    /// A T=0 card with these keys, the test PINs 123456 and 654321, the test PUK 12345678, and no
    /// certificates. `serial` is its card number.
    pub fn new(
        serial: impl Into<String>,
        authentication_key: impl Into<UsableKey>,
        signature_key: impl Into<UsableKey>,
    ) -> Self {
        Self {
            serial: serial.into(),
            label: "Telia EID IP5a".to_owned(),
            authentication_key: authentication_key.into(),
            signature_key: signature_key.into(),
            user_consent: false,
            protocol: Protocol::T0,
            certificates: Vec::new(),
            authentication_pin: SecretText::new("123456"),
            signature_pin: SecretText::new("654321"),
            puk: SecretText::new("12345678"),
            capacity: l::CAPACITY,
            settings: Settings::default(),
        }
    }

    /// The same card with another protocol, and the ATR that goes with it.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// The same card with another name.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same card with one more certificate, in the next file.
    pub fn certificate(mut self, certificate: CardCertificate) -> Self {
        self.certificates.push(certificate);
        self
    }

    /// The same card with more certificates, in this order.
    pub fn certificates(mut self, more: impl IntoIterator<Item = CardCertificate>) -> Self {
        self.certificates.extend(more);
        self
    }

    /// The same card with other PINs and another PUK: 6 to 8 digits, and 8.
    pub fn pins(
        mut self,
        authentication: impl Into<String>,
        signature: impl Into<String>,
        puk: impl Into<String>,
    ) -> Self {
        self.authentication_pin = SecretText::new(authentication);
        self.signature_pin = SecretText::new(signature);
        self.puk = SecretText::new(puk);
        self
    }

    /// The same card whose signature key takes its PIN anew for each signature, or does not.
    pub fn user_consent(mut self, user_consent: bool) -> Self {
        self.user_consent = user_consent;
        self
    }

    /// The same card with this much non-volatile memory, in bytes.
    pub fn capacity(mut self, capacity: u32) -> Self {
        self.capacity = capacity;
        self
    }

    /// The same card with other settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Makes the card's image.
    ///
    /// # Errors
    /// [`EidError`].
    pub fn build(self) -> Result<Image, EidError> {
        if !is_card_number(&self.serial) {
            return Err(EidError::Serial);
        }
        let image = Image {
            format: Format::CardImage,
            version: Version::CURRENT,
            test_secrets: TestSecrets,
            model: Model::EID,
            protocol: self.protocol.into(),
            atr: atr::of(self.protocol).into(),
            serial: self.serial.clone(),
            capacity: self.capacity,
            settings: self.settings,
            life_cycle: LifeCycle::Activated,
            pins: self.pin_images(),
            data_objects: vec![DataObjectImage {
                tag: DataTag(l::APPLET_VERSION_TAG),
                value: l::APPLET_VERSION.into(),
                access: None,
            }],
            master_file: self.master_file()?,
            pending_change: None,
            generator: None,
            provenance: None,
        };
        image.check()?;
        Ok(image)
    }

    fn pin_images(&self) -> Vec<PinImage> {
        let pin = |reference, label: &str, value: &SecretText| PinImage {
            reference: HexByte(reference),
            label: label.to_owned(),
            value: value.clone(),
            encoding: PinEncoding::AsciiNumeric,
            min_length: PIN_LENGTH,
            max_length: l::STORED_LENGTH,
            stored_length: l::STORED_LENGTH,
            pad: HexByte(0x00),
            tries_left: 3,
            tries_max: 3,
            unblocked_by: Some(HexByte(l::PUK)),
        };
        vec![
            pin(
                l::PIN_AUTHENTICATION,
                LABEL_AUTHENTICATION,
                &self.authentication_pin,
            ),
            pin(l::PIN_SIGNATURE, LABEL_SIGNATURE, &self.signature_pin),
            PinImage {
                min_length: PUK_LENGTH,
                tries_left: 10,
                tries_max: 10,
                unblocked_by: None,
                ..pin(l::PUK, "PUK", &self.puk)
            },
        ]
    }

    fn master_file(&self) -> Result<FileImage, EidError> {
        let dir = file(l::EF_DIR, l::EF_DIR_SIZE, files::dir(self)?, "EF.DIR")?;
        let application = FileImage::df(l::DF_PKCS15, self.application()?)
            .with_label("PKCS#15")
            .with_name(&PKCS15_AID)
            .with_access(l::ACCESS_DF)
            .with_proprietary(l::DF_PROPRIETARY);
        let children = vec![dir.with_access(l::ACCESS_READ), application];
        Ok(FileImage::df(0x3F00, children)
            .with_label("MF")
            .with_application("eid")
            .with_access(l::ACCESS_NONE)
            .with_proprietary(l::DF_PROPRIETARY))
    }

    fn application(&self) -> Result<Vec<FileImage>, EidError> {
        let numbered: Vec<_> = (l::EF_FIRST_CERTIFICATE..)
            .zip(&self.certificates)
            .collect();
        let token_info = files::token_info(self)?;
        let token_info_size = u32::try_from(token_info.len() + l::TOKEN_INFO_SPARE);
        let token_info_size = token_info_size.unwrap_or(u32::MAX);
        let cdf = files::cdf(&numbered)?;
        let fixed = [
            (l::EF_ODF, l::EF_ODF_SIZE, files::odf()?, "EF(ODF)"),
            (
                l::EF_TOKEN_INFO,
                token_info_size,
                token_info,
                "EF(TokenInfo)",
            ),
            // Files are made and deleted whole, so no stretch of any is free.
            (
                l::EF_UNUSED_SPACE,
                l::EF_UNUSED_SPACE_SIZE,
                Vec::new(),
                "EF(UnusedSpace)",
            ),
            (l::EF_AODF, l::EF_AODF_SIZE, files::aodf()?, "EF(AODF)"),
            (
                l::EF_PRKDF,
                l::EF_PRKDF_SIZE,
                files::prkdf(self)?,
                "EF(PrKDF)",
            ),
            (
                l::EF_PUKDF,
                l::EF_PUKDF_SIZE,
                files::pukdf(self)?,
                "EF(PuKDF)",
            ),
            (l::EF_CDF, l::EF_CDF_SIZE, cdf, "EF(CDF)"),
            (
                l::EF_PROFILE,
                l::EF_PROFILE_SIZE,
                l::PROFILE.to_vec(),
                "OpenSC profile",
            ),
        ];
        let mut children = Vec::new();
        for (fid, size, data, label) in fixed {
            let access = match fid {
                l::EF_ODF | l::EF_AODF => l::ACCESS_READ,
                _ => l::ACCESS_UPDATE,
            };
            children.push(file(fid, size, data, label)?.with_access(access));
        }
        children.push(self.key_file(KeyRole::Authentication));
        children.push(self.key_file(KeyRole::Signature));
        for (index, (fid, certificate)) in numbered.into_iter().enumerate() {
            let length = certificate.der.len();
            let size = u32::try_from(length)
                .ok()
                .filter(|size| (1..0x8000).contains(size));
            let size = size.ok_or(EidError::Certificate { index, length })?;
            let file = FileImage::transparent(fid, size, &certificate.der)
                .with_label(&certificate.label)
                .with_access(l::ACCESS_UPDATE_DELETE);
            children.push(file);
        }
        Ok(children)
    }

    fn key_file(&self, role: KeyRole) -> FileImage {
        use KeyOperation::{Authenticate, Decipher, Sign};
        let (fid, key, label, pin, operations, user_consent) = match role {
            KeyRole::Authentication => (
                l::EF_AUTHENTICATION_KEY,
                &self.authentication_key,
                LABEL_AUTHENTICATION,
                l::PIN_AUTHENTICATION,
                vec![Sign, Decipher, Authenticate],
                false,
            ),
            KeyRole::Signature => (
                l::EF_SIGNATURE_KEY,
                &self.signature_key,
                LABEL_SIGNATURE,
                l::PIN_SIGNATURE,
                vec![Sign],
                self.user_consent,
            ),
        };
        let key = KeyImage {
            operations: Some(operations),
            user_consent,
            ..KeyImage::from(key)
        };
        FileImage::key(fid, key)
            .with_label(label)
            .with_access(&l::access_key(pin))
    }
}

#[derive(Clone, Copy)]
enum KeyRole {
    Authentication,
    Signature,
}

fn file(fid: u16, size: u32, data: Vec<u8>, label: &str) -> Result<FileImage, EidError> {
    let needed = data.len();
    if u32::try_from(needed).map_or(true, |needed| needed > size) {
        return Err(EidError::FileFull { fid, needed, size });
    }
    Ok(FileImage::transparent(fid, size, &data).with_label(label))
}

/// 19 digits, `9752…`, with a Luhn check digit (ISO/IEC 7812-1 annex B).
fn is_card_number(serial: &str) -> bool {
    let shape = serial.len() == 19
        && serial.starts_with("9752")
        && serial.bytes().all(|digit| digit.is_ascii_digit());
    let sum: u32 = serial
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit & 0x0F) * if place % 2 == 1 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    shape && sum.is_multiple_of(10)
}
