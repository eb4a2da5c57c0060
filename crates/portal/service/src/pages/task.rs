//! What the card is asked to do: a page that says what will happen, and whose button asks the
//! agent for it.

use askama::Template;
use axum::response::{IntoResponse, Response};
use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::card_number::CardNumber;
use kortlab_portal_api::task::{ReturnTo, SignPurpose, Task, TaskId, Work};
use kortlab_portal_core::{Portal as _, TestPageRow};

use super::certificate::CertificateView;
use super::cookies::Owner;
use super::failure::{Failure, go_to};
use super::frame::{Frame, Page};
use super::language;
use super::memory::{Aim, Pending};
use super::menu::list;
use super::notice::Notice;
use super::text::Texts;
use super::visit::{LoggedIn, Visit, random};
use crate::error::ServiceError;
use crate::operation::Operation;

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    view: TaskView,
    task: String,
    agent: String,
    agent_origin: String,
    command: String,
}

/// What a task's page says.
struct TaskView {
    title: &'static str,
    lead: &'static str,
    /// Which of the three steps of a fetch it is.
    step: Option<usize>,
    body: TaskBody,
    pin: bool,
    submit: &'static str,
}

enum TaskBody {
    Data(Vec<DataView>),
    Certificates {
        heading: &'static str,
        rows: Vec<CertificateView>,
    },
    Text {
        heading: &'static str,
        text: String,
    },
    Nothing,
}

struct DataView {
    label: &'static str,
    value: String,
}

/// Gives the owner's card something to do.
pub(super) fn give(
    visit: &Visit,
    owner: Owner,
    work: Work,
    aim: Aim,
    card_number: Option<CardNumber>,
) -> Result<(), Failure> {
    let app = &visit.app;
    let id = TaskId::new(random()?);
    let return_to = app
        .places()
        .main
        .join(&format!(
            "task/{}?{}",
            id.expose(),
            language::query(visit.t.0)
        ))
        .ok()
        .and_then(|url| ReturnTo::parse(url.as_str()).ok())
        .ok_or_else(|| Failure::from(ServiceError::Internal))?;
    let task = Task {
        id,
        return_to,
        card_number,
        language: visit.t.0,
        work,
    };
    app.pages().give(owner, Pending { task, aim }, app.now());
    Ok(())
}

/// `GET /task`: what the session's card is asked for.
pub(super) async fn task(holder: LoggedIn) -> Result<Response, Failure> {
    let app = &holder.visit.app;
    let t = holder.visit.t;
    let owner = holder.seal.owner;
    let Some(pending) = app.pages().pending(owner, app.now()) else {
        app.pages()
            .tell(owner, Notice::remark(t.task_none()), app.now());
        return Ok(go_to("/menu"));
    };
    let view = match &pending.task.work {
        Work::Show => show(t),
        Work::Remove { serials } => {
            let entries = list(&holder).await?;
            let rows = entries
                .iter()
                .filter(|entry| {
                    serials
                        .iter()
                        .any(|serial| serial.as_bytes() == entry.summary.serial)
                })
                .map(|entry| CertificateView::of_entry(entry, t))
                .collect();
            remove(t, rows)
        }
        Work::Request { order } => {
            let data = order.data_to_check();
            let lines = data.into_iter().map(|line| DataView {
                label: t.either(line.swedish, line.english),
                value: line.value,
            });
            request(t, lines.collect())
        }
        Work::Write {
            authentication,
            signature,
        } => {
            let pair = [authentication, signature].map(|one| one.as_bytes().to_vec());
            let rows = holder
                .call(Operation::TestPage, move |portal, _| {
                    portal.test_page(&pair)
                })
                .await?;
            write(t, &rows)
        }
        Work::Sign { text, purpose } => sign(t, *purpose, text.clone()),
    };
    let page = page(&holder.visit, holder.frame(), view, &pending.task);
    let agent = app.pages().agent();
    Ok(holder.page(page).posts_to(agent).into_response())
}

/// `GET /test/task`: what the test page asks the card for.
pub(super) async fn test_task(visit: Visit) -> Response {
    let app = &visit.app;
    let pending = visit
        .seal()
        .and_then(|seal| app.pages().pending(seal.owner, app.now()));
    let view = match pending.as_ref().map(|pending| &pending.task.work) {
        Some(Work::Show) => show(visit.t),
        Some(Work::Sign { text, purpose }) => sign(visit.t, *purpose, text.clone()),
        _ => return go_to("/test"),
    };
    let Some(pending) = pending else {
        return go_to("/test");
    };
    let mut frame = visit.frame();
    frame.notice = visit.seal().and_then(|seal| app.pages().told(seal.owner));
    let page = page(&visit, frame, view, &pending.task);
    Page::new(page)
        .posts_to(app.pages().agent())
        .into_response()
}

fn page(visit: &Visit, frame: Frame, view: TaskView, task: &Task) -> TaskPage {
    let origin = visit.app.places().main.origin().ascii_serialization();
    let agent = visit.app.pages().agent();
    TaskPage {
        frame,
        view,
        task: task.to_json(),
        agent: format!("{agent}/task"),
        agent_origin: agent.to_owned(),
        command: format!("kortlab agent --allow-origin {origin}"),
    }
}

impl TaskPage {
    fn step_of(&self, step: &usize) -> String {
        self.frame.t.step_of(*step)
    }

    /// Whether what there is to do comes before what it is done with.
    fn acts_first(&self) -> bool {
        matches!(self.view.body, TaskBody::Certificates { .. })
    }

    fn is_test(&self) -> bool {
        self.frame.session.is_none()
    }
}

fn show(t: Texts) -> TaskView {
    TaskView {
        title: t.test_show(),
        lead: t.test_show_lead(),
        step: None,
        body: TaskBody::Nothing,
        pin: false,
        submit: t.test_show_submit(),
    }
}

fn remove(t: Texts, rows: Vec<CertificateView>) -> TaskView {
    TaskView {
        title: t.remove_title(),
        lead: t.remove_lead(),
        step: None,
        body: TaskBody::Certificates {
            heading: t.remove_list(),
            rows,
        },
        pin: true,
        submit: t.remove_submit(),
    }
}

fn request(t: Texts, lines: Vec<DataView>) -> TaskView {
    TaskView {
        title: t.request_title(),
        lead: t.request_lead(),
        step: Some(1),
        body: TaskBody::Data(lines),
        pin: true,
        submit: t.request_submit(),
    }
}

fn write(t: Texts, rows: &[TestPageRow]) -> TaskView {
    // What is on hold is fetched for the first time; what is valid is put back.
    let is_new = rows.iter().any(|row| row.state == CertificateState::OnHold);
    TaskView {
        title: t.write_title(),
        lead: match is_new {
            true => t.write_lead(),
            false => t.write_again_lead(),
        },
        step: is_new.then_some(2),
        body: TaskBody::Certificates {
            heading: t.write_list(),
            rows: rows
                .iter()
                .map(|row| CertificateView::of_row(row, t))
                .collect(),
        },
        pin: true,
        submit: t.write_submit(),
    }
}

fn sign(t: Texts, purpose: SignPurpose, text: String) -> TaskView {
    match purpose {
        SignPurpose::Receipt => TaskView {
            title: t.receipt_title(),
            lead: t.receipt_lead(),
            step: Some(3),
            body: TaskBody::Text {
                heading: t.receipt_text(),
                text,
            },
            pin: true,
            submit: t.receipt_submit(),
        },
        SignPurpose::Trial => TaskView {
            title: t.sign_title(),
            lead: t.sign_lead(),
            step: None,
            body: TaskBody::Text {
                heading: t.sign_text(),
                text,
            },
            pin: true,
            submit: t.sign_submit(),
        },
    }
}
