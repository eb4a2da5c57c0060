//! The loopback service that lends the card to the portal's web pages.
