//! OCSP requests from anyone, and the answers to them.

use std::sync::OnceLock;

use kortlab_issuer::authority::{Authority, AuthorityKind};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::ocsp::{Refusal, Request, Responder, Status};
use kortlab_issuer::profile::AuthorityUrls;
use kortlab_issuer::random::IssuerRng;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_478_400);

/// Nothing is accepted that is not exactly one DER value, what is asked for is bounded, and every
/// request that is accepted has an answer, with its nonce.
pub fn ocsp_request(data: &[u8]) {
    let request = match Request::parse(data) {
        Ok(request) => request,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(Request::parse(data).as_ref(), Ok(&request));
    assert!(Request::parse(&[data, &[0]].concat()).is_err());
    assert!((1..=16).contains(&request.certificates()));
    assert!(
        request
            .nonce()
            .is_none_or(|nonce| (1..=128).contains(&nonce.len()))
    );

    let answer = responder().respond(&request, |_| Status::Good, NOW);
    if answer == Refusal::Unauthorized.to_der() {
        return;
    }
    // SEQUENCE, and in it the ENUMERATED successful (0).
    assert!(answer.starts_with(&[0x30, 0x82]), "{answer:02X?}");
    assert_eq!(answer.get(4..7), Some([0x0A, 0x01, 0x00].as_slice()));
    if let Some(nonce) = request.nonce() {
        let mut parts = answer.windows(nonce.len());
        assert!(parts.any(|part| part == nonce));
    }
}

/// The responder of the authority that the seeds ask about.
fn responder() -> &'static Responder {
    static RESPONDER: OnceLock<Responder> = OnceLock::new();
    RESPONDER.get_or_init(|| {
        let rng = &mut IssuerRng::from_seed(1, "ocsp_request");
        let urls = AuthorityUrls::example("fuzz");
        let mut authority = Authority::create(AuthorityKind::Hcc, urls, NOW, rng)
            .expect("a seed from which an authority comes");
        Responder::create(&mut authority, NOW, rng).expect("a responder of that authority")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise the mutations would never reach an answer.
    #[test]
    fn a_seed_asks_about_the_responder_s_own_authority() {
        let seed = include_bytes!("../../seeds/ocsp_request/own-authority-nonce");
        let request = Request::parse(seed).expect("a request");
        let answer = responder().respond(&request, |_| Status::Good, NOW);
        assert_ne!(answer, Refusal::Unauthorized.to_der());
    }
}
