//! An issuing authority with carrier and HCC certificates, CRLs, orders and receipts.
