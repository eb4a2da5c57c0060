//! A task from its portal's form to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::Response;
use kortlab_apdu::Channel;
use kortlab_card::{Card, PinRole, Way};
use kortlab_issuer::clock::Timestamp;
use kortlab_portal_api::task::Task;

use crate::attempts::Attempts;
use crate::config::Config;
use crate::finished::{self, Finished};
use crate::guard::{Denied, Guard};
use crate::hold::{GivenUp, Hold, Kind, Patience};
use crate::kept::Kept;
use crate::not_done::NotDone;
use crate::opener::{CardOpener, OpenCard};
use crate::origin::Origin;
use crate::pages::{Notice, Pages};
use crate::pending::{NotTaken, Pending, PendingTask, Progress};
use crate::perform::{Performed, Pins, Stopped, perform, spare_last_try};
use crate::plan::{Plan, plan};
use crate::words::Words;

/// So long a task waits for another one to let go of the card.
const CARD_PATIENCE: Duration = Duration::from_secs(30);

/// All that the agent's pages work with.
pub(crate) struct Service {
    pub(crate) pages: Pages,
    pub(crate) guard: Guard,
    pending: Pending,
    attempts: Attempts,
    config: Config,
    opener: Arc<dyn CardOpener>,
    hold: Arc<Hold>,
}

/// What a form of the agent's own asks for.
pub(crate) enum Action {
    /// Do it.
    Do(Pins),
    /// Show it again.
    Show,
    /// Do it not.
    Cancel,
}

type AnyCard = Card<Box<dyn Channel>>;

impl Service {
    /// A service for the agent at `host` (`127.0.0.1:47800`).
    pub(crate) fn new(host: &str, config: Config, opener: Arc<dyn CardOpener>) -> Self {
        let limits = config.limits;
        Self {
            pages: Pages::new(host.to_owned()),
            guard: Guard::new(host.to_owned(), config.allowed.clone()),
            pending: Pending::new(limits.tasks, limits.task_lifetime),
            attempts: Attempts::new(limits.wrong_pins, limits.pin_window),
            config,
            opener,
            hold: Arc::new(Hold::new(Patience {
                task: limits.silence,
                stopping: limits.last_silence,
            })),
        }
    }

    /// A portal asks.
    pub(crate) async fn begin(self: Arc<Self>, origin: Origin, task: &str) -> Response {
        let task = match Task::parse(task) {
            Ok(task) => task,
            Err(error) => return self.unusable(&error.to_string()),
        };
        if task.return_to.origin() != origin.as_str() {
            return self.unusable("return_to: it is not an address of the portal that asks");
        }
        tracing::info!(%origin, kind = task.work.kind().name(), "a portal asks");
        let pending = match self.pending.take(origin, task) {
            Ok(pending) => pending,
            Err(error) => return self.not_taken(error),
        };
        self.act(pending, Action::Show).await
    }

    /// A form of the agent's own was sent in.
    pub(crate) async fn go_on(self: Arc<Self>, key: &str, token: &str, action: Action) -> Response {
        match self.pending.find(key, token) {
            Some(pending) => self.act(pending, action).await,
            None => self.no_such_task(),
        }
    }

    /// What is begun with the card is finished, whether or not the browser still waits for it.
    async fn act(self: Arc<Self>, pending: Arc<PendingTask>, action: Action) -> Response {
        let service = self.clone();
        let acting = tokio::spawn(async move {
            let mut progress = pending.progress.lock().await;
            if let Some(finished) = &progress.finished {
                return service.pages.finished(&pending, finished);
            }
            match action {
                Action::Show => service.show(&pending, &mut progress, &[]).await,
                Action::Cancel => {
                    tracing::info!(origin = %pending.origin, "the visitor cancelled");
                    let finished = Finished::cancelled(&pending.task);
                    service.finish(&pending, &mut progress, finished)
                }
                Action::Do(pins) => service.perform(&pending, &mut progress, pins).await,
            }
        });
        match acting.await {
            Ok(response) => response,
            Err(_) => self.broken(),
        }
    }

    /// Finds out what the task would do, and shows it.
    async fn show(
        self: &Arc<Self>,
        pending: &Arc<PendingTask>,
        progress: &mut Progress,
        notices: &[Notice],
    ) -> Response {
        let (service, task, wrong) = (self.clone(), pending.clone(), progress.wrong_pins);
        let planned = self
            .on_card(Kind::Reading, move |card, kept, now| {
                let plan = plan(card, &task.task, kept, now)?;
                let roles = plan.work.pins();
                spare_last_try(card, roles)?;
                service.spare_pins(&task.origin, roles, wrong)?;
                Ok(plan)
            })
            .await;
        match planned {
            Ok(plan) => {
                let response = self.pages.task(pending, &plan, notices, None);
                progress.shown = Some(plan);
                response
            }
            Err(not_done) => self.stopped(pending, &not_done),
        }
    }

    /// Does what was shown, and nothing else.
    async fn perform(
        self: &Arc<Self>,
        pending: &Arc<PendingTask>,
        progress: &mut Progress,
        pins: Pins,
    ) -> Response {
        let Some(shown) = progress.shown.clone() else {
            return self.show(pending, progress, &[]).await;
        };
        let (service, task, wrong) = (self.clone(), pending.clone(), progress.wrong_pins);
        let expected = shown.clone();
        let kind = match shown.work.changes_card() {
            true => Kind::Changing,
            false => Kind::Reading,
        };
        let outcome = self
            .on_card(kind, move |card, kept, now| {
                let plan = plan(card, &task.task, kept, now)?;
                if plan != expected {
                    return Ok(Acted::OtherPlan);
                }
                service.spare_pins(&task.origin, plan.work.pins(), wrong)?;
                let performed = perform(card, &plan.work, &pins, kept, now);
                if let Err(Stopped::WrongPin { .. }) = performed {
                    // While the card is held, so that no other task is ahead of the count.
                    service.attempts.count(&task.origin, Instant::now());
                }
                Ok(Acted::Performed(performed))
            })
            .await;
        match outcome {
            Ok(Acted::OtherPlan) => {
                let words = Words::new(
                    "Kortet, eller det som finns på det, är inte detsamma som när sidan visades. Kontrollera igen.",
                    "The card, or what is on it, is not the same as when the page was shown. Check again.",
                );
                self.show(pending, progress, &[Notice::bad(words)]).await
            }
            Ok(Acted::Performed(Ok(performed))) => {
                self.performed(pending, progress, performed).await
            }
            Ok(Acted::Performed(Err(stopped))) => {
                self.not_performed(pending, progress, &shown, stopped)
            }
            Err(not_done) => self.stopped(pending, &not_done),
        }
    }

    async fn performed(
        self: &Arc<Self>,
        pending: &Arc<PendingTask>,
        progress: &mut Progress,
        performed: Performed,
    ) -> Response {
        if let Performed::Recovered(recovery) = &performed {
            tracing::info!(
                way = recovery.way.name(),
                "an interrupted change is recovered"
            );
            let words = match recovery.way {
                Way::Completed => Words::new(
                    "Den avbrutna ändringen är nu färdig. Uppgiften fortsätter.",
                    "The interrupted change is now completed. Now the task goes on.",
                ),
                Way::RolledBack => Words::new(
                    "Den avbrutna ändringen har nu tagits tillbaka. Uppgiften fortsätter.",
                    "The interrupted change is now undone. Now the task goes on.",
                ),
            };
            return self.show(pending, progress, &[Notice::good(words)]).await;
        }
        match Finished::done(&pending.task, performed) {
            Some(finished) => {
                tracing::info!(
                    origin = %pending.origin,
                    kind = pending.task.work.kind().name(),
                    "a task is done"
                );
                self.finish(pending, progress, finished)
            }
            None => self.show(pending, progress, &[]).await,
        }
    }

    fn not_performed(
        &self,
        pending: &PendingTask,
        progress: &mut Progress,
        shown: &Plan,
        stopped: Stopped,
    ) -> Response {
        match stopped {
            Stopped::NotDone(not_done) => self.stopped(pending, &not_done),
            Stopped::NoPin { role, why } => {
                let words = Words::new(
                    format!(
                        "PIN\u{2011}koden för {} skickades inte till kortet: den saknas eller har fel form. Inget försök gick åt.",
                        role.swedish()
                    ),
                    format!("No try was lost: {why}."),
                );
                let notices = [Notice::bad(words)];
                self.pages.task(pending, shown, &notices, Some(role))
            }
            Stopped::WrongPin { role, tries } => {
                progress.wrong_pins += 1;
                tracing::warn!(origin = %pending.origin, pin = role.name(), "a PIN was wrong");
                self.wrong_pin(pending, progress, shown, role, tries)
            }
        }
    }

    fn wrong_pin(
        &self,
        pending: &PendingTask,
        progress: &Progress,
        shown: &Plan,
        role: PinRole,
        tries: Option<u8>,
    ) -> Response {
        let left = tries.map_or(Words::new("okänt", "unknown"), |tries| {
            Words::new(tries.to_string(), tries.to_string())
        });
        let words = Words::new(
            format!(
                "Fel PIN\u{2011}kod för {}. Antal försök som är kvar på kortet: {}.",
                role.swedish(),
                left.swedish()
            ),
            format!(
                "The PIN for {role} is wrong. Tries left on the card: {}.",
                left.english()
            ),
        );
        if tries.is_some_and(|tries| tries < 2) {
            return self.stopped(pending, &NotDone::last_try(role).after(&words));
        }
        match self.spare_pins(&pending.origin, &[role], progress.wrong_pins) {
            Ok(()) => {
                let notices = [Notice::bad(words)];
                self.pages.task(pending, shown, &notices, Some(role))
            }
            Err(not_done) => self.stopped(pending, &not_done.after(&words)),
        }
    }

    /// Refuses to ask for PINs where too many were wrong.
    fn spare_pins(&self, origin: &Origin, roles: &[PinRole], wrong: usize) -> Result<(), NotDone> {
        if roles.is_empty() {
            return Ok(());
        }
        let most = self.config.limits.wrong_pins;
        if wrong >= most {
            return Err(NotDone::new(
                format!("Fel PIN\u{2011}kod {most} gånger. Agenten frågar inte fler gånger i den här uppgiften."),
                format!("The PIN was wrong {most} times. The agent asks no more in this task."),
            )
            .next(
                "Gå tillbaka till portalen. ”kortlab pin status” visar hur många försök som är kvar.",
                "Go back to the portal. “kortlab pin status” shows how many tries are left.",
            ));
        }
        let Some(wait) = self.attempts.wait(origin, Instant::now()) else {
            return Ok(());
        };
        let minutes = wait.as_secs().div_ceil(60).max(1);
        Err(NotDone::new(
            format!("Fel PIN\u{2011}kod {most} gånger på kort tid i uppgifter från {origin}. Agenten frågar inte igen ännu."),
            format!("The PIN was wrong {most} times of late in tasks of {origin}. The agent does not ask again yet."),
        )
        .next(
            format!("Försök igen om {minutes} minuter. ”kortlab pin status” visar hur många försök som är kvar."),
            format!("Try again in {minutes} minutes. “kortlab pin status” shows how many tries are left."),
        ))
    }

    fn finish(
        &self,
        pending: &PendingTask,
        progress: &mut Progress,
        finished: Finished,
    ) -> Response {
        let finished = progress.finished.insert(Arc::new(finished));
        self.pages.finished(pending, finished)
    }

    fn stopped(&self, pending: &PendingTask, not_done: &NotDone) -> Response {
        tracing::info!(origin = %pending.origin, why = not_done.what.english(), "a task stopped");
        let result = finished::failed(&pending.task, not_done);
        self.pages.stopped(pending, not_done, &result)
    }

    /// Works with the card, alone.
    async fn on_card<T: Send + 'static>(
        self: &Arc<Self>,
        kind: Kind,
        work: impl FnOnce(&mut AnyCard, &mut Kept, Timestamp) -> Result<T, NotDone> + Send + 'static,
    ) -> Result<T, NotDone> {
        let clock = self.config.clock.clone();
        let opener = self.opener.clone();
        let worked = self.hold.work(kind, CARD_PATIENCE, opener, move |opened| {
            let OpenCard {
                channel,
                journal,
                notes,
            } = opened?;
            let mut card = Card::open(channel)?;
            work(&mut card, &mut Kept { journal, notes }, clock.now())
        });
        worked.await.unwrap_or_else(|why| Err(why.into()))
    }

    /// Tells those who wait for the card that the agent stops.
    pub(crate) fn stop(&self) {
        self.hold.stop();
    }

    /// Whether a change of the card is under way that will come to its end.
    pub(crate) fn is_changing(&self) -> bool {
        self.hold.must_be_waited_for()
    }
}

impl From<GivenUp> for NotDone {
    fn from(why: GivenUp) -> Self {
        match why {
            GivenUp::Silent => Self::new(
                "Kortet, eller läsaren, svarar inte. Det är inte säkert vad som hann göras.",
                "The card, or the reader, does not answer. It is not certain how much was done.",
            )
            .next(
                "Ta ut kortet, sätt i det igen och försök på nytt: agenten ser då efter vad som finns på det.",
                "Take the card out, insert it again and try again: the agent then looks what is on it.",
            ),
            GivenUp::BusySilent => Self::new(
                "En tidigare uppgift väntar fortfarande på kortet, som inte svarar.",
                "An earlier task still waits for the card, which does not answer.",
            )
            .next(
                "Ta ut kortet, sätt i det igen och försök på nytt. Hjälper inte det, så starta om kortlab agent.",
                "Take the card out, insert it again and try again. If that does not help, start kortlab agent again.",
            ),
            GivenUp::Busy => Self::new(
                "En annan uppgift använder kortet.",
                "Another task uses the card.",
            )
            .next("Försök igen om en stund.", "Try again in a while."),
            GivenUp::Stopping => Self::new(
                "Agenten håller på att avslutas. Uppgiften görs inte.",
                "The agent has been told to stop. The task is not done.",
            )
            .next(
                "Starta kortlab agent igen och gå tillbaka till portalen.",
                "Start kortlab agent again and go back to the portal.",
            ),
            GivenUp::Broken => Self::new("Agenten gjorde fel.", "The agent has made a mistake."),
        }
    }
}

/// What became of a form that said: do it.
enum Acted {
    /// Nothing: the plan is not the one that was shown.
    OtherPlan,
    /// It was done, or not.
    Performed(Result<Performed, Stopped>),
}

/// Pages about no task.
impl Service {
    /// What the agent is.
    pub(crate) fn home(&self) -> Response {
        self.pages.plain(
            StatusCode::OK,
            Words::new("Kortlab-agenten är igång", "The Kortlab agent is running"),
            &[Words::new(
                "Agenten lånar ut kortet i läsaren till de portaler som står nedan, och frågar dig varje gång. Här finns inget att göra: gå till portalen.",
                "The agent lends the card in the reader to the portals listed below, and asks you each time. There is nothing to do here: go to the portal.",
            )],
            self.guard.allowed(),
        )
    }

    /// A request from somewhere that may not ask.
    pub(crate) fn denied(&self, why: Denied) -> Response {
        tracing::warn!(?why, "a request was refused");
        let words = match why {
            Denied::Host => Words::new(
                "Agenten nås bara på sin egen adress.",
                "The agent is reached at its own address only.",
            ),
            Denied::Origin => Words::new(
                "Sidan som skickade dig hit får inte använda kortet. Är det din portal, så starta agenten med portalens adress: kortlab agent --allow-origin https://…",
                "The page that sent you here may not use the card. If it is your portal, start the agent with the portal's address: kortlab agent --allow-origin https://…",
            ),
            Denied::Fetch => Words::new(
                "Agenten svarar bara på besök i ett eget fönster, inte på anrop från andra sidor.",
                "The agent answers visits in a window of their own only, not calls from other pages.",
            ),
            Denied::NoForm => Words::new(
                "Det som skickades är inget formulär.",
                "What was sent is no form.",
            ),
        };
        self.refuse(StatusCode::FORBIDDEN, &[words])
    }

    /// A form that makes no sense.
    pub(crate) fn unusable(&self, why: &str) -> Response {
        let why = crate::words::visible(why);
        self.refuse(
            StatusCode::BAD_REQUEST,
            &[Words::new(
                format!("Uppgiften kan inte läsas ({why}). Gå tillbaka till portalen."),
                format!("The task cannot be read ({why}). Go back to the portal."),
            )],
        )
    }

    /// A form that is too long, or did not come whole.
    pub(crate) fn unreadable(&self, too_long: bool) -> Response {
        let status = match too_long {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::BAD_REQUEST,
        };
        let words = Words::new(
            "Det som skickades är för långt, eller kom inte fram helt.",
            "What was sent is too long, or did not arrive whole.",
        );
        self.refuse(status, &[words])
    }

    /// Nothing is at this address, or it is asked in another way.
    pub(crate) fn nothing_here(&self, status: StatusCode) -> Response {
        let words = Words::new("Här finns ingenting.", "There is nothing here.");
        self.refuse(status, &[words])
    }

    /// A task that is not there, or not any more, or a token that is not its own.
    fn no_such_task(&self) -> Response {
        let words = Words::new(
            "Den här uppgiften finns inte, eller inte längre. Gå tillbaka till portalen och börja om.",
            "There is no such task, or not any more. Go back to the portal and begin again.",
        );
        self.refuse(StatusCode::NOT_FOUND, &[words])
    }

    fn not_taken(&self, error: NotTaken) -> Response {
        let (status, words) = match error {
            NotTaken::NameInUse => (
                StatusCode::CONFLICT,
                Words::new(
                    "En annan uppgift har redan samma namn. Gå tillbaka till portalen och börja om.",
                    "Another task has the same name already. Go back to the portal and begin again.",
                ),
            ),
            NotTaken::TooMany => (
                StatusCode::SERVICE_UNAVAILABLE,
                Words::new(
                    "För många uppgifter pågår. Avsluta dem först.",
                    "Too many tasks are under way. Finish them first.",
                ),
            ),
            NotTaken::NoRandomness => return self.broken(),
        };
        self.refuse(status, &[words])
    }

    fn broken(&self) -> Response {
        let words = Words::new("Agenten gjorde fel.", "The agent has made a mistake.");
        self.refuse(StatusCode::INTERNAL_SERVER_ERROR, &[words])
    }

    fn refuse(&self, status: StatusCode, words: &[Words]) -> Response {
        let title = Words::new("Det går inte", "Refused");
        self.pages.plain(status, title, words, &[])
    }
}
