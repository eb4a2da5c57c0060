//! The self-service portal over HTTPS: log-in, orders, receipts, CRLs and OCSP.
