//! Keys.

use kortlab_card::{Key, KeyKind};
use serde::Serialize;

/// One key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyEntry {
    /// The identifier, which its certificates have too.
    pub id: String,
    /// What the card calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `rsa`, `ec` or `other`.
    pub kind: &'static str,
    /// The length of its modulus or field, if the card says it.
    pub bits: Option<u32>,
    /// Whether this program can use it.
    pub supported: bool,
    /// What it is for, as PKCS#15 spells it.
    pub usage: Vec<&'static str>,
    /// The PIN that protects it: `auth`, `sign`, or null.
    pub pin: Option<&'static str>,
    /// Its file.
    pub path: String,
    /// After how many uses the PIN must be given again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_consent: Option<u32>,
}

impl From<&Key> for KeyEntry {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.to_string(),
            label: key.label.clone(),
            kind: match key.kind {
                KeyKind::Rsa => "rsa",
                KeyKind::Ec => "ec",
                KeyKind::Other => "other",
            },
            bits: key.bits,
            supported: key.is_supported(),
            usage: key.usage.names().collect(),
            pin: key.pin.map(|role| role.name()),
            path: format!("{:X}", key.path),
            user_consent: key.user_consent,
        }
    }
}
