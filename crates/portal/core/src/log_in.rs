//! Log-in: only with the carrier's authentication certificate, and only by whoever has its key.

use super::sessions::LIFETIME;
use super::{LocalPortal, LogInKey, LogInScheme, OpenSessions, PortalError, Session, SessionToken};
use kortlab_issuer::authority::{AuthorityKind, CertificateState};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};

/// In front of the random bytes a key signs, so that the signature means nothing elsewhere.
const CHALLENGE: &[u8] = b"Kortlab portal, log-in 1\0";

impl LocalPortal {
    /// Logs in whoever has the key of this DER certificate: the caller has had that proven, by a
    /// TLS handshake for example (RFC 8446 §4.4.3). Everything else is checked here.
    ///
    /// # Errors
    /// As for [`super::Portal::log_in`].
    pub fn log_in_proven(&mut self, certificate: &[u8]) -> Result<Session, PortalError> {
        let now = self.settle()?;
        let certificate = self.check_log_in_certificate(certificate, now)?;
        self.begin_session(&certificate, now)
    }

    /// Gives the portal up; what it was made from is made again with [`LocalPortal::restore`].
    pub fn into_sessions(self) -> OpenSessions {
        OpenSessions(self.sessions)
    }

    /// These sessions go on, as far as their cards are known.
    pub fn resume(&mut self, sessions: OpenSessions) {
        self.sessions = sessions.0;
    }

    /// How many sessions there are now.
    pub fn open_sessions(&self) -> usize {
        self.sessions.open(self.clock.now())
    }

    /// Whose session this is. Like every other call, it moves the session's end on.
    ///
    /// # Errors
    /// The session is over.
    pub fn current_session(&mut self, token: &SessionToken) -> Result<Session, PortalError> {
        let (now, card_number) = self.session(token)?;
        Ok(Session {
            token: token.clone(),
            card_number,
            holder: self.state.card(&card_number)?.holder.clone(),
            ends: now.after(LIFETIME),
        })
    }

    pub(super) fn log_in_with(&mut self, key: &mut dyn LogInKey) -> Result<Session, PortalError> {
        let now = self.settle()?;
        // Before the key is asked: whoever has chosen the wrong certificate needs no PIN.
        let certificate = self.check_log_in_certificate(key.certificate(), now)?;
        self.prove(key, &certificate)?;
        self.begin_session(&certificate, now)
    }

    /// Has the key sign random bytes, and checks the signature with its certificate.
    pub(super) fn prove(
        &mut self,
        key: &mut dyn LogInKey,
        certificate: &CertificateSummary,
    ) -> Result<(), PortalError> {
        let nonce: [u8; 32] = self.rng.bytes();
        let message = [CHALLENGE, &nonce].concat();
        let scheme = LogInScheme::Pkcs1Sha256;
        let signature = key.sign(scheme, &message)?;
        let public_key = certificate.public_key.as_ref();
        scheme
            .verify(
                public_key.ok_or(PortalError::LogInSignature)?,
                &message,
                &signature,
            )
            .map_err(|_| PortalError::LogInSignature)
    }

    fn begin_session(
        &mut self,
        certificate: &CertificateSummary,
        now: Timestamp,
    ) -> Result<Session, PortalError> {
        let (card_number, card) =
            self.state
                .card_of_carrier(&certificate.serial)
                .ok_or_else(|| PortalError::UnknownCertificate {
                    issuer: certificate.issuer.clone(),
                })?;
        let holder = card.holder.clone();
        // As at each later step: a session that could do nothing is none.
        self.require_good_card(&card_number, now)?;
        let token = SessionToken::new(self.rng.bytes());
        let ends = self.sessions.begin(&token, card_number, now);
        Ok(Session {
            token,
            card_number,
            holder,
            ends,
        })
    }

    /// The reasons come in the order that helps the holder most: the wrong choice first.
    fn check_log_in_certificate(
        &self,
        certificate: &[u8],
        now: Timestamp,
    ) -> Result<CertificateSummary, PortalError> {
        let summary = CertificateSummary::from_der(certificate)
            .map_err(PortalError::UnreadableCertificate)?;
        if summary.colour == Colour::Pink {
            return Err(PortalError::HccLogIn {
                issuer: summary.issuer,
            });
        }
        let known = self.known(certificate, now)?;
        if known.authority != AuthorityKind::Carrier {
            return Err(PortalError::HccLogIn {
                issuer: known.summary.issuer,
            });
        }
        if known.summary.purpose != Purpose::Authentication {
            return Err(PortalError::NotForLogIn);
        }
        require_valid(known.authority, known.state)?;
        Ok(known.summary)
    }
}

/// Only what is valid now may be used.
pub(super) fn require_valid(
    authority: AuthorityKind,
    state: CertificateState,
) -> Result<(), PortalError> {
    match state {
        CertificateState::Valid => Ok(()),
        state => Err(PortalError::CertificateNotUsable { authority, state }),
    }
}
