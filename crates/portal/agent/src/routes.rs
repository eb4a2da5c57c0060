//! The agent's addresses: few, and each with its guard.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use kortlab_card::Pin;
use kortlab_portal_api::limits::TASK;
use zeroize::Zeroizing;

use crate::form::{Form, FormError};
use crate::pages::{css, protect};
use crate::perform::Pins;
use crate::service::{Action, Service};

/// A token, an action and two PINs.
const OWN_FORM: usize = 4 * 1024;
/// Where the tasks are.
const TASKS: &str = "/task/";

/// The routes of an agent.
pub(crate) fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/agent.css", get(style))
        .route("/task", post(begin))
        .route("/task/{key}", post(go_on))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(service.clone(), for_this_agent))
        .layer(map_response(|mut response: Response| async {
            protect(response.headers_mut());
            response
        }))
        .with_state(service)
}

/// A target that is a whole address (RFC 9112 §3.2.2) is this agent's, or nobody's here: neither it
/// nor Host alone decides.
async fn for_this_agent(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    match service.guard.target(request.uri()) {
        Ok(()) => next.run(request).await,
        Err(why) => service.denied(why),
    }
}

async fn home(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    match service.guard.own_page(&headers) {
        Ok(()) => service.home(),
        Err(why) => service.denied(why),
    }
}

async fn style(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    match service.guard.own_page(&headers) {
        Ok(()) => css(),
        Err(why) => service.denied(why),
    }
}

async fn begin(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    let origin = match service.guard.portal(&headers) {
        Ok(origin) => origin,
        Err(why) => return service.denied(why),
    };
    let form = match Form::read(body, TASK).await {
        Ok(form) => form,
        Err(error) => return service.unreadable(error == FormError::TooLong),
    };
    match form.fields(["task"]) {
        Ok([Some(task)]) => service.begin(origin, &task).await,
        _ => service.unusable("the form has the field task, once, and no other"),
    }
}

async fn go_on(
    State(service): State<Arc<Service>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Err(why) = service.guard.own_form(&headers) {
        return service.denied(why);
    }
    let form = match Form::read(body, OWN_FORM).await {
        Ok(form) => form,
        Err(error) => return service.unreadable(error == FormError::TooLong),
    };
    let Ok([token, action, auth, sign]) = form.fields(["token", "action", "pin-auth", "pin-sign"])
    else {
        return service.unusable("the form has other fields than those of this page");
    };
    drop(form);
    let action = match action.as_deref().map(String::as_str) {
        Some("do") => Action::Do(Pins {
            authentication: auth.and_then(pin),
            signature: sign.and_then(pin),
        }),
        Some("show") => Action::Show,
        Some("cancel") => Action::Cancel,
        _ => return service.unusable("the form has no action that is known"),
    };
    let key = uri.path().strip_prefix(TASKS).unwrap_or_default();
    let token = token.unwrap_or_default();
    service.go_on(key, &token, action).await
}

async fn not_found(State(service): State<Arc<Service>>, request: Request) -> Response {
    nothing(&service, request.headers(), StatusCode::NOT_FOUND)
}

async fn wrong_method(State(service): State<Arc<Service>>, request: Request) -> Response {
    nothing(&service, request.headers(), StatusCode::METHOD_NOT_ALLOWED)
}

fn nothing(service: &Service, headers: &HeaderMap, status: StatusCode) -> Response {
    match service.guard.own_page(headers) {
        Ok(()) => service.nothing_here(status),
        Err(why) => service.denied(why),
    }
}

/// A PIN as it was typed; none if nothing was, or far too much.
fn pin(mut typed: Zeroizing<String>) -> Option<Pin> {
    Pin::new(core::mem::take(&mut *typed).into_bytes()).ok()
}
