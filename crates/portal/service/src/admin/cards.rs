//! Enrolling cards, also with a past.

use core::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kortlab_issuer::card_number::CardNumber;
use kortlab_issuer::clock::{Clock as _, DAY, Timestamp};
use kortlab_issuer::holder::Holder;
use kortlab_issuer::profile::CarrierSubject;
use kortlab_issuer::public_key::PublicKey;
use kortlab_issuer::random::IssuerRng;
use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_api::Binary;
use kortlab_portal_core::{CarrierPair, Enrolment, IssuedPair, LocalPortal, PortalError};

use super::wire::{EnrolledCard, EnrolledState, NewCard, Pair};
use crate::api::body::{Body, malformed};
use crate::app::App;
use crate::error::{Refusal, ServiceError};
use crate::event::Subject;
use crate::operation::Operation;
use crate::service::Call;

/// A card whose HCCs have expired was delivered so long ago: HCCs are valid for 730 days.
const LONG_AGO: Duration = Duration::from_secs(760 * DAY.as_secs());
/// Other cards were delivered so long ago.
const RECENTLY: Duration = Duration::from_secs(30 * DAY.as_secs());

/// `POST /admin/v1/cards`.
pub(super) async fn enrol(
    State(app): State<App>,
    Body(card): Body<NewCard>,
) -> Result<(StatusCode, Json<EnrolledCard>), Response> {
    let state = card.state;
    let enrolment = read(card).map_err(|refusal| refusal.into_response())?;
    let now = app.clock().now();
    let subject = Subject::default()
        .card(enrolment.card_number)
        .detail(state.name());
    let call = Call::by_administrator(Operation::Enrol).about(subject);
    let holder = enrolment.holder.clone();
    let card_number = enrolment.card_number;
    let (carrier, hcc) = app
        .service()
        .call(call, move |portal| enrol_in(portal, &enrolment, state, now))
        .await
        .map_err(ServiceError::into_response)?;
    let body = EnrolledCard {
        card_number: card_number.to_string(),
        holder: (&holder).into(),
        state,
        carrier: Pair {
            authentication: carrier.authentication.as_slice().into(),
            signature: carrier.signature.as_slice().into(),
        },
        hcc: hcc.map(|hcc| Pair {
            authentication: hcc.authentication.as_slice().into(),
            signature: hcc.signature.as_slice().into(),
        }),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

fn enrol_in(
    portal: &mut LocalPortal,
    enrolment: &Enrolment,
    state: EnrolledState,
    now: Timestamp,
) -> Result<(CarrierPair, Option<IssuedPair>), PortalError> {
    let delivered = now.before(match state {
        EnrolledState::Expired => LONG_AGO,
        _ => RECENTLY,
    });
    let carrier = portal.enrol_at(enrolment, delivered)?;
    let hcc = match state {
        EnrolledState::Delivered => None,
        _ => Some(portal.issue_at_the_counter_at(&enrolment.card_number, delivered)?),
    };
    if let (EnrolledState::Revoked, Some(pair)) = (state, &hcc) {
        for certificate in [&pair.authentication, &pair.signature] {
            portal.revoke_at_the_counter(certificate, RevocationReason::AffiliationChanged)?;
        }
    }
    Ok((carrier, hcc))
}

/// What is not given is invented.
fn read(card: NewCard) -> Result<Enrolment, Refusal> {
    let mut rng = IssuerRng::from_os().map_err(malformed)?;
    let holder = match card.holder {
        Some(holder) => holder.into_holder("the body").map_err(malformed)?,
        None => Holder::generate(&mut rng),
    };
    let card_number = match card.card_number {
        Some(number) => number
            .parse()
            .map_err(|error| malformed(format_args!("the body, card_number: {error}")))?,
        None => CardNumber::generate(&mut rng),
    };
    Ok(Enrolment {
        holder,
        card_number,
        authentication_key: key("authentication_key", card.authentication_key)?,
        signature_key: key("signature_key", card.signature_key)?,
        carrier_subject: CarrierSubject::Card,
    })
}

fn key(field: &str, key: Binary) -> Result<PublicKey, Refusal> {
    PublicKey::from_spki_der(&key.into_bytes())
        .map_err(|error| malformed(format_args!("the body, {field}: {error}")))
}
