//! Orders, their certificates and their receipts.

use kortlab_portal_core::{Approval, IssuedPair, Order, OrderState, Receipt};
use serde::{Deserialize, Serialize};

use crate::binary::Binary;
use crate::certificates::Field;
use crate::parse::ParseError;
use crate::session::HolderBody;

/// An order of a pair of HCCs (*Hämta nytt HCC*), with the data to check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = Order))]
pub struct OrderBody {
    /// Its name: 32 hexadecimal digits.
    pub id: String,
    /// How far it has come: `open`, `issued`, `received` or `lapsed`.
    pub state: String,
    /// For which card: 19 digits.
    pub card_number: String,
    /// For whom: the data to check before approving.
    pub holder: HolderBody,
    /// Random bytes that the approval repeats: 32 hexadecimal digits.
    pub nonce: String,
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> Self {
        Self {
            id: order.id.to_string(),
            state: order.state.name().to_owned(),
            card_number: order.card_number.to_string(),
            holder: HolderBody::from(&order.holder),
            nonce: hex::encode(order.nonce),
        }
    }
}

impl OrderBody {
    /// The order; `what` is the document this is a part of.
    ///
    /// # Errors
    /// The field that is not what it should be.
    pub fn into_order(self, what: &'static str) -> Result<Order, ParseError> {
        let field = |name: &str, why: &dyn core::fmt::Display| {
            ParseError::field(what, format!("order.{name}"), why)
        };
        let mut nonce = [0; 16];
        hex::decode_to_slice(&self.nonce, &mut nonce)
            .map_err(|_| field("nonce", &"32 hexadecimal digits are expected"))?;
        Ok(Order {
            id: self.id.parse().map_err(|error| field("id", &error))?,
            state: OrderState::from_name(&self.state)
                .ok_or_else(|| field("state", &"no state of an order"))?,
            card_number: self
                .card_number
                .parse()
                .map_err(|error| field("card_number", &error))?,
            holder: self.holder.into_holder(what)?,
            nonce,
        })
    }
}

impl TryFrom<OrderBody> for Order {
    type Error = ParseError;

    fn try_from(body: OrderBody) -> Result<Self, ParseError> {
        body.into_order("the answer")
    }
}

/// What approves an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequest {
    /// The PKCS#10 request (RFC 2986) for the authentication key, DER.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub authentication_request: Binary,
    /// The PKCS#10 request for the signature key, DER.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub signature_request: Binary,
    /// CMS SignedData (RFC 5652 §5) over the order's approval text by the signature key, DER.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub signed_approval: Binary,
}

impl From<&Approval> for ApprovalRequest {
    fn from(approval: &Approval) -> Self {
        Self {
            authentication_request: approval.authentication_request.as_slice().into(),
            signature_request: approval.signature_request.as_slice().into(),
            signed_approval: approval.signed_approval.as_slice().into(),
        }
    }
}

impl From<ApprovalRequest> for Approval {
    fn from(body: ApprovalRequest) -> Self {
        Self {
            authentication_request: body.authentication_request.into_bytes(),
            signature_request: body.signature_request.into_bytes(),
            signed_approval: body.signed_approval.into_bytes(),
        }
    }
}

/// The two certificates of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = IssuedPair))]
pub struct PairBody {
    /// The order they belong to.
    pub order: String,
    /// The HCC for authentication, DER; for the key with id 45.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub authentication: Binary,
    /// The HCC for signature, DER; for the key with id 46.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub signature: Binary,
}

impl From<&IssuedPair> for PairBody {
    fn from(pair: &IssuedPair) -> Self {
        Self {
            order: pair.order.to_string(),
            authentication: pair.authentication.as_slice().into(),
            signature: pair.signature.as_slice().into(),
        }
    }
}

impl TryFrom<PairBody> for IssuedPair {
    type Error = ParseError;

    fn try_from(body: PairBody) -> Result<Self, ParseError> {
        Ok(Self {
            order: Field("order".to_owned()).parse(&body.order)?,
            authentication: body.authentication.into_bytes(),
            signature: body.signature.into_bytes(),
        })
    }
}

/// The receipt that waits to be signed (*Kvittera kort*).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Receipt))]
pub struct ReceiptBody {
    /// The order it is for.
    pub order: String,
    /// The text to check and to sign, as CMS SignedData.
    pub text: String,
}

impl From<&Receipt> for ReceiptBody {
    fn from(receipt: &Receipt) -> Self {
        Self {
            order: receipt.order.to_string(),
            text: receipt.text.clone(),
        }
    }
}

impl TryFrom<ReceiptBody> for Receipt {
    type Error = ParseError;

    fn try_from(body: ReceiptBody) -> Result<Self, ParseError> {
        crate::parse::check_text("the answer", "text", &body.text)?;
        Ok(Self {
            order: Field("order".to_owned()).parse(&body.order)?,
            text: body.text,
        })
    }
}

/// The signed receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    /// CMS SignedData (RFC 5652 §5) over the receipt's text by the signature key, DER.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub signed_receipt: Binary,
}
