//! The agent's own pages. They are complete as they come: no script, nothing from elsewhere.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kortlab_card::PinRole;
use kortlab_issuer::inspect::{Colour, Purpose};
use kortlab_portal_api::task::{Language, Outcome, SignPurpose, TaskResult};
use kortlab_portal_core::DataLine;
use kortlab_renewal::understood::Difference;

use crate::finished::Finished;
use crate::not_done::NotDone;
use crate::origin::Origin;
use crate::pending::PendingTask;
use crate::plan::{Plan, Work, approval_text};
use crate::seen::Seen;
use crate::words::{Words, visible};

const CSS: &str = include_str!("../assets/agent.css");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What every page has.
#[derive(Clone, Copy)]
struct Frame<'a> {
    language: Language,
    host: &'a str,
}

impl Frame<'_> {
    fn t<'t>(&self, swedish: &'t str, english: &'t str) -> &'t str {
        match self.language {
            Language::Swedish => swedish,
            Language::English => english,
        }
    }

    fn w<'t>(&self, words: &'t Words) -> &'t str {
        words.of(self.language)
    }

    fn is_english(&self) -> bool {
        self.language == Language::English
    }

    fn line(&self, line: &DataLine) -> &'static str {
        self.t(line.swedish, line.english)
    }

    fn visible(&self, text: &str) -> String {
        visible(text)
    }

    fn kind(&self, seen: &Seen) -> &'static str {
        match seen.summary.colour {
            Colour::Blue => self.t("Kortutgivaren", "Carrier"),
            Colour::Pink => "HCC",
            Colour::Other => self.t("Annat", "Other"),
        }
    }

    fn purpose(&self, seen: &Seen) -> &'static str {
        let english = match seen.summary.purpose {
            Purpose::Authentication => "Legitimering (authentication)",
            Purpose::Signature => "Underskrift (signature)",
            Purpose::Other => "other",
        };
        self.t(seen.summary.purpose.swedish(), english)
    }
}

/// A remark above what a page is about.
pub(crate) struct Notice {
    class: &'static str,
    role: &'static str,
    words: Words,
}

impl Notice {
    /// Something is wrong.
    pub(crate) fn bad(words: Words) -> Self {
        Self {
            class: "bad",
            role: "alert",
            words,
        }
    }

    /// Something was done.
    pub(crate) fn good(words: Words) -> Self {
        Self {
            class: "good",
            role: "status",
            words,
        }
    }
}

/// Certificates under a heading.
struct Group<'a> {
    heading: Words,
    certificates: Vec<&'a Seen>,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage<'a> {
    frame: Frame<'a>,
    origin: &'a Origin,
    key: &'a str,
    token: &'a str,
    plan: &'a Plan,
    title: Words,
    lead: Words,
    notices: &'a [Notice],
    cautions: Vec<Notice>,
    groups: Vec<Group<'a>>,
    lines: Vec<DataLine>,
    text: Option<String>,
    remark: Option<Words>,
    button: Words,
    wrong: Option<PinRole>,
}

impl TaskPage<'_> {
    /// The field that was wrong, or else the first.
    fn is_focused(&self, role: &PinRole) -> bool {
        match self.wrong {
            Some(wrong) => wrong == *role,
            None => self.plan.work.pins().first() == Some(role),
        }
    }

    fn is_wrong(&self, role: &PinRole) -> bool {
        self.wrong == Some(*role)
    }
}

#[derive(Template)]
#[template(path = "stopped.html")]
struct StoppedPage<'a> {
    frame: Frame<'a>,
    origin: &'a Origin,
    key: &'a str,
    token: &'a str,
    not_done: &'a NotDone,
    return_to: &'a str,
    result: String,
}

#[derive(Template)]
#[template(path = "finished.html")]
struct FinishedPage<'a> {
    frame: Frame<'a>,
    origin: &'a Origin,
    finished: &'a Finished,
    class: &'static str,
    return_to: &'a str,
    result: String,
}

#[derive(Template)]
#[template(path = "plain.html")]
struct PlainPage<'a> {
    frame: Frame<'a>,
    title: Words,
    paragraphs: &'a [Words],
    portals: &'a [Origin],
}

/// The pages of the agent at one address.
#[derive(Debug)]
pub(crate) struct Pages {
    host: String,
}

impl Pages {
    /// The pages of the agent at `host` (`127.0.0.1:47800`).
    pub(crate) fn new(host: String) -> Self {
        Self { host }
    }

    /// What a task would do, and the form that has it done.
    pub(crate) fn task(
        &self,
        pending: &PendingTask,
        plan: &Plan,
        notices: &[Notice],
        wrong: Option<PinRole>,
    ) -> Response {
        let [title, lead, button] = describe(&plan.work);
        let page = TaskPage {
            cautions: cautions(&plan.work),
            frame: self.frame(pending.task.language),
            origin: &pending.origin,
            key: &pending.key,
            token: pending.token.expose(),
            plan,
            title,
            lead,
            notices,
            groups: groups(&plan.work),
            lines: match &plan.work {
                Work::Request { order, .. } => order.data_to_check(),
                _ => Vec::new(),
            },
            text: text(&plan.work),
            remark: remark(&plan.work),
            button,
            wrong,
        };
        respond(StatusCode::OK, &page, None)
    }

    /// Why a task is not done now.
    pub(crate) fn stopped(
        &self,
        pending: &PendingTask,
        not_done: &NotDone,
        result: &TaskResult,
    ) -> Response {
        let page = StoppedPage {
            frame: self.frame(pending.task.language),
            origin: &pending.origin,
            key: &pending.key,
            token: pending.token.expose(),
            not_done,
            return_to: pending.task.return_to.expose(),
            result: result.to_json(),
        };
        respond(StatusCode::OK, &page, Some(&pending.origin))
    }

    /// How a task ended, and the way back.
    pub(crate) fn finished(&self, pending: &PendingTask, finished: &Finished) -> Response {
        let page = FinishedPage {
            frame: self.frame(pending.task.language),
            origin: &pending.origin,
            finished,
            class: match finished.result.outcome {
                Outcome::Done(_) => "good",
                Outcome::Cancelled | Outcome::Failed => "bad",
            },
            return_to: pending.task.return_to.expose(),
            result: finished.result.to_json(),
        };
        respond(StatusCode::OK, &page, Some(&pending.origin))
    }

    /// A page about no task, in both languages.
    pub(crate) fn plain(
        &self,
        status: StatusCode,
        title: Words,
        paragraphs: &[Words],
        portals: &[Origin],
    ) -> Response {
        let page = PlainPage {
            frame: self.frame(Language::Swedish),
            title,
            paragraphs,
            portals,
        };
        respond(status, &page, None)
    }

    fn frame(&self, language: Language) -> Frame<'_> {
        Frame {
            language,
            host: &self.host,
        }
    }
}

/// The style sheet.
pub(crate) fn css() -> Response {
    let mut response = CSS.into_response();
    let css = HeaderValue::from_static("text/css; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, css);
    response
}

/// The headers that every answer has: nothing is run, embedded, framed, kept or told to others.
pub(crate) fn protect(headers: &mut HeaderMap) {
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
        ));
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Of a form's own origin, its target may know; of the task's address nobody.
        (REFERRER_POLICY, "strict-origin"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A page whose forms go to the agent itself and, if `portal` is given, back to that portal.
fn respond(status: StatusCode, page: &impl Template, portal: Option<&Origin>) -> Response {
    let Ok(html) = page.render() else {
        // Nothing in a template can fail but running out of memory.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let back = portal.map_or(String::new(), |portal| format!(" {portal}"));
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self'{back}; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Title, first sentences and button.
fn describe(work: &Work) -> [Words; 3] {
    match work {
        Work::Recover { .. } => [
            Words::new(
                "Först: en ändring som avbröts",
                "First: a change that was interrupted",
            ),
            Words::new(
                "En tidigare ändring av kortet blev inte färdig. Den görs nu färdig eller tas tillbaka, så att kortet är helt igen. Därefter fortsätter uppgiften.",
                "An earlier change of the card was not finished. It is now completed or undone, so that the card is whole again. Then the task goes on.",
            ),
            Words::new("Fortsätt", "Go on"),
        ],
        Work::Show(_) => [
            Words::new(
                "Visa kortets certifikat för portalen",
                "Show the card's certificates to the portal",
            ),
            Words::new(
                "Portalen vill läsa certifikaten på kortet. Inget på kortet ändras, och ingen PIN\u{2011}kod behövs.",
                "The portal wants to read the certificates on the card. Nothing on the card is changed, and no PIN is needed.",
            ),
            Words::new("Visa certifikaten", "Show the certificates"),
        ],
        Work::Remove { .. } => [
            Words::new("Ta bort HCC från kortet", "Remove HCCs from the card"),
            Words::new(
                "Certifikaten nedan tas bort från kortet. Kortets nycklar och kortutgivarens certifikat finns kvar.",
                "The certificates below are removed from the card. The card's keys and the carrier's certificates stay.",
            ),
            Words::new("Ta bort", "Remove"),
        ],
        Work::Request { .. } => [
            Words::new(
                "Hämta nytt HCC: skriv under beställningen",
                "Fetch new HCCs: sign the order",
            ),
            Words::new(
                "För var och en av kortets två nycklar begärs ett certifikat, och du skriver under beställningen. Kontrollera uppgifterna först.",
                "Each of the card's two keys requests a certificate, and you sign the order. Check the data first.",
            ),
            Words::new("Skriv under", "Sign"),
        ],
        Work::Write { .. } => [
            Words::new(
                "Skriv certifikaten till kortet",
                "Write the certificates to the card",
            ),
            Words::new(
                "Certifikaten nedan skrivs till kortet, och läses tillbaka. Låt kortet sitta i läsaren tills det är klart.",
                "The certificates below are written to the card, and read back. Leave the card in the reader until it is done.",
            ),
            Words::new("Skriv till kortet", "Write to the card"),
        ],
        Work::Sign {
            purpose: SignPurpose::Receipt,
            ..
        } => [
            Words::new("Kvittera kort", "Sign the receipt (Kvittera kort)"),
            Words::new(
                "Läs kvittensen. När den är underskriven börjar certifikaten gälla.",
                "Read the receipt. Once it is signed the certificates become valid.",
            ),
            Words::new("Signera", "Sign"),
        ],
        Work::Sign {
            purpose: SignPurpose::Trial,
            ..
        } => [
            Words::new("Prova underskrift", "Try a signature"),
            Words::new(
                "Portalen vill att kortet skriver under texten nedan, för att prova det. Skriv bara under det som du står för.",
                "The portal wants the card to sign the text below, to try it. Sign only what you stand for.",
            ),
            Words::new("Skriv under", "Sign"),
        ],
    }
}

fn groups(work: &Work) -> Vec<Group<'_>> {
    let group = |swedish, english, certificates: Vec<_>| {
        (!certificates.is_empty()).then(|| Group {
            heading: Words::new(swedish, english),
            certificates,
        })
    };
    let all = match work {
        Work::Recover { .. } => [None, None],
        Work::Show(seen) => [
            group(
                "Certifikat som visas",
                "Certificates that are shown",
                seen.iter().collect(),
            ),
            None,
        ],
        Work::Remove { certificates, .. } => [
            group(
                "Tas bort från kortet",
                "Removed from the card",
                certificates.iter().collect(),
            ),
            None,
        ],
        Work::Request { signer, .. } | Work::Sign { signer, .. } => [
            group("Skrivs under med", "Signed with", vec![signer.as_ref()]),
            None,
        ],
        Work::Write {
            certificates,
            present,
            ..
        } => [
            group(
                "Skrivs till kortet",
                "Written to the card",
                certificates.iter().map(|(_, seen)| seen).collect(),
            ),
            group(
                "Finns redan på kortet",
                "On the card already",
                present.iter().collect(),
            ),
        ],
    };
    all.into_iter().flatten().collect()
}

/// The text that is signed, as far as it is known before.
fn text(work: &Work) -> Option<String> {
    match work {
        Work::Sign { text, .. } => Some(text.clone()),
        Work::Request { order, .. } => Some(approval_text(order)),
        _ => None,
    }
}

/// What the reader must not miss: what an order, or a pair, says that the card's certificates do not, and
/// that what is to be removed may be of use still.
fn cautions(work: &Work) -> Vec<Notice> {
    if let Work::Remove { in_time, .. } = work {
        return still_valid(in_time).into_iter().collect();
    }
    let (differences, notice): (_, fn(&Difference) -> Notice) = match work {
        Work::Request { differences, .. } => (differences, of_order),
        Work::Write { differences, .. } => (differences, of_pair),
        _ => return Vec::new(),
    };
    differences.iter().map(notice).collect()
}

/// Whether they are revoked the agent does not know.
fn still_valid(serials: &[String]) -> Option<Notice> {
    let listed = serials.join(", ");
    (!serials.is_empty()).then(|| {
        Notice::bad(Words::new(
            format!(
                "Giltighetstiden är inte slut för serienummer {listed}. Ta bara bort sådana certifikat om de är spärrade eller ersatta."
            ),
            format!(
                "The time of validity is not over for serial number {listed}. Remove such certificates only if they are revoked or replaced."
            ),
        ))
    })
}

fn of_order(difference: &Difference) -> Notice {
    let on_card = visible(&difference.on_card.join(" / "));
    let line = &difference.line;
    Notice::bad(Words::new(
        format!(
            "{} i beställningen är inte som på kortet, där det står {on_card}. Skriv bara under om det nya är rätt.",
            line.swedish
        ),
        format!(
            "{} in the order is not as on the card, which says {on_card}. Sign only if the new one is right.",
            line.english
        ),
    ))
}

fn of_pair(difference: &Difference) -> Notice {
    let on_card = visible(&difference.on_card.join(" / "));
    let line = &difference.line;
    let value = visible(&line.value);
    Notice::bad(Words::new(
        format!(
            "{} i certifikaten är {value}, och inte som på kortet, där det står {on_card}. Skriv dem bara till kortet om det nya är rätt.",
            line.swedish
        ),
        format!(
            "{} in the certificates is {value}, and not as on the card, which says {on_card}. Write them to the card only if the new one is right.",
            line.english
        ),
    ))
}

/// What a journal calls its change (`write 2, remove 1`).
fn purpose_in_swedish(purpose: &str) -> String {
    let purpose = purpose.replace("write ", "skriva ");
    visible(&purpose.replace("remove ", "ta bort "))
}

fn remark(work: &Work) -> Option<Words> {
    match work {
        Work::Recover { purpose } => Some(Words::new(
            format!(
                "Den avbrutna ändringen (antal certifikat): {}.",
                purpose_in_swedish(purpose)
            ),
            format!(
                "The interrupted change (certificates): {}.",
                visible(purpose)
            ),
        )),
        Work::Request { .. } => Some(Words::new(
            "Sist i texten läggs kontrollsummorna (SHA-256) för de två begärandena till. De kan räknas ut först när kortet har gjort begärandena, och visas efteråt.",
            "The digests (SHA-256) of the two requests are added at the end of the text. They exist once the card has made the requests, and are shown afterwards.",
        )),
        Work::Remove { absent, .. } if !absent.is_empty() => {
            let serials: Vec<_> = absent.iter().map(ToString::to_string).collect();
            let serials = serials.join(", ");
            Some(Words::new(
                format!("Finns inte längre på kortet (serienummer): {serials}."),
                format!("Not on the card any more (serial numbers): {serials}."),
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_was_interrupted_is_told_in_the_reader_s_language_and_made_safe() {
        let purpose = "write 2, remove 1\u{202e}".to_owned();
        let words = remark(&Work::Recover { purpose }).expect("words");
        let swedish = words.of(Language::Swedish);
        assert!(
            swedish.ends_with("skriva 2, ta bort 1\\u{202e}."),
            "{swedish}"
        );
        let english = words.of(Language::English);
        assert!(
            english.ends_with("write 2, remove 1\\u{202e}."),
            "{english}"
        );
    }
}
