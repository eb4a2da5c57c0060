//! A client of the portal whose TLS key is on a card.
