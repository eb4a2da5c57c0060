//! What came of a task: posted by the agent's page to the task's address.
//!
//! The request comes from another site, so no cookie comes along, and whoever knows the task's id
//! may send it, once. Nothing of it is shown here: the browser is sent on to a page that it sees
//! with its own cookie.

use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::http::header::ORIGIN;
use axum::response::Response;
use kortlab_issuer::inspect::CertificateSummary;
use kortlab_portal_api::orders::ApprovalRequest;
use kortlab_portal_api::task::{Done, Outcome, TaskId, TaskResult, Work};
use kortlab_portal_api::{Binary, Serial};
use kortlab_portal_core::{Approval, OrderId, Portal as _, PortalError, SessionToken};

use super::cookies::Owner;
use super::failure::{Failure, go_to};
use super::fetch::{sign_receipt, write};
use super::form::Fields;
use super::memory::{Aim, Pending, Signed};
use super::notice::Notice;
use super::task::give;
use super::visit::Visit;
use crate::error::ServiceError;
use crate::event::Subject;
use crate::operation::Operation;
use crate::service::Call;

/// Bytes of a result as a form: every certificate of a full card, in base64 and escaped.
const LIMIT: usize = 512 * 1024;
/// Bytes of certificates that are kept for the test page: more than any card has room for.
const MAX_SHOWN: usize = 128 * 1024;

/// `POST /task/{id}`
pub(super) async fn result(
    visit: Visit,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let app = visit.app.clone();
    let id: TaskId = id.parse().map_err(|_| Failure::TaskOver)?;
    // Before the body is read: it may be long.
    let owner = app.pages().owner(&id, app.now()).ok_or(Failure::TaskOver)?;
    let own = visit.owners();
    if !own.is_empty() && !own.contains(&owner) {
        return Err(Failure::TaskOver);
    }
    if let Some(origin) = request.headers().get(ORIGIN)
        && origin.as_bytes() != app.pages().agent().as_bytes()
    {
        return Err(Failure::Forgery);
    }
    let fields = Fields::read(request, LIMIT).await?;
    let result = fields.one("result").unwrap_or_default();
    let result = TaskResult::parse(result).map_err(|error| {
        tracing::warn!(%error, "a task's result cannot be read");
        Failure::Status(StatusCode::BAD_REQUEST)
    })?;
    let (owner, pending) = app.pages().take(&id, app.now()).ok_or(Failure::TaskOver)?;
    let returned = ReturnedTask {
        visit: visit.in_language(pending.task.language),
        owner,
        pending,
    };
    returned.settle(result).await.map(go_to)
}

/// A task whose result is here.
struct ReturnedTask {
    visit: Visit,
    owner: Owner,
    pending: Pending,
}

/// Where the browser goes now.
type Next = Result<&'static str, Failure>;

impl ReturnedTask {
    async fn settle(self, result: TaskResult) -> Next {
        if !result.answers(&self.pending.task) {
            self.wait_on();
            return Err(Failure::Status(StatusCode::BAD_REQUEST));
        }
        let t = self.visit.t;
        let done = match result.outcome {
            Outcome::Done(done) => done,
            Outcome::Cancelled => {
                self.tell(Notice::remark(t.cancelled()));
                return Ok(self.start());
            }
            Outcome::Failed => {
                let lines = [t.agent_failed(), &result.message, t.agent_nothing_lost()];
                self.tell(Notice::bad(lines.map(str::to_owned).to_vec()));
                return self.again();
            }
        };
        match self.take_over(done).await {
            Err(Failure::Service(error)) => match error.as_ref() {
                // The session is over, and no page of it is left to tell why.
                ServiceError::Refused(PortalError::CardNotUsable { .. }) => {
                    Err(Failure::Service(error))
                }
                ServiceError::Refused(refusal) => self.refused(refusal),
                // The browser can send the same once more.
                _ => {
                    self.wait_on();
                    Err(Failure::Service(error))
                }
            },
            next => next,
        }
    }

    async fn take_over(&self, done: Done) -> Next {
        match (done, self.pending.aim.clone()) {
            (Done::Shown { certificates }, Aim::Test) => self.shown(certificates),
            (Done::Signed { signed }, Aim::Test) => self.tried(signed).await,
            (Done::Removed { serials }, Aim::Session(token)) => self.removed(token, serials).await,
            (Done::Requested { approval }, Aim::Order(token, order)) => {
                self.requested(token, order, *approval).await
            }
            (Done::Written { serials }, Aim::Order(token, order)) => {
                self.written(token, order, &serials).await
            }
            (Done::Signed { signed }, Aim::Order(token, order)) => {
                self.receipt_signed(token, order, signed).await
            }
            _ => Err(Failure::Status(StatusCode::BAD_REQUEST)),
        }
    }

    fn shown(&self, certificates: Vec<Binary>) -> Next {
        let size: usize = certificates.iter().map(|one| one.as_bytes().len()).sum();
        if size > MAX_SHOWN {
            return Err(Failure::Status(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let app = &self.visit.app;
        let certificates = certificates.into_iter().map(Binary::into_bytes).collect();
        app.pages().show(self.owner, certificates, app.now());
        Ok("/test")
    }

    async fn tried(&self, signed: Binary) -> Next {
        let service = self.visit.app.service();
        let row = service
            .call(Operation::TrySignature, move |portal| {
                portal.try_signature(signed.as_bytes())
            })
            .await?;
        let t = self.visit.t;
        let summary = row.summary;
        self.tell(Notice::good(format!(
            "{} {}: {}, {}.",
            t.tried_signature(),
            t.certificate(),
            summary.holder,
            summary.issuer
        )));
        Ok("/test")
    }

    /// Only what was asked for is noted.
    async fn removed(&self, token: SessionToken, mut serials: Vec<Serial>) -> Next {
        if let Work::Remove { serials: asked } = &self.pending.task.work {
            serials.retain(|serial| asked.contains(serial));
        }
        let count = serials.len();
        let subject = serials.iter().fold(Subject::default(), |subject, serial| {
            subject.certificate(serial.as_bytes())
        });
        let call = Call::in_session(Operation::Removed, &token).about(subject);
        let service = self.visit.app.service();
        service
            .call(call, move |portal| {
                serials
                    .iter()
                    .try_for_each(|serial| portal.removed(&token, serial.as_bytes()))
            })
            .await?;
        self.tell(Notice::good(self.visit.t.removed(count)));
        Ok("/certificates")
    }

    async fn requested(
        &self,
        token: SessionToken,
        order: OrderId,
        approval: ApprovalRequest,
    ) -> Next {
        let service = self.visit.app.service();
        let pair = service
            .approve(token.clone(), order, Approval::from(approval))
            .await?;
        self.give(write(&pair), Aim::Order(token, order))?;
        self.tell(Notice::good(self.visit.t.approved_note()));
        Ok("/task")
    }

    async fn written(&self, token: SessionToken, order: OrderId, serials: &[Serial]) -> Next {
        let t = self.visit.t;
        if !self.are_all_written(serials) {
            self.tell(Notice::bad(vec![t.write_incomplete().to_owned()]));
            return self.again();
        }
        let call = Call::in_session(Operation::Receipt, &token);
        let asking = token.clone();
        let service = self.visit.app.service();
        let receipt = service
            .call(call, move |portal| portal.receipt(&asking))
            .await?;
        match receipt.filter(|receipt| receipt.order == order) {
            Some(receipt) => {
                self.give(sign_receipt(receipt), Aim::Order(token, order))?;
                self.tell(Notice::good(t.written_note()));
                Ok("/task")
            }
            None => {
                self.tell(Notice::good(t.done_no_receipt()));
                Ok("/menu")
            }
        }
    }

    fn are_all_written(&self, serials: &[Serial]) -> bool {
        let Work::Write {
            authentication,
            signature,
        } = &self.pending.task.work
        else {
            return false;
        };
        [authentication, signature].into_iter().all(|certificate| {
            CertificateSummary::from_der(certificate.as_bytes()).is_ok_and(|summary| {
                serials
                    .iter()
                    .any(|serial| serial.as_bytes() == summary.serial)
            })
        })
    }

    async fn receipt_signed(&self, token: SessionToken, order: OrderId, signed: Binary) -> Next {
        let call =
            Call::in_session(Operation::SignReceipt, &token).about(Subject::default().order(order));
        let service = self.visit.app.service();
        service
            .call(call, move |portal| {
                portal.sign_receipt(&token, order, signed.as_bytes())
            })
            .await?;
        if let Work::Sign { text, .. } = &self.pending.task.work {
            let app = &self.visit.app;
            let text = text.clone();
            app.pages()
                .keep_receipt(self.owner, Signed { order, text }, app.now());
        }
        Ok("/done")
    }

    /// The portal does not accept it. What another card, or another key of it, would set right is
    /// asked for again.
    fn refused(&self, refusal: &PortalError) -> Next {
        self.tell(self.visit.t.portal_error(refusal).into());
        match refusal {
            PortalError::WrongCard { .. }
            | PortalError::ForeignKey { .. }
            | PortalError::SignedWithAuthenticationKey { .. }
            | PortalError::SignedWithForeignKey { .. }
            | PortalError::UnknownCertificate { .. }
            | PortalError::Document(_) => self.again(),
            _ => Ok(self.start()),
        }
    }

    /// The same is asked for again, as a new task.
    fn again(&self) -> Next {
        let work = self.pending.task.work.clone();
        self.give(work, self.pending.aim.clone())?;
        Ok(match self.pending.aim {
            Aim::Test => "/test/task",
            Aim::Session(_) | Aim::Order(..) => "/task",
        })
    }

    /// The same task goes on waiting.
    fn wait_on(&self) {
        let app = &self.visit.app;
        app.pages()
            .give(self.owner, self.pending.clone(), app.now());
    }

    /// Where the task came from.
    fn start(&self) -> &'static str {
        match self.pending.aim {
            Aim::Test => "/test",
            Aim::Session(_) => "/certificates",
            Aim::Order(..) => "/menu",
        }
    }

    fn give(&self, work: Work, aim: Aim) -> Result<(), Failure> {
        let card = self.pending.task.card_number;
        give(&self.visit, self.owner, work, aim, card)
    }

    fn tell(&self, notice: Notice) {
        let app = &self.visit.app;
        app.pages().tell(self.owner, notice, app.now());
    }
}
