//! The self-service portal over HTTPS: log-in, orders, receipts, CRLs and OCSP.

pub mod event;
pub mod operation;
