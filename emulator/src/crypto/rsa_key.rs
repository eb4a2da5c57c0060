//! An RSA key on the card, and the raw private operation.

use core::fmt;
use std::sync::Arc;

use crypto_bigint::Odd;
use crypto_primes::hazmat::MillerRabin;
use rand_core::CryptoRng;
use rsa::hazmat::rsa_decrypt_and_check;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BoxedUint, PrivateKey};
use zeroize::{Zeroize as _, Zeroizing};

use crate::random::CardRng;

/// The shortest modulus, in bits: shorter ones have no room for a padded SHA-256 DigestInfo.
pub const MIN_BITS: usize = 512;
/// The longest modulus, in bits.
pub const MAX_BITS: usize = 4096;
/// The public exponent that keys are generated with unless another is asked for: F4.
pub const F4: u32 = 0x0001_0001;

/// An RSA key pair with two primes. Clones share the one key; it is zeroised with the last.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaKey {
    key: Arc<PrivateKey>,
    size: usize,
}

/// The numbers of an RSA key pair, big-endian; leading zeros do not matter. The private ones are
/// zeroised when this is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaComponents {
    /// The modulus n.
    pub modulus: Vec<u8>,
    /// The public exponent e.
    pub public_exponent: Vec<u8>,
    /// The private exponent d.
    pub private_exponent: Zeroizing<Vec<u8>>,
    /// The first prime p.
    pub prime_p: Zeroizing<Vec<u8>>,
    /// The second prime q.
    pub prime_q: Zeroizing<Vec<u8>>,
}

/// Why there is no key, or no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A modulus of this many bits is outside what the card does.
    #[error("a modulus of {0} bits: the card does {MIN_BITS} to {MAX_BITS} bits, a multiple of 8")]
    Size(usize),
    /// The numbers are not those of an RSA key: even, equal, or not belonging together.
    #[error("the numbers n, e, d, p and q do not make an RSA key")]
    Invalid,
    /// p or q is not a prime number.
    #[error("p or q is not a prime number")]
    NotPrime,
    /// The public exponent is even, below 3, or longer than 32 bits.
    #[error("the public exponent must be an odd number from 3 to FFFFFFFF")]
    Exponent,
    /// The input of the raw operation is not below the modulus, or longer than it.
    #[error("the input is not a number below the modulus")]
    Range,
    /// The result did not stand the check against the public key: p or q is not a prime.
    #[error("the private operation gave a wrong result: p or q is not a prime number")]
    Fault,
}

impl RsaKey {
    /// A new key with a modulus of exactly `bits` bits and the public exponent F4. The same state
    /// of `rng` gives the same key.
    ///
    /// # Errors
    /// [`KeyError::Size`].
    pub fn generate(bits: usize, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, KeyError> {
        Self::generate_with_exponent(bits, F4, rng)
    }

    /// As [`RsaKey::generate`], with another public exponent.
    ///
    /// # Errors
    /// [`KeyError::Size`], [`KeyError::Exponent`].
    pub fn generate_with_exponent(
        bits: usize,
        exponent: u32,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, KeyError> {
        check_size(bits)?;
        if exponent < 3 || exponent.is_multiple_of(2) {
            return Err(KeyError::Exponent);
        }
        // The generator may hand out a key that its own constructor refuses (both primes equal,
        // which does not happen, or p − 1 not coprime to e, which it tries again itself).
        let key = PrivateKey::new_with_exp_unchecked(rng, bits, BoxedUint::from(exponent))
            .map_err(|_| KeyError::Invalid)?;
        Ok(Self::from_key(key))
    }

    /// The key with these numbers. Whether p and q are primes is not tested; if they are not, the
    /// private operation says so.
    ///
    /// # Errors
    /// The numbers are too long or too short, or do not make an RSA key.
    pub fn from_components(components: &RsaComponents) -> Result<Self, KeyError> {
        let e = exponent(&components.public_exponent)?;
        let n = number(&components.modulus)?;
        check_size(n.bit_width() as usize)?;
        let mut d = number(&components.private_exponent)?;
        let mut p = number(&components.prime_p)?;
        let mut q = number(&components.prime_q)?;
        let key = if p.bit_width() < 2 || q.bit_width() < 2 {
            Err(KeyError::Invalid)
        } else {
            PrivateKey::from_components(n, e, d.clone(), vec![p.clone(), q.clone()])
                .map_err(|_| KeyError::Invalid)
        };
        d.zeroize();
        p.zeroize();
        q.zeroize();
        key.map(Self::from_key)
    }

    /// The key with these primes and this public exponent, big-endian.
    ///
    /// # Errors
    /// As for [`RsaKey::from_components`], and [`KeyError::NotPrime`].
    pub fn from_primes(p: &[u8], q: &[u8], public_exponent: &[u8]) -> Result<Self, KeyError> {
        let e = exponent(public_exponent)?;
        let (mut p, mut q) = (number(p)?, number(q)?);
        let key = if [&p, &q].into_iter().all(passes) {
            PrivateKey::from_p_q(p.clone(), q.clone(), e).map_err(|_| KeyError::Invalid)
        } else {
            Err(KeyError::NotPrime)
        };
        p.zeroize();
        q.zeroize();
        let key = key?;
        check_size(key.n().bit_width() as usize)?;
        Ok(Self::from_key(key))
    }

    /// The numbers of the key, without leading zeros.
    pub fn components(&self) -> RsaComponents {
        let prime = |index: usize| {
            let prime = self.key.primes().get(index);
            Zeroizing::new(prime.map_or_else(Vec::new, |prime| {
                prime.to_be_bytes_trimmed_vartime().into_vec()
            }))
        };
        RsaComponents {
            modulus: self.modulus(),
            public_exponent: self.public_exponent(),
            private_exponent: Zeroizing::new(self.key.d().to_be_bytes_trimmed_vartime().into_vec()),
            prime_p: prime(0),
            prime_q: prime(1),
        }
    }

    /// The length of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.size * 8
    }

    /// The length of the modulus, of signatures and of cryptograms, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The modulus, big-endian, [`RsaKey::size`] bytes.
    pub fn modulus(&self) -> Vec<u8> {
        self.key.n_bytes().into_vec()
    }

    /// The public exponent, big-endian without leading zeros.
    pub fn public_exponent(&self) -> Vec<u8> {
        self.key.e_bytes().into_vec()
    }

    /// The public key as a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 8017 §A.1).
    pub fn public_key_der(&self) -> Vec<u8> {
        self.key
            .as_public_key()
            .to_public_key_der()
            .map(rsa::pkcs8::Document::into_vec)
            // A modulus of at most 4096 bits has an encoding.
            .unwrap_or_default()
    }

    /// The public key as a DER RSAPublicKey (RFC 8017 §A.1.1).
    pub fn public_key_pkcs1_der(&self) -> Vec<u8> {
        self.key
            .as_public_key()
            .to_pkcs1_der()
            .map(rsa::pkcs8::Document::into_vec)
            // As above.
            .unwrap_or_default()
    }

    /// The raw private operation (RSADP and RSASP1, RFC 8017 §5.1.2 and §5.2.1): `input` to the
    /// power d modulo n, always [`RsaKey::size`] bytes. Shorter input counts as a number with
    /// leading zeros.
    ///
    /// The result is checked against the public key before it is given out, so that wrong primes
    /// give an error and not a signature that discloses the right one.
    ///
    /// # Errors
    /// [`KeyError::Range`], [`KeyError::Fault`].
    pub fn raw_private(&self, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let input = self.number_below_modulus(input)?;
        let result = rsa_decrypt_and_check(&*self.key, None::<&mut CardRng>, &input);
        self.result(result)
    }

    /// As [`RsaKey::raw_private`], with base, exponents and primes blinded by numbers from `rng`,
    /// so that the time taken tells nothing of the key. It takes about twice as long.
    ///
    /// # Errors
    /// As for [`RsaKey::raw_private`].
    pub fn raw_private_blinded(
        &self,
        input: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let input = self.number_below_modulus(input)?;
        let result = rsa_decrypt_and_check(&*self.key, Some(rng), &input);
        self.result(result)
    }

    fn from_key(key: PrivateKey) -> Self {
        let size = key.size();
        Self {
            key: Arc::new(key),
            size,
        }
    }

    fn number_below_modulus(&self, input: &[u8]) -> Result<BoxedUint, KeyError> {
        let number = BoxedUint::from_be_slice(trimmed(input), self.key.n_bits_precision())
            .map_err(|_| KeyError::Range)?;
        if number >= *self.key.n().as_ref() {
            return Err(KeyError::Range);
        }
        Ok(number)
    }

    fn result(&self, result: rsa::Result<BoxedUint>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut number = result.map_err(|_| KeyError::Fault)?;
        let bytes = Zeroizing::new(number.to_be_bytes().into_vec());
        number.zeroize();
        let skip = bytes.len().saturating_sub(self.size);
        Ok(Zeroizing::new(
            bytes.get(skip..).unwrap_or_default().to_vec(),
        ))
    }
}

/// Shows the size only.
impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({} bits)", self.bits())
    }
}

/// Shows the public exponent only.
impl fmt::Debug for RsaComponents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaComponents")
            .field("public_exponent", &hex::encode_upper(&self.public_exponent))
            .finish_non_exhaustive()
    }
}

/// Whether a number, big-endian, is taken for a prime after some rounds of the Miller-Rabin test with
/// random bases (FIPS 186-5 §B.3.1). That takes less than half the time of [`passes`], and images are
/// opened all the time. A number that is none by accident does not pass, and one that was made to pass
/// does not do harm: the private operation is checked ([`RsaKey::raw_private`]).
pub(crate) fn is_probable_prime(bytes: &[u8]) -> bool {
    /// Each round lets at most one of four composite numbers pass, whichever they are.
    const ROUNDS: usize = 2;
    let Ok(mut candidate) = number(bytes) else {
        return false;
    };
    let probable = match (
        Odd::new(candidate.clone()).into_option(),
        CardRng::from_os(),
    ) {
        (Some(odd), Ok(mut rng)) => {
            let test = MillerRabin::new(odd);
            (0..ROUNDS).all(|_| test.test_random_base(&mut rng).is_probably_prime())
        }
        _ => passes(&candidate),
    };
    candidate.zeroize();
    probable
}

/// Whether a number passes the Baillie-PSW test, of which no composite number is known that does.
fn passes(candidate: &BoxedUint) -> bool {
    crypto_primes::is_prime(crypto_primes::Flavor::Any, candidate)
}

fn check_size(bits: usize) -> Result<(), KeyError> {
    if (MIN_BITS..=MAX_BITS).contains(&bits) && bits.is_multiple_of(8) {
        Ok(())
    } else {
        Err(KeyError::Size(bits))
    }
}

fn number(bytes: &[u8]) -> Result<BoxedUint, KeyError> {
    let bytes = trimmed(bytes);
    // Before any arithmetic: its cost grows with the cube of the length.
    if bytes.is_empty() || bytes.len() > MAX_BITS / 8 {
        return Err(KeyError::Size(bytes.len() * 8));
    }
    Ok(BoxedUint::from_be_slice_vartime(bytes))
}

fn exponent(bytes: &[u8]) -> Result<BoxedUint, KeyError> {
    let e = trimmed(bytes);
    if e.len() > 4 || e.last().is_none_or(|last| last % 2 == 0) || e == [1] {
        return Err(KeyError::Exponent);
    }
    Ok(BoxedUint::from_be_slice_vartime(e))
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let skip = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.get(skip..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::sync::OnceLock;

    use proptest::prelude::*;

    use super::*;
    use crate::crypto::digest::Hash;
    use crate::crypto::padding::{pad_type_1, unpad_type_2};

    /// RSA Laboratories' "pkcs1v15sign-vectors", example 1: the key.
    const P: &str = "e7e8942720a877517273a356053ea2a1bc0c94aa72d55c6e86296b2dfc967948\
                     c0a72cbccca7eacb35706e09a1df55a1535bd9b3cc34160b3b6dcd3eda8e6443";
    const Q: &str = "b69dca1cf7d4d7ec81e75b90fcca874abcde123fd2700180aa90479b6e48de8d\
                     67ed24f9f19d85ba275874f542cd20dc723e6963364a1f9425452b269a6799fd";
    const N: &str = "a56e4a0e701017589a5187dc7ea841d156f2ec0e36ad52a44dfeb1e61f7ad991\
                     d8c51056ffedb162b4c0f283a12a88a394dff526ab7291cbb307ceabfce0b1df\
                     d5cd9508096d5b2b8b6df5d671ef6377c0921cb23c270a70e2598e6ff89d19f1\
                     05acc2d3f0cb35f29280e1386b6f64c4ef22e1e1f20d0ce8cffb2249bd9a2137";
    /// The same, example 1.1: the message and its signature with SHA-1.
    const MESSAGE: &str = "cdc87da223d786df3b45e0bbbc721326d1ee2af806cc315475cc6f0d9c66e1b6\
                           2371d45ce2392e1ac92844c310102f156a0d8d52c1f4c40ba3aa65095786cb76\
                           9757a6563ba958fed0bcc984e8b517a3d5f515b23b8a41e74aa867693f90dfb0\
                           61a6e86dfaaee64472c00e5f20945729cbebe77f06ce78e08f4098fba41f9d61\
                           93c0317e8b60d4b6084acb42d29e3808a3bc372d85e331170fcbf7cc72d0b71c\
                           296648b3a4d10f416295d0807aa625cab2744fd9ea8fd223c42537029828bd16\
                           be02546f130fd2e33b936d2676e08aed1b73318b750a0167d0";
    const SIGNATURE: &str = "6bc3a06656842930a247e30d5864b4d819236ba7c68965862ad7dbc4e24af28e\
                             86bb531f03358be5fb74777c6086f850caef893f0d6fcc2d0c91ec013693b4ea\
                             00b80cd49aac4ecb5f8911afe539ada4a8f3823d1d13e472d1490547c659c761\
                             7f3d24087ddb6f2b72096167fc097cab18e9a458fcb634cdce8ee35894c484d7";

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hex")
    }

    fn example() -> RsaKey {
        RsaKey::from_primes(&bytes(P), &bytes(Q), &[1, 0, 1]).expect("a key")
    }

    /// One key for the tests that take any.
    fn key() -> &'static RsaKey {
        static KEY: OnceLock<RsaKey> = OnceLock::new();
        KEY.get_or_init(|| RsaKey::generate(2048, &mut CardRng::from_seed(1)).expect("a key"))
    }

    #[test]
    fn numbers_that_are_no_primes_are_not_taken_for_some() {
        let key = RsaKey::generate(1024, &mut CardRng::from_seed(11)).unwrap();
        let primes = key.components();
        for prime in [
            primes.prime_p.as_slice(),
            &primes.prime_q,
            &[2],
            &[3],
            &[0xFB],
        ] {
            assert!(is_probable_prime(prime), "{prime:02X?}");
        }
        // 2 to the power 1021, less one, which passes a test with base 2.
        let mut mersenne = vec![0xFF; 128];
        mersenne[0] = 0x1F;
        let even = [primes.prime_p.as_slice(), &[0]].concat();
        let none: [&[u8]; 7] = [&[], &[0], &[1], &[4], &even, &key.modulus(), &mersenne];
        for number in none {
            assert!(!is_probable_prime(number), "{number:02X?}");
        }
    }

    #[test]
    fn the_published_pkcs1_v15_signature_comes_out() {
        let key = example();
        assert_eq!(hex::encode(key.modulus()), N);
        let digest = Hash::Sha1.digest(&bytes(MESSAGE));
        let info = Hash::Sha1.digest_info(&digest).expect("20 bytes");
        let block = pad_type_1(&info, key.size()).expect("fits");
        let signature = key.raw_private(&block).expect("a signature");
        assert_eq!(hex::encode(&*signature), SIGNATURE);
        let mut rng = CardRng::from_seed(0);
        let blinded = key.raw_private_blinded(&block, &mut rng);
        assert_eq!(blinded.expect("a signature"), signature);
    }

    #[test]
    fn the_same_seed_gives_the_same_key_and_another_seed_another() {
        let make = |seed| RsaKey::generate(1024, &mut CardRng::from_seed(seed)).expect("a key");
        assert_eq!(make(7).components(), make(7).components());
        assert_ne!(make(7).modulus(), make(8).modulus());
        assert_eq!(make(7).bits(), 1024);
        assert_eq!(make(7).public_exponent(), [1, 0, 1]);
    }

    #[test]
    fn a_key_survives_its_components_and_takes_other_exponents() {
        let key = RsaKey::generate_with_exponent(1024, 3, &mut CardRng::from_seed(3));
        let key = key.expect("a key");
        assert_eq!(key.public_exponent(), [3]);
        let again = RsaKey::from_components(&key.components()).expect("a key");
        assert_eq!(again, key);
        let raw = |key: &RsaKey| key.raw_private(&[0x42; 128]).expect("a result");
        assert_eq!(raw(&key), raw(&again));
    }

    #[test]
    fn results_are_as_long_as_the_modulus_and_input_at_or_above_it_is_refused() {
        let key = example();
        let modulus = key.modulus();
        assert_eq!(*key.raw_private(&[]).expect("zero"), [0; 128]);
        let mut one = [0; 128];
        one[127] = 1;
        assert_eq!(*key.raw_private(&[1]).expect("one"), one);
        assert_eq!(
            *key.raw_private(&[&[0; 9][..], &one].concat()).expect("one"),
            one
        );
        assert_eq!(key.raw_private(&modulus), Err(KeyError::Range));
        assert_eq!(key.raw_private(&[0xFF; 128]), Err(KeyError::Range));
        assert_eq!(key.raw_private(&[1; 129]), Err(KeyError::Range));
        assert_eq!(key.raw_private(&[1; 70_000]), Err(KeyError::Range));
        let mut below = modulus;
        below[127] -= 1;
        assert_eq!(*key.raw_private(&below).expect("minus one"), *below);
    }

    #[test]
    fn numbers_that_make_no_key_are_refused_and_wrong_primes_give_no_signature() {
        let (p, q) = (bytes(P), bytes(Q));
        let make = RsaKey::from_primes;
        assert_eq!(make(&p, &p, &[1, 0, 1]), Err(KeyError::Invalid));
        assert_eq!(make(&p, &[], &[1, 0, 1]), Err(KeyError::Size(0)));
        assert_eq!(make(&p, &q, &[1, 0, 0]), Err(KeyError::Exponent));
        assert_eq!(make(&p, &q, &[1]), Err(KeyError::Exponent));
        assert_eq!(make(&p, &q, &[1, 0, 0, 0, 1]), Err(KeyError::Exponent));
        assert_eq!(
            make(&[0xFF; 60_000], &q, &[1, 0, 1]),
            Err(KeyError::Size(480_000))
        );
        assert!(make(&[0xFF; 512], &[0xFD; 512], &[1, 0, 1]).is_err());
        let mut composite = p.clone();
        composite[63] ^= 0x04;
        for exponent in [&[1, 0, 1][..], &[3], &[17]] {
            assert_eq!(make(&composite, &q, exponent), Err(KeyError::NotPrime));
            assert_eq!(make(&q, &composite, exponent), Err(KeyError::NotPrime));
        }
        let mut unrelated = example().components();
        unrelated.private_exponent = Zeroizing::new(vec![3]);
        assert_eq!(RsaKey::from_components(&unrelated), Err(KeyError::Invalid));
        let mut unrelated = example().components();
        unrelated.modulus[127] ^= 0x02;
        assert_eq!(RsaKey::from_components(&unrelated), Err(KeyError::Invalid));
        for bits in [0, 504, 1023, 1025, 4104, usize::MAX] {
            let generated = RsaKey::generate(bits, &mut CardRng::from_seed(0));
            assert_eq!(generated, Err(KeyError::Size(bits)));
        }
    }

    #[test]
    fn debug_shows_no_number_of_the_key() {
        let key = example();
        let text = format!("{key:?} {:?}", key.components()).to_lowercase();
        assert!(text.contains("1024 bits"));
        assert!(!text.contains(&P[..8]) && !text.contains(&Q[..8]) && !text.contains("231, 232"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn arbitrary_numbers_never_panic(
            p in proptest::collection::vec(any::<u8>(), 0..80),
            q in proptest::collection::vec(any::<u8>(), 0..80),
            odd in any::<bool>(),
            input in proptest::collection::vec(any::<u8>(), 0..160),
        ) {
            let (mut p, mut q) = (p, q);
            if odd {
                p.iter_mut().chain(&mut q).for_each(|byte| *byte |= 1);
            }
            let _ = RsaKey::from_components(&RsaComponents {
                modulus: input.clone(),
                public_exponent: vec![3],
                private_exponent: Zeroizing::new(q.clone()),
                prime_p: Zeroizing::new(p.clone()),
                prime_q: Zeroizing::new(q.clone()),
            });
            if let Ok(key) = RsaKey::from_primes(&p, &q, &[3]) {
                let _ = key.raw_private(&input);
                let _ = key.raw_private_blinded(&input, &mut CardRng::from_seed(0));
            }
        }
    }

    fn openssl(directory: &Path, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl")
            .current_dir(directory)
            .args(arguments)
            .output()
            .expect("openssl is missing: run: cargo xtask test");
        assert!(
            output.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    #[test]
    fn openssl_verifies_our_signatures_and_we_decipher_what_it_enciphers() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = directory.path();
        let key = key();
        fs::write(at.join("public.der"), key.public_key_der()).expect("written");
        fs::write(at.join("message"), b"a message").expect("written");
        for (hash, option) in [(Hash::Sha1, "-sha1"), (Hash::Sha256, "-sha256")] {
            let info = hash.digest_info(&hash.digest(b"a message")).expect("size");
            let block = pad_type_1(&info, key.size()).expect("fits");
            let signature = key.raw_private(&block).expect("a signature");
            fs::write(at.join("signature"), &*signature).expect("written");
            #[rustfmt::skip]
            openssl(at, &[
                "dgst", option, "-verify", "public.der", "-keyform", "DER",
                "-signature", "signature", "message",
            ]);
        }
        #[rustfmt::skip]
        let cryptogram = openssl(at, &[
            "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "public.der",
            "-pkeyopt", "rsa_padding_mode:pkcs1", "-in", "message",
        ]);
        let block = key.raw_private(&cryptogram).expect("a block");
        assert_eq!(*unpad_type_2(&block).expect("good"), b"a message");
    }

    #[test]
    fn openssls_own_key_signs_here_as_it_does_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = directory.path();
        openssl(at, &["genrsa", "-traditional", "-out", "key.pem", "1024"]);
        #[rustfmt::skip]
        openssl(at, &[
            "rsa", "-in", "key.pem", "-traditional", "-outform", "DER", "-out", "key.der",
        ]);
        fs::write(at.join("block"), [0x2A; 128]).expect("written");
        #[rustfmt::skip]
        let theirs = openssl(at, &[
            "pkeyutl", "-decrypt", "-inkey", "key.pem", "-pkeyopt", "rsa_padding_mode:none",
            "-in", "block",
        ]);
        // RSAPrivateKey ::= SEQUENCE { version, n, e, d, p, q, … } (RFC 8017 §A.1.2)
        let der = fs::read(at.join("key.der")).expect("read");
        let sequence = kortlab_apdu::tlv::read_one(&der).expect("a sequence");
        let numbers: Vec<&[u8]> = kortlab_apdu::tlv::Reader::new(sequence.value)
            .map(|number| number.expect("an INTEGER").value)
            .collect();
        let key = RsaKey::from_components(&RsaComponents {
            modulus: numbers[1].to_vec(),
            public_exponent: numbers[2].to_vec(),
            private_exponent: Zeroizing::new(numbers[3].to_vec()),
            prime_p: Zeroizing::new(numbers[4].to_vec()),
            prime_q: Zeroizing::new(numbers[5].to_vec()),
        });
        let ours = key
            .expect("a key")
            .raw_private(&[0x2A; 128])
            .expect("a result");
        assert_eq!(*ours, theirs);
    }
}
