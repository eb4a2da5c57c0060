//! A session with one card: files, PINs, keys, certificate slots, over PC/SC or in process.
