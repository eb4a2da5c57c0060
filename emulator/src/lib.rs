//! The virtual card: a card operating system, card models, and the vpcd link.
