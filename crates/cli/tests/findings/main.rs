//! What is wrong with a card is found and said, and what could not be looked at is not called
//! right: cards with one thing wrong each, made from good ones.

#[path = "../common/mod.rs"]
mod common;

mod authority;
mod before_pin;
mod bench;
mod certificates;
mod counts;
mod der;
mod directories;
mod entries;
mod extensions;
mod free_space;
mod good_cards;
mod issuers;
mod key_claims;
mod key_files;
mod lists;
mod ocsp;
mod other_content;
mod pin_forms;
mod pin_references;
mod ranges;
mod records;
mod remedies;
mod secret_keys;
mod selection;
mod tries;
mod twice;
mod unlisted;
mod unread;
mod usage;
