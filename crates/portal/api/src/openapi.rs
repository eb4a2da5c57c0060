//! The interface as an OpenAPI 3.1 document.
//!
//! The server answers with [`document`] at [`crate::paths::OPENAPI`]; the operations in it are
//! compared with [`crate::paths`] by a test, and the bodies are the types of this crate.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// The OpenAPI document.
pub fn document() -> OpenApi {
    let mut document = <operations::Interface as utoipa::OpenApi>::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "session",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    document
}

/// What an operation may refuse: the status and what it means, once for all operations.
mod refusals {
    #![allow(dead_code, reason = "the attributes are what is used")]

    use utoipa::IntoResponses;

    use crate::problem::Problem;

    /// No session, or no client certificate
    #[derive(IntoResponses)]
    #[response(status = 401, content_type = "application/problem+json")]
    pub(super) struct NotLoggedIn(Problem);

    /// The certificate is refused
    #[derive(IntoResponses)]
    #[response(status = 403, content_type = "application/problem+json")]
    pub(super) struct Refused(Problem);

    /// There is no such thing
    #[derive(IntoResponses)]
    #[response(status = 404, content_type = "application/problem+json")]
    pub(super) struct Unknown(Problem);

    /// It is done already, or not yet possible
    #[derive(IntoResponses)]
    #[response(status = 409, content_type = "application/problem+json")]
    pub(super) struct NotNow(Problem);

    /// The order has lapsed
    #[derive(IntoResponses)]
    #[response(status = 410, content_type = "application/problem+json")]
    pub(super) struct Lapsed(Problem);

    /// A document is not accepted
    #[derive(IntoResponses)]
    #[response(status = 422, content_type = "application/problem+json")]
    pub(super) struct NotAccepted(Problem);

    /// It does not work now
    #[derive(IntoResponses)]
    #[response(status = 503, content_type = "application/problem+json")]
    pub(super) struct OutOfOrder(Problem);

    /// Any other refusal
    #[derive(IntoResponses)]
    #[response(status = "default", content_type = "application/problem+json")]
    pub(super) struct AnyOther(Problem);
}

/// One function for each operation, for the attributes on it.
mod operations {
    #![allow(dead_code, reason = "the attributes are what is used")]

    use utoipa::OpenApi;

    use super::refusals::{
        AnyOther, Lapsed, NotAccepted, NotLoggedIn, NotNow, OutOfOrder, Refused, Unknown,
    };
    use crate::certificates::{HccList, RevocationRequest};
    use crate::info::{Info, Status};
    use crate::orders::{ApprovalRequest, OrderBody, PairBody, ReceiptBody, SignedReceipt};
    use crate::problem::Problem;
    use crate::session::{CurrentSession, NewSession};
    use crate::test_page::{RowBody, SignatureTrial, TestPage, TestPageRequest};

    #[derive(OpenApi)]
    #[openapi(
        info(
            title = "Kortlab portal",
            description = "The self-service portal of a smart-card laboratory: renew the certificates on a card. \
                Binary documents are DER in standard base64; refusals are problem documents (RFC 9457)."
        ),
        paths(
            info,
            status,
            log_in,
            session,
            log_out,
            certificates,
            removed,
            revocation,
            order,
            approval,
            order_certificates,
            receipt,
            signed_receipt,
            test_page,
            signature_trial,
            authentication_trial
        ),
        components(schemas(Problem))
    )]
    pub(super) struct Interface;

    /// What this portal is, and where its parts listen.
    #[utoipa::path(
        get,
        path = "/api/v1",
        tag = "portal",
        responses(
            (status = 200, description = "What this portal is", body = Info),
            AnyOther
        )
    )]
    fn info() {}

    /// Whether the portal works.
    #[utoipa::path(
        get,
        path = "/status",
        tag = "portal",
        responses(
            (status = 200, description = "It works", body = Status),
            OutOfOrder, AnyOther
        )
    )]
    fn status() {}

    /// Log in with the client certificate of the TLS connection, at the log-in listener. Only the carrier's certificate for authentication is accepted.
    #[utoipa::path(
        post,
        path = "/api/v1/session",
        tag = "session",
        responses(
            (status = 201, description = "The session, with its token", body = NewSession),
            NotLoggedIn, Refused, AnyOther
        )
    )]
    fn log_in() {}

    /// The session.
    #[utoipa::path(
        get,
        path = "/api/v1/session",
        tag = "session",
        responses(
            (status = 200, description = "The session", body = CurrentSession),
            NotLoggedIn, AnyOther
        ),
        security(("session" = []))
    )]
    fn session() {}

    /// Log out.
    #[utoipa::path(
        delete,
        path = "/api/v1/session",
        tag = "session",
        responses(
            (status = 204, description = "The session is over"),
            NotLoggedIn, AnyOther
        ),
        security(("session" = []))
    )]
    fn log_out() {}

    /// The card's HCCs, oldest first, with their state.
    #[utoipa::path(
        get,
        path = "/api/v1/certificates",
        tag = "certificates",
        responses(
            (status = 200, description = "The list", body = HccList),
            NotLoggedIn, AnyOther
        ),
        security(("session" = []))
    )]
    fn certificates() {}

    /// Note that an HCC was removed from the card, which does not revoke it. May be repeated.
    #[utoipa::path(
        post,
        path = "/api/v1/certificates/{serial}/removed",
        tag = "certificates",
        params(("serial" = String, Path, description = "The serial number, in hexadecimal")),
        responses(
            (status = 204, description = "Noted"),
            NotLoggedIn, Unknown, AnyOther
        ),
        security(("session" = []))
    )]
    fn removed() {}

    /// Revoke an HCC.
    #[utoipa::path(
        post,
        path = "/api/v1/certificates/{serial}/revocation",
        tag = "certificates",
        params(("serial" = String, Path, description = "The serial number, in hexadecimal")),
        request_body = RevocationRequest,
        responses(
            (status = 204, description = "It is revoked"),
            NotLoggedIn, Unknown, NotNow, NotAccepted, AnyOther
        ),
        security(("session" = []))
    )]
    fn revocation() {}

    /// Place an order, or get the one that is under way. May be repeated.
    #[utoipa::path(
        post,
        path = "/api/v1/orders",
        tag = "orders",
        responses(
            (status = 200, description = "The order", body = OrderBody),
            NotLoggedIn, AnyOther
        ),
        security(("session" = []))
    )]
    fn order() {}

    /// Send in both requests and the approval. The two certificates are issued once, on hold.
    #[utoipa::path(
        post,
        path = "/api/v1/orders/{id}/approval",
        tag = "orders",
        params(("id" = String, Path, description = "The order's name: 32 hexadecimal digits")),
        request_body = ApprovalRequest,
        responses(
            (status = 200, description = "The two certificates", body = PairBody),
            NotLoggedIn, Unknown, NotNow, Lapsed, NotAccepted, AnyOther
        ),
        security(("session" = []))
    )]
    fn approval() {}

    /// The certificates of an order that was approved: always the same.
    #[utoipa::path(
        get,
        path = "/api/v1/orders/{id}/certificates",
        tag = "orders",
        params(("id" = String, Path, description = "The order's name: 32 hexadecimal digits")),
        responses(
            (status = 200, description = "The two certificates", body = PairBody),
            NotLoggedIn, Unknown, NotNow, Lapsed, AnyOther
        ),
        security(("session" = []))
    )]
    fn order_certificates() {}

    /// The receipt that waits to be signed.
    #[utoipa::path(
        get,
        path = "/api/v1/receipt",
        tag = "orders",
        responses(
            (status = 200, description = "The receipt", body = ReceiptBody),
            (status = 204, description = "None waits"),
            NotLoggedIn, AnyOther
        ),
        security(("session" = []))
    )]
    fn receipt() {}

    /// Send in the signed receipt, which makes the certificates valid.
    #[utoipa::path(
        post,
        path = "/api/v1/orders/{id}/receipt",
        tag = "orders",
        params(("id" = String, Path, description = "The order's name: 32 hexadecimal digits")),
        request_body = SignedReceipt,
        responses(
            (status = 204, description = "The certificates are valid"),
            NotLoggedIn, Unknown, NotNow, Lapsed, NotAccepted, AnyOther
        ),
        security(("session" = []))
    )]
    fn signed_receipt() {}

    /// What certificates are worth.
    #[utoipa::path(
        post,
        path = "/api/v1/test-page",
        tag = "test page",
        request_body = TestPageRequest,
        responses(
            (status = 200, description = "One row for each", body = TestPage),
            NotAccepted, AnyOther
        )
    )]
    fn test_page() {}

    /// Try a signature.
    #[utoipa::path(
        post,
        path = "/api/v1/test-page/signature",
        tag = "test page",
        request_body = SignatureTrial,
        responses(
            (status = 200, description = "The certificate it was made with", body = RowBody),
            Refused, NotAccepted, AnyOther
        )
    )]
    fn signature_trial() {}

    /// Try the client certificate of the TLS connection, at the trial listener.
    #[utoipa::path(
        post,
        path = "/api/v1/trial",
        tag = "test page",
        responses(
            (status = 200, description = "The certificate", body = RowBody),
            NotLoggedIn, Refused, AnyOther
        )
    )]
    fn authentication_trial() {}
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::paths;

    fn json() -> Value {
        serde_json::to_value(document()).unwrap()
    }

    #[test]
    fn every_path_is_described_and_no_other() {
        let json = json();
        let mut described: Vec<_> = json["paths"].as_object().unwrap().keys().cloned().collect();
        let mut named = vec![
            paths::INFO,
            paths::SESSION,
            paths::CERTIFICATES,
            paths::REMOVED,
            paths::REVOCATION,
            paths::ORDERS,
            paths::APPROVAL,
            paths::ORDER_CERTIFICATES,
            paths::RECEIPT,
            paths::SIGNED_RECEIPT,
            paths::TEST_PAGE,
            paths::SIGNATURE_TRIAL,
            paths::AUTHENTICATION_TRIAL,
            paths::STATUS,
        ];
        described.sort();
        named.sort_unstable();
        assert_eq!(described, named);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        found.push(reference.clone());
                    }
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let json = json();
        let mut found = Vec::new();
        references(&json, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(json.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn it_is_openapi_3_1_with_the_version_of_this_program() {
        let json = json();
        assert!(json["openapi"].as_str().unwrap().starts_with("3.1."));
        assert_eq!(json["info"]["version"], env!("CARGO_PKG_VERSION"));
        let token = "/components/securitySchemes/session/scheme";
        assert_eq!(json.pointer(token).unwrap(), "bearer");
    }
}
