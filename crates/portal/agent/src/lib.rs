//! The loopback service that lends the card to the portal's web pages.
//!
//! A browser can log in with a card by itself (TLS, through a PKCS#11 module). It cannot remove a
//! certificate from it, write one, or sign a text. For that the portal's page has a form that goes
//! to this service on the visitor's own computer: a *task* ([`kortlab_portal_api::task`]). The
//! service shows a page of its own that says who asks for what on which card, and asks for the
//! PIN; does it; and gives the visitor a form that takes the result back to the portal. **The PIN
//! never reaches the portal**: it is typed on a page of this service and goes to the card.
//!
//! ```text
//! portal's page ── form: task ──> POST /task ──> "who asks for what; PIN?"
//!                                                        │ form: token, PIN
//!                                                 POST /task/{key} ──> card
//!                                                        │
//! portal <──── form: result ─────────────── "done; back to the portal"
//! ```
//!
//! There is no script in any page, and no answer has an `Access-Control-` header: pages are
//! visited, nothing is called.
//!
//! # What keeps other pages from the card
//!
//! Any web page can make a browser send a form to this computer. So, each on its own:
//!
//! - the service lets in connections of its own user only (the system tells whose they are), since
//!   any program of another user could forge all that follows; it listens on loopback only, and answers to its own address only (`Host`), which
//!   defeats names that are made to point here;
//! - `Origin` must be one of the portals it was started for, compared byte by byte; none and
//!   `null` are refused, and so is whatever the `Sec-Fetch-` headers give away as a script, a frame
//!   or an image;
//! - the result goes to the origin that has asked, and nowhere else;
//! - its own forms carry a random token for each task, and must come from its own pages;
//! - it shows first, and what it does is what it has shown: what the card holds is found out again
//!   before, and if that has changed it shows anew;
//! - it removes and writes HCCs only, writes only a pair for the card's own keys and number, and
//!   signs only texts that it would have written itself
//!   ([`kortlab_renewal::understood`]); any other is shown, and not signed;
//! - two wrong PINs for a task, or for a portal in a quarter of an hour, and it asks no more; the
//!   last try that a card has left is never used.
//!
//! # A card that falls silent
//!
//! The card is worked with on a thread of its own, which nobody has to wait for. A task is given up
//! when the card has been silent for too long, and the agent goes on; it stops at once when it is
//! told to, except that a change of the card which is under way is finished as long as the card
//! answers.
//!
//! # Where a PIN is
//!
//! In the form's body, which is wiped after it was read; in a [`kortlab_card::Pin`], which is wiped
//! when the task was carried out; and in the command to the card. The HTTP library has the body in
//! a buffer of its own, which is reused and not wiped: a PIN can stay in this process's memory for
//! a while. It is in no log, no answer, no address and no file.
//!
//! # Map
//!
//! | module | what it knows |
//! |---|---|
//! | `agent`, `config`, `peer` | starting and stopping; limits; whose connections are let in |
//! | `routes`, `guard`, `form` | HTTP: addresses, who may ask, bodies |
//! | `service`, `pending`, `attempts` | a task from beginning to end; PIN limits |
//! | `plan`, `perform`, `finished` | what would be done with the card; doing it; how it ended |
//! | `pages`, `seen`, `not_done`, `words` | what people read |
//! | `opener`, `hold`, `origin` | the way to the card, and the hold on it; the portals |
//! | `kept` | what is kept of a card on this computer |

mod agent;
mod attempts;
mod config;
mod finished;
mod form;
mod guard;
mod hold;
mod kept;
mod not_done;
mod opener;
mod origin;
mod pages;
mod peer;
mod pending;
mod perform;
mod plan;
mod routes;
mod seen;
mod service;
mod words;

pub use agent::{Agent, AgentError};
pub use config::{Config, DEFAULT_ADDRESS, Limits};
pub use opener::{CardOpener, CardUnavailable, OpenCard};
pub use origin::{Origin, OriginError};
