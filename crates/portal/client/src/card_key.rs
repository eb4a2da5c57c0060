//! TLS client authentication by a key on another thread.
//!
//! rustls signs where it makes the handshake, and wants a key that it can share among threads; a
//! card is held by one thread. So the handshake's key is one end of a channel: it sends what is to
//! be signed, and waits for what the thread with the card answers.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use kortlab_portal_core::{KeyRefused, LogInKey, LogInScheme};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

/// What came of a request that a key was lent to.
pub(crate) struct Lent<T> {
    /// The request's result; `None` if its thread ended without one.
    pub(crate) result: Option<T>,
    /// The key did not sign, which is then why the request failed.
    pub(crate) refused: Option<KeyRefused>,
}

/// Runs `request` on another thread with an identity for its handshake, and has `key` sign here
/// what the handshake asks for: once, whatever the server does.
pub(crate) fn lend<T: Send>(
    key: &mut dyn LogInKey,
    request: impl FnOnce(Arc<dyn ResolvesClientCert>) -> T + Send,
) -> Lent<T> {
    let certificate = CertificateDer::from(key.certificate().to_vec());
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::scope(|scope| {
        let request = scope.spawn(move || {
            let key = Arc::new(RemoteKey(sender.clone()));
            let identity = Identity(Arc::new(CertifiedKey::new(vec![certificate], key)));
            let result = request(Arc::new(identity));
            // The other end waits for this; if it has gone, nobody needs it.
            let _ = sender.send(Message::Finished);
            result
        });
        let refused = serve(key, &receiver);
        Lent {
            result: request.join().ok(),
            refused,
        }
    })
}

/// What comes from the thread that makes the request.
enum Message {
    Sign(ToSign),
    Finished,
}

struct ToSign {
    scheme: LogInScheme,
    message: Vec<u8>,
    answer: SyncSender<Vec<u8>>,
}

/// Has the key sign until the request is over. Returns why it did not sign, if it did not.
fn serve(key: &mut dyn LogInKey, receiver: &Receiver<Message>) -> Option<KeyRefused> {
    let mut signed = false;
    let mut refused = None;
    while let Ok(Message::Sign(to_sign)) = receiver.recv() {
        if signed || refused.is_some() {
            // Dropping `answer` without an answer makes the handshake fail.
            continue;
        }
        match key.sign(to_sign.scheme, &to_sign.message) {
            Ok(signature) => {
                signed = true;
                let _ = to_sign.answer.send(signature);
            }
            Err(error) => refused = Some(error),
        }
    }
    refused
}

/// Answers every server that asks for a certificate with the card's.
#[derive(Debug)]
struct Identity(Arc<CertifiedKey>);

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The handshake's end of the channel.
#[derive(Debug)]
struct RemoteKey(SyncSender<Message>);

impl SigningKey for RemoteKey {
    /// RSASSA-PKCS1-v1_5 where the version of TLS has it (1.2), since every card does that;
    /// RSASSA-PSS elsewhere (1.3). rustls offers only what the version has.
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = [LogInScheme::Pkcs1Sha256, LogInScheme::PssSha256]
            .into_iter()
            .find(|scheme| offered.contains(&in_tls(*scheme)))?;
        Some(Box::new(RemoteSigner {
            ask: self.0.clone(),
            scheme,
        }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

const fn in_tls(scheme: LogInScheme) -> SignatureScheme {
    match scheme {
        LogInScheme::Pkcs1Sha256 => SignatureScheme::RSA_PKCS1_SHA256,
        LogInScheme::PssSha256 => SignatureScheme::RSA_PSS_SHA256,
    }
}

#[derive(Debug)]
struct RemoteSigner {
    ask: SyncSender<Message>,
    scheme: LogInScheme,
}

impl Signer for RemoteSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let not_signed = || rustls::Error::General("the key did not sign".to_owned());
        let (answer, answered) = mpsc::sync_channel(1);
        self.ask
            .send(Message::Sign(ToSign {
                scheme: self.scheme,
                message: message.to_vec(),
                answer,
            }))
            .map_err(|_| not_signed())?;
        answered.recv().map_err(|_| not_signed())
    }

    fn scheme(&self) -> SignatureScheme {
        in_tls(self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signs with its scheme's name; refuses if told so.
    struct Key {
        refuses: bool,
        asked: usize,
    }

    impl LogInKey for Key {
        fn certificate(&self) -> &[u8] {
            b"certificate"
        }

        fn sign(&mut self, scheme: LogInScheme, message: &[u8]) -> Result<Vec<u8>, KeyRefused> {
            self.asked += 1;
            if self.refuses {
                return Err(KeyRefused {
                    message: "the card was pulled out".to_owned(),
                });
            }
            Ok([format!("{scheme:?}:").as_bytes(), message].concat())
        }
    }

    fn sign(
        identity: &dyn ResolvesClientCert,
        offered: &[SignatureScheme],
    ) -> Option<Result<Vec<u8>, rustls::Error>> {
        let identity = identity.resolve(&[], offered)?;
        let signer = identity.key.choose_scheme(offered)?;
        Some(signer.sign(b"handshake"))
    }

    #[test]
    fn the_key_signs_once_on_its_own_thread() {
        let mut key = Key {
            refuses: false,
            asked: 0,
        };
        let offered = [
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::RSA_PSS_SHA256,
        ];
        let lent = lend(&mut key, |identity| {
            let first = sign(identity.as_ref(), &offered);
            let second = sign(identity.as_ref(), &offered);
            (first, second)
        });
        let (first, second) = lent.result.unwrap();
        assert_eq!(first.unwrap().unwrap(), b"PssSha256:handshake");
        assert!(second.unwrap().is_err());
        assert_eq!(lent.refused, None);
        assert_eq!(key.asked, 1);
    }

    #[test]
    fn a_key_that_refuses_is_not_asked_again() {
        let mut key = Key {
            refuses: true,
            asked: 0,
        };
        let offered = [SignatureScheme::RSA_PKCS1_SHA256];
        let lent = lend(&mut key, |identity| {
            for _ in 0..3 {
                assert!(sign(identity.as_ref(), &offered).unwrap().is_err());
            }
        });
        assert_eq!(lent.result, Some(()));
        let refused = lent.refused.unwrap();
        assert_eq!(refused.message, "the card was pulled out");
        assert_eq!(key.asked, 1);
    }

    #[test]
    fn other_schemes_are_not_offered() {
        let mut key = Key {
            refuses: false,
            asked: 0,
        };
        let lent = lend(&mut key, |identity| {
            let offered = [
                SignatureScheme::RSA_PKCS1_SHA1,
                SignatureScheme::RSA_PSS_SHA384,
                SignatureScheme::ED25519,
            ];
            sign(identity.as_ref(), &offered).is_none()
        });
        assert_eq!(lent.result, Some(true));
        assert_eq!(key.asked, 0);
    }
}
