//! The test page: what certificates are worth, and trials of both keys.

use kortlab_portal_core::TestPageRow;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::binary::Binary;
use crate::certificates::{Field, StateBody, SummaryBody};
use crate::limits::CERTIFICATES;
use crate::parse::ParseError;

/// The certificates to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TestPageRequest {
    /// DER, at most 64 of them.
    #[serde(deserialize_with = "at_most")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, max_items = 64))]
    pub certificates: Vec<Binary>,
}

impl From<&[Vec<u8>]> for TestPageRequest {
    fn from(certificates: &[Vec<u8>]) -> Self {
        let certificates = certificates
            .iter()
            .map(|der| der.as_slice().into())
            .collect();
        Self { certificates }
    }
}

impl From<TestPageRequest> for Vec<Vec<u8>> {
    fn from(request: TestPageRequest) -> Self {
        let certificates = request.certificates.into_iter();
        certificates.map(Binary::into_bytes).collect()
    }
}

fn at_most<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Binary>, D::Error> {
    let list = Vec::<Binary>::deserialize(deserializer)?;
    if list.len() > CERTIFICATES {
        return Err(D::Error::custom(format_args!(
            "{} certificates; at most {CERTIFICATES} are read",
            list.len()
        )));
    }
    Ok(list)
}

/// What each of the certificates is worth, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestPage {
    /// One for each certificate.
    pub rows: Vec<RowBody>,
}

/// One certificate on the test page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = TestPageRow))]
pub struct RowBody {
    /// The certificate, DER.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub certificate: Binary,
    /// What it says.
    pub summary: SummaryBody,
    /// What it is worth now.
    #[serde(flatten)]
    pub state: StateBody,
    /// Whether one of the portal's authorities issued it; otherwise its state follows from its
    /// dates alone.
    pub known: bool,
}

impl From<&TestPageRow> for RowBody {
    fn from(row: &TestPageRow) -> Self {
        Self {
            certificate: row.certificate.as_slice().into(),
            summary: SummaryBody::from(&row.summary),
            state: row.state.into(),
            known: row.known,
        }
    }
}

impl From<&[TestPageRow]> for TestPage {
    fn from(rows: &[TestPageRow]) -> Self {
        let rows = rows.iter().map(RowBody::from).collect();
        Self { rows }
    }
}

impl TryFrom<RowBody> for TestPageRow {
    type Error = ParseError;

    fn try_from(body: RowBody) -> Result<Self, ParseError> {
        row("", body)
    }
}

impl TryFrom<TestPage> for Vec<TestPageRow> {
    type Error = ParseError;

    fn try_from(page: TestPage) -> Result<Self, ParseError> {
        page.rows
            .into_iter()
            .enumerate()
            .map(|(index, body)| row(&format!("rows[{index}]."), body))
            .collect()
    }
}

fn row(prefix: &str, body: RowBody) -> Result<TestPageRow, ParseError> {
    let field = |name: &str| Field(format!("{prefix}{name}"));
    let (summary, certificate) = field("certificate").certificate(body.certificate)?;
    Ok(TestPageRow {
        certificate,
        summary,
        state: field("state").state(&body.state)?,
        known: body.known,
    })
}

/// The test page's trial of *underskrift*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignatureTrial {
    /// Any CMS SignedData (RFC 5652 §5) by a signature certificate of a card, DER.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Byte))]
    pub signed: Binary,
}
