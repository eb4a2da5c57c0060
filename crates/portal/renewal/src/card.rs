//! What a renewal does with the card, piece by piece: for the [`guide`](crate::guide), and for
//! whoever else lends the card to a portal.
//!
//! Each function that signs verifies the PIN right before, in the same hold on the card, and checks
//! the signature with the public key before it gives it out.

use kortlab_apdu::Channel;
use std::time::{Duration, UNIX_EPOCH};

use kortlab_card::{
    Against, Card, CardError, ErrorKind, Hash, NewCertificate, Pin, PinRole, Problem, Scheme,
    Severity, Slot,
};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::csr::RequestToSign;
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::receipt::MessageToSign;
use kortlab_issuer::{DocumentError, IssueError};
use kortlab_portal_core::{KeyRefused, LogInKey, LogInScheme};

/// Why the card did not do its part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// What the card signed, or a certificate, is not what it should be.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A request could not be built.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A key is missing.
    #[error("the card has no key for {0}")]
    NoKey(PinRole),
    /// A certificate for another key than the card's.
    #[error(
        "the certificate for {0} is not for the card's key; it was not written, have the portal issue it again"
    )]
    OtherKey(PinRole),
}

/// Signs with the card's key for `role`. `pin` is verified right before, in the same hold on the
/// card; without one the PIN counts as verified earlier. The signature is not checked here.
///
/// # Errors
/// The card has no such key, or refuses the PIN or the operation.
pub fn sign<C: Channel>(
    card: &mut Card<C>,
    role: PinRole,
    scheme: Scheme,
    pin: Option<&Pin>,
    message: &[u8],
) -> Result<Vec<u8>, CardError> {
    match pin {
        Some(pin) => card.unlocked(role, pin, |key| key.sign(scheme, message)),
        None => card.still_unlocked(role, |key| key.sign(scheme, message)),
    }
}

/// The public key of the card's key for `role`.
///
/// # Errors
/// The card has no such key, or does not tell its public part.
pub fn public_key<C: Channel>(card: &mut Card<C>, role: PinRole) -> Result<PublicKey, WorkError> {
    let key = card.key_for(role)?;
    let public = card.public_key(&key.id)?.ok_or(WorkError::NoKey(role))?;
    Ok(PublicKey::from_spki_der(&public.to_spki_der())?)
}

/// The holder's certificates on the card; what cannot be read as one is left out. Authorities'
/// certificates are in the list as well.
///
/// # Errors
/// The card cannot be read.
pub fn certificates<C: Channel>(card: &mut Card<C>) -> Result<Vec<Slot>, CardError> {
    let mut slots = card.slots()?;
    // What a portal could not read would only make it refuse the whole list.
    slots.retain(|slot| slot.info.is_some() && CertificateSummary::from_der(&slot.der).is_ok());
    Ok(slots)
}

/// The errors in what is on the card that no portal sees, as `kortlab cert check` finds them: a
/// certificate for another key than the one it is listed for, a directory that is damaged, a key that
/// is not there. Whether a certificate is valid at `now` is not among them.
///
/// # Errors
/// The card is gone.
pub fn faults<C: Channel>(card: &mut Card<C>, now: Timestamp) -> Result<Vec<Problem>, CardError> {
    let now = UNIX_EPOCH + Duration::from_secs(now.unix_seconds());
    let checked = card.check(now, &Against::default())?;
    let of_certificates = checked.certificates.iter().flat_map(|certificate| {
        let lasting = certificate
            .problems
            .iter()
            .filter(|found| !found.is_state());
        lasting.map(|found| found.to_problem(&certificate.slot))
    });
    let of_files = card.contents().problems.iter().cloned();
    let mut faults: Vec<_> = of_files
        .chain(checked.problems.iter().cloned())
        .chain(of_certificates)
        .collect();
    faults.retain(|found| found.severity() == Severity::Error);
    Ok(faults)
}

/// The HCC for the card's key for `role`, as the writer takes it.
///
/// # Errors
/// `der` is not a certificate, or not for that key: nothing should be written then.
pub fn new_hcc<C: Channel>(
    card: &mut Card<C>,
    role: PinRole,
    der: &[u8],
) -> Result<NewCertificate, WorkError> {
    let own = public_key(card, role)?;
    if CertificateSummary::from_der(der)?.public_key != Some(own) {
        return Err(WorkError::OtherKey(role));
    }
    let key = card.key_for(role)?;
    let label = format!("HCC {}", role.swedish());
    Ok(NewCertificate::new(der, key.id, label))
}

/// The error of a change that writes certificates of a portal's, with a next step for those who cannot
/// have others written: the writer itself only knows how to write them all the same.
#[must_use]
pub fn refused(error: CardError) -> CardError {
    match error.kind() {
        ErrorKind::Invalid => error.hint(
            "nothing was written; show this to those who run the portal, unless the clock of this \
             computer is wrong",
        ),
        _ => error,
    }
}

/// A PKCS#10 request (RFC 2986) by the card's key for `role`, DER. `common_name` is what it says;
/// a portal takes its own data. Without a PIN it counts as verified earlier.
///
/// # Errors
/// The card refuses, or the name does not fit.
pub fn request<C: Channel>(
    card: &mut Card<C>,
    role: PinRole,
    pin: Option<&Pin>,
    common_name: &str,
) -> Result<Vec<u8>, WorkError> {
    let key = public_key(card, role)?;
    RequestToSign::sign_with(&key, common_name, |bytes| {
        Ok(sign(card, role, Scheme::Pkcs1(Hash::Sha256), pin, bytes)?)
    })
}

/// CMS SignedData (RFC 5652) over `text` by the card's signature key, DER, with `certificate` (of
/// that key, DER) inside: an approval, a receipt, a trial.
///
/// # Errors
/// The card refuses, or the certificate is not for its signature key.
pub fn sign_text<C: Channel>(
    card: &mut Card<C>,
    pin: &Pin,
    text: &[u8],
    certificate: &[u8],
    signing_time: Timestamp,
) -> Result<Vec<u8>, WorkError> {
    MessageToSign::sign_with(text, certificate, signing_time, |bytes| {
        let scheme = Scheme::Pkcs1(Hash::Sha256);
        let role = PinRole::Signature;
        Ok(sign(card, role, scheme, Some(pin), bytes)?)
    })
}

/// The card's authentication key, with one of its certificates, as a portal's log-in wants it.
#[derive(Debug)]
pub struct CardLogIn<'a, C: Channel> {
    card: &'a mut Card<C>,
    pin: &'a Pin,
    certificate: &'a [u8],
    has_signed: bool,
    failure: Option<WorkError>,
}

impl<'a, C: Channel> CardLogIn<'a, C> {
    /// `certificate` (DER) must be for the authentication key; `pin` is verified right before each
    /// signature.
    pub fn new(card: &'a mut Card<C>, pin: &'a Pin, certificate: &'a [u8]) -> Self {
        Self {
            card,
            pin,
            certificate,
            has_signed: false,
            failure: None,
        }
    }

    /// Whether the card has signed: what a portal says that has not asked for it was shown nothing.
    pub const fn has_signed(&self) -> bool {
        self.has_signed
    }

    /// Why the card did not sign, if it did not: more than the portal's error can say.
    pub fn into_failure(self) -> Option<WorkError> {
        self.failure
    }

    fn sign_checked(&mut self, scheme: LogInScheme, message: &[u8]) -> Result<Vec<u8>, WorkError> {
        let role = PinRole::Authentication;
        let on_card = match scheme {
            LogInScheme::Pkcs1Sha256 => Scheme::Pkcs1(Hash::Sha256),
            LogInScheme::PssSha256 => Scheme::Pss(Hash::Sha256),
        };
        let signature = sign(self.card, role, on_card, Some(self.pin), message)?;
        let key = CertificateSummary::from_der(self.certificate)?
            .public_key
            .ok_or(WorkError::NoKey(role))?;
        scheme.verify(&key, message, &signature)?;
        Ok(signature)
    }
}

impl<C: Channel> LogInKey for CardLogIn<'_, C> {
    fn certificate(&self) -> &[u8] {
        self.certificate
    }

    fn sign(&mut self, scheme: LogInScheme, message: &[u8]) -> Result<Vec<u8>, KeyRefused> {
        let signed = self.sign_checked(scheme, message).map_err(|error| {
            let message = error.to_string();
            self.failure = Some(error);
            KeyRefused { message }
        })?;
        self.has_signed = true;
        Ok(signed)
    }
}
