//! Moduli whose factors anyone finds, so that anyone has the private key.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Gcd as _, Odd, Resize as _};

/// A modulus has no factor below this one (NIST SP 800-89 §5.3.3).
const LEAST_FACTOR: u32 = 752;
/// Steps of Fermat's method that find no factor (CA/Browser Forum, Baseline Requirements for TLS
/// §6.1.1.3: close primes).
const FERMAT_STEPS: usize = 100;
/// Squares end with one of these hexadecimal digits: three of four numbers need no square root.
const ENDS_OF_SQUARES: [u8; 4] = [0, 1, 4, 9];

/// The primes by which the moduli of ROCA are known (M. Nemec et al., The Return of Coppersmith's Attack,
/// ACM CCS 2017, and the authors' test).
const ROCA_PRIMES: [u32; 17] = [
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];
/// What the primes of such a modulus are powers of, modulo each of those.
const ROCA_GENERATOR: u32 = 65537;

/// What anyone sees in a modulus, in a few words; nothing if it keeps its factors to itself. A modulus
/// is odd, as [`rsa::PublicKey`] sees to.
pub(crate) fn weakness(modulus: &BoxedUint) -> Option<String> {
    let why = match small_factor(modulus) {
        Some(factor) => format!("its modulus is divisible by {factor}"),
        None if is_of_roca(modulus) => {
            let why = "its modulus is of the kind of ROCA (CVE-2017-15361), whose private keys \
                       can be computed from it";
            return Some(why.to_owned());
        }
        None => by_little_theorem(modulus).or_else(|| by_fermats_method(modulus))?,
    };
    Some(format!("{why}, so anyone finds the private key"))
}

/// Whether two odd moduli have a factor in common, which anyone finds who has both (Lenstra et al., Ron was
/// wrong, Whit is right, 2012).
pub(crate) fn share_a_factor(one: &BoxedUint, other: &BoxedUint) -> bool {
    let bits = one.bits_precision().max(other.bits_precision());
    let odd = Option::<Odd<_>>::from(Odd::new(one.resize(bits)));
    odd.is_some_and(|one| one.gcd_vartime(&other.resize(bits)).get() != BoxedUint::one())
}

/// The least factor, if it is a small one. The least divisor above 1 is a prime, so that all odd numbers
/// can be tried.
fn small_factor(modulus: &BoxedUint) -> Option<u32> {
    let modulus = modulus.to_be_bytes();
    (3..LEAST_FACTOR)
        .step_by(2)
        .find(|divisor| remainder(&modulus, *divisor) == 0)
}

/// What is left of a big-endian number by a divisor of less than 2^24.
fn remainder(number: &[u8], divisor: u32) -> u32 {
    let digit = |rest: u32, byte: &u8| ((rest << 8) | u32::from(*byte)) % divisor;
    number.iter().fold(0, digit)
}

/// Primes that Infineon's RSA library made (CVE-2017-15361; Baseline Requirements §6.1.1.3) are powers of
/// 65537 modulo a product of small primes, and so are their products. Of other moduli one in 2^27 looks
/// like that by chance.
fn is_of_roca(modulus: &BoxedUint) -> bool {
    let modulus = modulus.to_be_bytes();
    ROCA_PRIMES
        .iter()
        .all(|prime| is_power(ROCA_GENERATOR % prime, remainder(&modulus, *prime), *prime))
}

/// Whether a number is a power of the base modulo this small prime.
fn is_power(base: u32, number: u32, prime: u32) -> bool {
    let powers = std::iter::successors(Some(1), |power| Some(power * base % prime));
    // The subgroup has fewer elements than the prime.
    powers.take(prime as usize).any(|power| power == number)
}

/// A prime, and a power of a prime (SP 800-89 §5.3.3: it is neither). By Fermat's little theorem 2^n is 2
/// modulo p for n = p^k, so that p divides what 2^n − 2 and n have in common; the two have nothing in
/// common where n is fit for a key (FIPS 186-5, B.3.2: "provably composite and not a power of a prime").
fn by_little_theorem(modulus: &BoxedUint) -> Option<String> {
    let odd = Option::<Odd<_>>::from(Odd::new(modulus.clone()))?;
    let bits = modulus.bits_precision();
    let parameters = BoxedMontyParams::new_vartime(odd.clone());
    let two = BoxedMontyForm::new(BoxedUint::from(2u8).resize(bits), &parameters);
    let rest = two.pow(modulus).sub(&two).retrieve();
    let common = odd.gcd_vartime(&rest).get();
    if common == BoxedUint::one() {
        return None;
    }
    let why = match common == *modulus {
        true => "its modulus is a prime, or passes for one (SP 800-89, 5.3.3)",
        false => "its modulus is a power of a prime, or is divided as easily (SP 800-89, 5.3.3)",
    };
    Some(why.to_owned())
}

/// The product of two primes that are close to one another: n = a² − b² for an a that is little more
/// than the square root of n.
fn by_fermats_method(modulus: &BoxedUint) -> Option<String> {
    let (one, two) = (BoxedUint::one(), BoxedUint::from(2u8));
    // The squares have a bit more than the modulus.
    let modulus = modulus.resize(modulus.bits_precision() + 64);
    let mut a = modulus.floor_sqrt_vartime().wrapping_add(&one);
    let mut rest = a.wrapping_square().wrapping_sub(&modulus);
    for _ in 0..FERMAT_STEPS {
        let end = rest.to_le_bytes().first().map_or(0, |byte| byte & 0x0F);
        if ENDS_OF_SQUARES.contains(&end) && rest.checked_sqrt_vartime().is_some() {
            return Some(
                "its modulus is the product of two numbers close to one another".to_owned(),
            );
        }
        // (a + 1)² − a² = 2a + 1
        rest = rest.wrapping_add(a.wrapping_mul(&two)).wrapping_add(&one);
        a = a.wrapping_add(&one);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::IssuerRng;
    use crypto_bigint::{ConcatenatingMul as _, ConcatenatingSquare as _};
    use rsa::traits::PrivateKeyParts as _;

    /// Primes of 1024 bits, which a key of 2048 bits is made of.
    fn primes() -> [BoxedUint; 2] {
        let key = rsa::PrivateKey::new(&mut IssuerRng::from_seed(1, "key"), 2048).unwrap();
        [0, 1].map(|index| key.primes()[index].as_ref().clone())
    }

    fn why(modulus: &BoxedUint) -> String {
        weakness(modulus).unwrap_or_default()
    }

    #[test]
    fn the_moduli_of_keys_are_fit() {
        for seed in 0..8 {
            let key = rsa::PrivateKey::new(&mut IssuerRng::from_seed(seed, "fit"), 1024).unwrap();
            assert_eq!(weakness(rsa::traits::PublicKeyParts::n(&key)), None);
        }
        let [p, q] = primes();
        assert_eq!(weakness(&p.concatenating_mul(&q)), None);
    }

    #[test]
    fn moduli_of_roca_are_known_by_their_primes_and_others_are_not() {
        // 65537 is 10 modulo 11, whose powers are 10 and 1.
        assert!(is_power(65537 % 11, 1, 11) && is_power(65537 % 11, 10, 11));
        assert!(!(2..10).any(|number| is_power(65537 % 11, number, 11)));
        let made = roca_prime(1).concatenating_mul(&roca_prime(2));
        assert!(
            why(&made).contains("ROCA (CVE-2017-15361)"),
            "{}",
            why(&made)
        );
        // One of the two is not enough, and the other way to see it does not find these.
        let [p, _] = primes();
        assert_eq!(weakness(&p.concatenating_mul(&roca_prime(1))), None);
        assert_eq!(by_little_theorem(&made), None);
        assert_eq!(by_fermats_method(&made), None);
    }

    /// A prime of 1024 bits, as Infineon's library made them: k · M + 65537^a mod M, where M is the product of
    /// the first 126 primes.
    fn roca_prime(seed: u64) -> BoxedUint {
        const BITS: u32 = 1024;
        let number = |value: u32| BoxedUint::from(value).resize(BITS);
        let is_prime = |number: &u32| (2..*number).all(|divisor| !number.is_multiple_of(divisor));
        let first = (2..720).filter(is_prime).take(126);
        let m = first.fold(number(1), |m, prime| m.wrapping_mul(number(prime)));
        let parameter = m.to_nz().unwrap();
        let mut rng = IssuerRng::from_seed(seed, "roca");
        let a = u16::from_be_bytes(rng.bytes());
        let power = (0..a).fold(number(1), |power, _| {
            power.wrapping_mul(number(65537)).rem_vartime(&parameter)
        });
        // M has 971 bits, so that the highest of the sum are those of k.
        let k = (u64::from_be_bytes(rng.bytes::<8>()) >> 11) | (3 << 51);
        let mut candidate = m
            .wrapping_mul(BoxedUint::from(k).resize(BITS))
            .wrapping_add(&power);
        loop {
            let small = small_factor(&candidate);
            let found = small.map_or_else(|| by_little_theorem(&candidate), |_| None);
            if found.is_some_and(|why| why.contains("is a prime,")) {
                return candidate;
            }
            candidate = candidate.wrapping_add(&m);
        }
    }

    #[test]
    fn moduli_that_share_a_prime_are_found_also_of_other_lengths() {
        let [p, q] = primes();
        let key = rsa::PrivateKey::new(&mut IssuerRng::from_seed(2, "other"), 1024).unwrap();
        let [r, s] = [0, 1].map(|index| key.primes()[index].as_ref().clone());
        let product = |one: &BoxedUint, other: &BoxedUint| one.concatenating_mul(other);
        let (long, short) = (product(&p, &q), product(&r, &s));
        assert!(share_a_factor(&long, &product(&p, &r)));
        assert!(share_a_factor(&product(&q, &s), &long));
        assert!(share_a_factor(&short, &product(&p, &r)));
        assert!(share_a_factor(&long, &long));
        assert!(!share_a_factor(&long, &short) && !share_a_factor(&short, &long));
    }

    #[test]
    fn a_prime_is_no_modulus_and_no_power_of_one_is() {
        let [p, q] = primes();
        assert!(why(&p).contains("is a prime,"), "{}", why(&p));
        for power in [
            p.concatenating_square(),
            q.concatenating_square(),
            p.concatenating_square().concatenating_mul(&p),
            p.concatenating_square().concatenating_square(),
        ] {
            assert!(
                why(&power).contains("a power of a prime,"),
                "{}",
                why(&power)
            );
        }
    }

    #[test]
    fn primes_that_are_close_are_found_and_others_are_not() {
        let [p, _] = primes();
        let is_prime = |number: &BoxedUint| {
            let why = small_factor(number).map_or_else(|| by_little_theorem(number), |_| None);
            why.is_some_and(|why| why.contains("is a prime,"))
        };
        let next = |mut number: BoxedUint| {
            loop {
                number = number.wrapping_add(BoxedUint::from(2u8));
                if is_prime(&number) {
                    return number;
                }
            }
        };
        // Fermat's method takes (p − q)² / 8√n steps: one for a difference of less than 513 bits here,
        // and 2^87 for one of 601.
        let far = BoxedUint::one_with_precision(p.bits_precision()).shl(600);
        for (other, is_close) in [
            (next(p.clone()), true),
            (next(p.wrapping_add(BoxedUint::from(u64::MAX - 1))), true),
            (next(p.wrapping_add(&far)), false),
        ] {
            let found = why(&p.concatenating_mul(&other));
            assert_eq!(found.contains("close to one another"), is_close, "{found}");
        }
    }
}
