//! Orders, their certificates and their receipts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kortlab_portal_api::orders::{
    ApprovalRequest, OrderBody, PairBody, ReceiptBody, SignedReceipt,
};
use kortlab_portal_core::{OrderId, Portal as _};

use super::body::Token;
use super::{Body, Text};
use crate::app::App;
use crate::error::ServiceError;
use crate::event::Subject;
use crate::operation::Operation;
use crate::service::Call;

/// `POST /api/v1/orders`.
pub(super) async fn order(
    State(app): State<App>,
    Token(token): Token,
) -> Result<Json<OrderBody>, ServiceError> {
    let call = Call::in_session(Operation::Order, &token);
    let order = app
        .service()
        .call(call, move |portal| portal.order(&token))
        .await?;
    Ok(Json(OrderBody::from(&order)))
}

/// `POST /api/v1/orders/{id}/approval`.
pub(super) async fn approval(
    State(app): State<App>,
    Token(token): Token,
    Text(id): Text<OrderId>,
    Body(request): Body<ApprovalRequest>,
) -> Result<Json<PairBody>, ServiceError> {
    let pair = app.service().approve(token, id, request.into()).await?;
    Ok(Json(PairBody::from(&pair)))
}

/// `GET /api/v1/orders/{id}/certificates`.
pub(super) async fn certificates(
    State(app): State<App>,
    Token(token): Token,
    Text(id): Text<OrderId>,
) -> Result<Json<PairBody>, ServiceError> {
    let pair = app.service().fetch(token, id).await?;
    Ok(Json(PairBody::from(&pair)))
}

/// `GET /api/v1/receipt`.
pub(super) async fn receipt(
    State(app): State<App>,
    Token(token): Token,
) -> Result<Response, ServiceError> {
    let call = Call::in_session(Operation::Receipt, &token);
    let receipt = app
        .service()
        .call(call, move |portal| portal.receipt(&token))
        .await?;
    Ok(match receipt {
        Some(receipt) => Json(ReceiptBody::from(&receipt)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// `POST /api/v1/orders/{id}/receipt`.
pub(super) async fn signed_receipt(
    State(app): State<App>,
    Token(token): Token,
    Text(id): Text<OrderId>,
    Body(request): Body<SignedReceipt>,
) -> Result<StatusCode, ServiceError> {
    let call = Call::in_session(Operation::SignReceipt, &token).about(Subject::default().order(id));
    let receipt = request.signed_receipt.into_bytes();
    app.service()
        .call(call, move |portal| {
            portal.sign_receipt(&token, id, &receipt)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
