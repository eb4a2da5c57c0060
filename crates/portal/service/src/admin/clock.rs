//! The portal's clock, set by the administrator.

use core::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kortlab_issuer::clock::{Clock as _, Timestamp};

use super::wire::{ClockFace, ClockSetting};
use crate::api::body::Body;
use crate::app::App;
use crate::error::{Refusal, ServiceError};
use crate::event::Subject;
use crate::operation::Operation;
use crate::service::Call;

/// `GET /admin/v1/clock`.
pub(super) async fn read(State(app): State<App>) -> Json<ClockFace> {
    Json(ClockFace::of(&app))
}

/// `POST /admin/v1/clock`.
pub(super) async fn set(State(app): State<App>, Body(setting): Body<ClockSetting>) -> Response {
    if let ClockSetting::Advance(seconds) = setting
        && !is_a_time(app.clock().now().unix_seconds().checked_add(seconds))
    {
        return Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no-such-time",
            "No such time",
            format_args!("{seconds} s from now is after the year 9999; the clock was not set"),
        )
        .into_response();
    }
    match set_to(&app, setting).await {
        Ok(face) => Json(face).into_response(),
        Err(error) => error.into_response(),
    }
}

/// Whether a portal's clock can show it.
fn is_a_time(unix_seconds: Option<u64>) -> bool {
    unix_seconds.is_some_and(|time| Timestamp::from_unix_seconds(time).unix_seconds() == time)
}

async fn set_to(app: &App, setting: ClockSetting) -> Result<ClockFace, ServiceError> {
    let detail = match &setting {
        ClockSetting::Set(time) => format!("set to {time}"),
        ClockSetting::Advance(seconds) => format!("advanced by {seconds} s"),
        ClockSetting::Real => "real".to_owned(),
    };
    let clock = app.clock().clone();
    let call = Call::by_administrator(Operation::SetClock).about(Subject::default().detail(detail));
    // Under the portal's lock, so that no call sees two times; and what lapses by it lapses now.
    app.service()
        .call(call, move |portal| {
            match setting {
                ClockSetting::Set(time) => clock.set(time.into()),
                ClockSetting::Advance(seconds) => clock.advance(Duration::from_secs(seconds)),
                ClockSetting::Real => clock.follow(),
            }
            tracing::warn!(time = %clock.now(), "the clock was set");
            portal.settle().map(|_| ())
        })
        .await?;
    Ok(ClockFace::of(app))
}
