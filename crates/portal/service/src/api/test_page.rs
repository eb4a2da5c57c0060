//! The test page: what certificates are worth, and trials of both keys.

use axum::Json;
use axum::extract::State;
use kortlab_portal_api::test_page::{RowBody, SignatureTrial, TestPage, TestPageRequest};
use kortlab_portal_core::Portal as _;

use super::Body;
use super::body::Certificate;
use crate::app::App;
use crate::error::ServiceError;
use crate::operation::Operation;

/// `POST /api/v1/test-page`.
pub(super) async fn show(
    State(app): State<App>,
    Body(request): Body<TestPageRequest>,
) -> Result<Json<TestPage>, ServiceError> {
    let certificates = Vec::from(request);
    let rows = app
        .service()
        .call(Operation::TestPage, move |portal| {
            portal.test_page(&certificates)
        })
        .await?;
    Ok(Json(TestPage::from(rows.as_slice())))
}

/// `POST /api/v1/test-page/signature`.
pub(super) async fn signature(
    State(app): State<App>,
    Body(request): Body<SignatureTrial>,
) -> Result<Json<RowBody>, ServiceError> {
    let signed = request.signed.into_bytes();
    let row = app
        .service()
        .call(Operation::TrySignature, move |portal| {
            portal.try_signature(&signed)
        })
        .await?;
    Ok(Json(RowBody::from(&row)))
}

/// `POST /api/v1/trial`, at the trial listener.
pub(super) async fn authentication(
    State(app): State<App>,
    Certificate(certificate): Certificate,
) -> Result<Json<RowBody>, ServiceError> {
    let row = app
        .service()
        .call(Operation::TryAuthentication, move |portal| {
            portal.try_authentication_proven(&certificate)
        })
        .await?;
    Ok(Json(RowBody::from(&row)))
}
