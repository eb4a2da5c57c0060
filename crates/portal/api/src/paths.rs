//! Where each operation is. Methods and listeners are in the [OpenAPI document](crate::openapi).

use core::fmt;

use kortlab_portal_core::OrderId;

use crate::serial::Serial;

/// What this portal is, and where its parts listen.
pub const INFO: &str = "/api/v1";
/// This interface as an OpenAPI document.
pub const OPENAPI: &str = "/api/v1/openapi.json";
/// Log-in (at the log-in listener), the session, log-out.
pub const SESSION: &str = "/api/v1/session";
/// The card's HCCs.
pub const CERTIFICATES: &str = "/api/v1/certificates";
/// An HCC was removed from the card.
pub const REMOVED: &str = "/api/v1/certificates/{serial}/removed";
/// An HCC is to be revoked.
pub const REVOCATION: &str = "/api/v1/certificates/{serial}/revocation";
/// Orders.
pub const ORDERS: &str = "/api/v1/orders";
/// The requests of an order and its approval.
pub const APPROVAL: &str = "/api/v1/orders/{id}/approval";
/// The certificates of an order.
pub const ORDER_CERTIFICATES: &str = "/api/v1/orders/{id}/certificates";
/// The receipt that waits to be signed.
pub const RECEIPT: &str = "/api/v1/receipt";
/// The signed receipt of an order.
pub const SIGNED_RECEIPT: &str = "/api/v1/orders/{id}/receipt";
/// What certificates are worth.
pub const TEST_PAGE: &str = "/api/v1/test-page";
/// The test page's trial of *underskrift*.
pub const SIGNATURE_TRIAL: &str = "/api/v1/test-page/signature";
/// The test page's trial of *legitimering*, at the trial listener.
pub const AUTHENTICATION_TRIAL: &str = "/api/v1/trial";
/// Whether the portal works.
pub const STATUS: &str = "/status";

/// Fills an order's name into one of the paths above.
pub fn of_order(path: &str, id: &OrderId) -> String {
    fill(path, "{id}", id)
}

/// Fills a serial number into one of the paths above.
pub fn of_certificate(path: &str, serial: &Serial) -> String {
    fill(path, "{serial}", serial)
}

fn fill(path: &str, place: &str, value: &dyn fmt::Display) -> String {
    path.replace(place, &value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in() {
        let id: OrderId = "00112233445566778899aabbccddeeff".parse().unwrap();
        assert_eq!(
            of_order(APPROVAL, &id),
            "/api/v1/orders/00112233445566778899aabbccddeeff/approval"
        );
        let serial: Serial = "0a".parse().unwrap();
        assert_eq!(
            of_certificate(REMOVED, &serial),
            "/api/v1/certificates/0A/removed"
        );
    }
}
