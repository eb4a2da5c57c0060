//! What goes back and forth between a card holder's client and the portal.

use core::fmt;
use core::fmt::Write;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::ZeroizeOnDrop;

use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::holder::Holder;
use kortlab_issuer::inspect::CertificateSummary;

/// The secret that stands for a session. It is not printed, and overwritten when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SessionToken(String);

impl SessionToken {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(hex::encode(secret))
    }

    /// A token that came back from a client: 64 lower-case hexadecimal digits, or `None`.
    pub fn from_text(text: &str) -> Option<Self> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// The secret itself, to be given to the client and to nobody else: not to a log, not to an
    /// address.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the portal keeps in its place.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl PartialEq for SessionToken {
    /// Takes as long wherever the two differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SessionToken {}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// A log-in that succeeded.
#[derive(Clone, Debug)]
pub struct Session {
    /// Goes with every following call.
    pub token: SessionToken,
    /// The card that is logged in.
    pub card_number: CardNumber,
    /// Its holder.
    pub holder: Holder,
    /// When it ends by itself unless it is used before.
    pub ends: Timestamp,
}

/// One HCC in the portal's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HccEntry {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// What it says.
    pub summary: CertificateSummary,
    /// What it is worth now.
    pub state: CertificateState,
    /// The order it came with; [`super::Portal::fetch`] puts it back on the card.
    pub order: OrderId,
    /// Whether the client has said that it removed it from the card.
    pub removed: bool,
}

/// The text that the test page's trial of *underskrift* signs: always this.
pub const TRIAL_TEXT: &str = "Provunderskrift / Trial signature\n";

/// The name of an order: 16 random bytes, in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(pub(crate) [u8; 16]);

impl OrderId {
    /// The bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderId({self})")
    }
}

/// A text that is no order's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an order's name is 32 hexadecimal digits")]
pub struct OrderIdError;

impl TryFrom<String> for OrderId {
    type Error = OrderIdError;

    fn try_from(text: String) -> Result<Self, OrderIdError> {
        text.parse()
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> Self {
        id.to_string()
    }
}

impl FromStr for OrderId {
    type Err = OrderIdError;

    fn from_str(text: &str) -> Result<Self, OrderIdError> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).map_err(|_| OrderIdError)?;
        Ok(Self(id))
    }
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderState {
    /// Placed; the requests and the approval are missing.
    Open,
    /// *Skickat*: the certificates are issued, on hold until the receipt is signed.
    Issued,
    /// *Mottaget*: the receipt is signed.
    Received,
    /// Not approved, or not received, in time.
    Lapsed,
}

impl OrderState {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 4] = [Self::Open, Self::Issued, Self::Received, Self::Lapsed];

    /// The state with this [`OrderState::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// A stable name for data: `open`, `issued`, `received`, `lapsed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Issued => "issued",
            Self::Received => "received",
            Self::Lapsed => "lapsed",
        }
    }
}

/// An order of a pair of HCCs (*Hämta nytt HCC*), with the data to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its name.
    pub id: OrderId,
    /// How far it has come.
    pub state: OrderState,
    /// For which card.
    pub card_number: CardNumber,
    /// For whom: the data the holder checks before approving.
    pub holder: Holder,
    /// Random bytes, so that the approval of one order never fits another.
    pub nonce: [u8; 16],
}

/// A line of personal data to check before approving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLine {
    /// What it is, in Swedish.
    pub swedish: &'static str,
    /// What it is, in English.
    pub english: &'static str,
    /// The value.
    pub value: String,
}

impl Order {
    /// The data to check, in the order a form shows them.
    pub fn data_to_check(&self) -> Vec<DataLine> {
        let line = |swedish, english, value: &str| DataLine {
            swedish,
            english,
            value: value.to_owned(),
        };
        vec![
            line("Namn", "Name", &self.holder.full_name()),
            line("HSA-id", "HSA-id", self.holder.hsa_id.as_str()),
            line("Organisation", "Organisation", &self.holder.organisation),
            line("Län", "County", &self.holder.county),
            line("Kortnummer", "Card number", self.card_number.as_str()),
        ]
    }

    /// The text the holder signs to approve: the order with its nonce, the data, and the digests
    /// of the two DER requests, so that it approves these keys and no others.
    pub fn approval_text(&self, authentication_request: &[u8], signature_request: &[u8]) -> String {
        let mut text = format!(
            "Beställning av HCC / Order of HCC\nOrder: {}\nEngångsvärde / Nonce: {}\n",
            self.id,
            hex::encode(self.nonce)
        );
        for line in self.data_to_check() {
            push_line(&mut text, line.swedish, line.english, &line.value);
        }
        push_digest(&mut text, "Legitimering", "PKCS#10", authentication_request);
        push_digest(&mut text, "Underskrift", "PKCS#10", signature_request);
        text
    }
}

/// What approves an order.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The PKCS#10 request for the authentication key, DER.
    pub authentication_request: Vec<u8>,
    /// The PKCS#10 request for the signature key, DER.
    pub signature_request: Vec<u8>,
    /// CMS SignedData over [`Order::approval_text`] by the signature key, DER.
    pub signed_approval: Vec<u8>,
}

/// The two certificates of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedPair {
    /// The order they belong to.
    pub order: OrderId,
    /// The HCC for authentication, DER; for the key with id 45.
    pub authentication: Vec<u8>,
    /// The HCC for signature, DER; for the key with id 46.
    pub signature: Vec<u8>,
}

/// The receipt that waits to be signed (*Kvittera kort*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The order it is for.
    pub order: OrderId,
    /// The text to check and to sign, as CMS SignedData.
    pub text: String,
}

impl Receipt {
    pub(crate) fn new(order: &Order, receipt_nonce: &[u8; 16], pair: &IssuedPair) -> Self {
        Self {
            order: order.id,
            text: Self::text_of(
                order.id,
                receipt_nonce,
                &order.holder.full_name(),
                order.card_number.as_str(),
                [&pair.authentication, &pair.signature],
            ),
        }
    }

    /// The text of the receipt for two certificates (DER): for authentication, and for signature.
    /// A client that knows these builds it by itself, and signs no other.
    pub fn text_of(
        order: OrderId,
        nonce: &[u8; 16],
        name: &str,
        card_number: &str,
        [authentication, signature]: [&[u8]; 2],
    ) -> String {
        let mut text = format!(
            "Kvittens / Receipt\nOrder: {order}\nEngångsvärde / Nonce: {}\n",
            hex::encode(nonce)
        );
        push_line(&mut text, "Namn", "Name", name);
        push_line(&mut text, "Kortnummer", "Card number", card_number);
        push_digest(&mut text, "Legitimering", "HCC", authentication);
        push_digest(&mut text, "Underskrift", "HCC", signature);
        text.push_str(
            "Jag har tagit emot certifikaten på mitt kort. / I have received the certificates on my card.\n",
        );
        text
    }
}

/// One certificate on the test page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestPageRow {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// What it says.
    pub summary: CertificateSummary,
    /// What it is worth now.
    pub state: CertificateState,
    /// Whether one of the portal's authorities issued it; otherwise the state follows from its
    /// dates alone.
    pub known: bool,
}

impl TestPageRow {
    /// Whether the portal says that it is valid. Of what the portal has not issued nobody has said
    /// so, whatever its dates are.
    pub fn is_valid(&self) -> bool {
        self.known && self.state == CertificateState::Valid
    }

    /// Whether nothing speaks against it but that the portal has not issued it.
    pub fn is_unknown(&self) -> bool {
        !self.known && self.state == CertificateState::Valid
    }

    /// What it is worth, as a stable name for data: that of the state, or `unknown`.
    pub fn state_name(&self) -> &'static str {
        match self.is_unknown() {
            true => "unknown",
            false => self.state.name(),
        }
    }

    /// The same in Swedish.
    pub fn state_swedish(&self) -> &'static str {
        match self.is_unknown() {
            true => "okänt",
            false => self.state.swedish(),
        }
    }
}

fn push_line(text: &mut String, swedish: &str, english: &str, value: &str) {
    let label = if swedish == english {
        swedish.to_owned()
    } else {
        format!("{swedish} / {english}")
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{label}: {value}");
}

fn push_digest(text: &mut String, purpose: &str, what: &str, der: &[u8]) {
    let digest = hex::encode(Sha256::digest(der));
    let _ = writeln!(text, "{purpose} ({what}, SHA-256): {digest}");
}
