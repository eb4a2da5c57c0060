//! libFuzzer's way into the target `card_transmit`.
#![no_main]

kortlab_fuzz::libfuzzer!(card_transmit);
