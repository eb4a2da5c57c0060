//! Files with private keys: PEM, PKCS#8, PKCS#1, PKCS#12.

use kortlab_credential::{Effort, Passphrase, read_key, read_pkcs12};

/// Rounds that a file may ask for.
const ROUNDS: u32 = 2_000;

/// Whatever is in the file, it is read or refused with words that show none of it.
pub fn private_key(data: &[u8]) {
    for passphrase in [None, Some(Passphrase::empty())] {
        let read = read_key(data, passphrase.as_ref(), &mut Effort::at_most(ROUNDS));
        if let Err(error) = read {
            assert!(!error.to_string().is_empty() && !error.next_step().is_empty());
        }
        let read = read_pkcs12(data, passphrase.as_ref(), &mut Effort::at_most(ROUNDS));
        if let Err(error) = read {
            assert!(!error.to_string().is_empty() && !error.next_step().is_empty());
        }
    }
}
