//! Log-in: a session and its holder.

use core::fmt;

use kortlab_issuer::holder::Holder;
use kortlab_portal_core::{Session, SessionToken};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::parse::ParseError;
use crate::time::Time;

const WHAT: &str = "the session";

/// A log-in that succeeded.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSession {
    /// Goes with every following call, as `Authorization: Bearer` (RFC 6750 §2.1): 64 hexadecimal
    /// digits.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Token,
    /// Whose it is.
    #[serde(flatten)]
    pub session: CurrentSession,
}

/// A session, without the secret that stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CurrentSession {
    /// The card that is logged in: 19 digits.
    pub card_number: String,
    /// Its holder.
    pub holder: HolderBody,
    /// When it ends by itself unless it is used before.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ends: Time,
}

/// A card holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = Holder))]
pub struct HolderBody {
    /// First name.
    pub given_name: String,
    /// Last name.
    pub surname: String,
    /// Personal number: 12 digits.
    pub personal_number: String,
    /// Identity in the health and social care catalogue.
    pub hsa_id: String,
    /// The employer.
    pub organisation: String,
    /// The employer's county.
    pub county: String,
}

/// A session's secret on its way. It is not printed, and overwritten when dropped.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl From<&SessionToken> for Token {
    fn from(token: &SessionToken) -> Self {
        Self(Zeroizing::new(token.expose().to_owned()))
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl From<&Session> for NewSession {
    fn from(session: &Session) -> Self {
        Self {
            token: Token::from(&session.token),
            session: CurrentSession {
                card_number: session.card_number.to_string(),
                holder: HolderBody::from(&session.holder),
                ends: session.ends.into(),
            },
        }
    }
}

impl TryFrom<NewSession> for Session {
    type Error = ParseError;

    fn try_from(body: NewSession) -> Result<Self, ParseError> {
        let token = SessionToken::from_text(&body.token.0)
            .ok_or_else(|| ParseError::field(WHAT, "token", "a token is 64 hexadecimal digits"))?;
        Ok(Self {
            token,
            card_number: body
                .session
                .card_number
                .parse()
                .map_err(|error| ParseError::field(WHAT, "card_number", error))?,
            holder: body.session.holder.into_holder(WHAT)?,
            ends: body.session.ends.into(),
        })
    }
}

impl From<&Holder> for HolderBody {
    fn from(holder: &Holder) -> Self {
        Self {
            given_name: holder.given_name.clone(),
            surname: holder.surname.clone(),
            personal_number: holder.personal_number.to_string(),
            hsa_id: holder.hsa_id.to_string(),
            organisation: holder.organisation.clone(),
            county: holder.county.clone(),
        }
    }
}

impl HolderBody {
    /// The holder; `what` is the document this is a part of.
    ///
    /// # Errors
    /// The personal number or the HSA-id is none, or a line is empty or longer than
    /// [`LINE`](crate::limits::LINE).
    pub fn into_holder(self, what: &'static str) -> Result<Holder, ParseError> {
        let line = |field: &str, text: String| {
            crate::parse::check_line(what, &format!("holder.{field}"), &text).map(|()| text)
        };
        Ok(Holder {
            given_name: line("given_name", self.given_name)?,
            surname: line("surname", self.surname)?,
            personal_number: self
                .personal_number
                .parse()
                .map_err(|error| ParseError::field(what, "holder.personal_number", error))?,
            hsa_id: self
                .hsa_id
                .parse()
                .map_err(|error| ParseError::field(what, "holder.hsa_id", error))?,
            organisation: line("organisation", self.organisation)?,
            county: line("county", self.county)?,
        })
    }
}
