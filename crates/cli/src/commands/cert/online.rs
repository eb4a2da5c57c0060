//! Responders and lists that are asked for over the network: only where that is wanted, within a budget
//! of time and bytes. What comes is judged like what is given in a file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use kortlab_card::ocsp::{Question, nonce, questions};
use kortlab_card::{Against, OcspAnswer, RevocationList, Slot};
use kortlab_portal_client::bounded::{Bounds, Broken, exchange};
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use crate::output::note;

/// How long one question may take, and its connection alone.
const ONE: Duration = Duration::from_secs(10);
const CONNECTION: Duration = Duration::from_secs(5);

/// How long all of them together may take.
const ALL: Duration = Duration::from_secs(30);

/// The longest answer of a responder, and the longest list, that is taken from the network.
const MAX_ANSWER: usize = 64 << 10;
const MAX_LIST: usize = 16 << 20;

/// How often an address may lead to another one.
const MAX_REDIRECTIONS: usize = 3;

/// Whether to ask, and whom.
#[derive(Args)]
pub struct Online {
    /// Ask whether the certificates are revoked: the OCSP responders that they name, else fetch the
    /// lists that they name. Who answers learns which card is looked at, and from where
    #[arg(long)]
    online: bool,

    /// Ask this OCSP responder, and nobody that the certificates name
    #[arg(long, value_name = "URL", requires = "online")]
    responder: Option<Url>,
}

impl Online {
    /// Whether anything is to be asked.
    pub const fn is_wanted(&self) -> bool {
        self.online
    }

    /// Asks about each of these certificates, and puts what came with the rest.
    pub fn ask(&self, slots: &[Slot], against: &mut Against) {
        let network = match Network::new() {
            Ok(network) => network,
            Err(why) => {
                let answer = OcspAnswer::none("network", why);
                against.answers.push(answer);
                return;
            }
        };
        let mut fetched = Vec::new();
        for question in questions(slots, against) {
            let certificate = &question.certificate;
            if network.is_over() {
                let why = format!(
                    "all questions together took {} s; this one was not asked",
                    ALL.as_secs()
                );
                against.answers.push(OcspAnswer::none(certificate, why));
                continue;
            }
            let answers = self.responders(&question, &network);
            let is_answered = answers.iter().any(OcspAnswer::is_answered);
            against.answers.extend(answers);
            // Whoever names a responder wants nobody else to be asked.
            if is_answered || self.responder.is_some() {
                continue;
            }
            for place in &question.lists {
                if fetched.contains(place) {
                    continue;
                }
                fetched.push(place.clone());
                match network.list(place) {
                    Ok(list) => against.lists.push(list),
                    Err(why) => against.answers.push(OcspAnswer::none(place, why)),
                }
            }
        }
    }

    /// What the responders say: the first one that answers counts.
    fn responders(&self, question: &Question, network: &Network) -> Vec<OcspAnswer> {
        let own = self.responder.as_ref().map(Url::to_string);
        let places = match &own {
            Some(own) => std::slice::from_ref(own),
            None => question.responders.as_slice(),
        };
        let mut answers = Vec::new();
        for place in places {
            let nonce = match nonce() {
                Ok(nonce) => nonce,
                Err(why) => return vec![OcspAnswer::none(place, why)],
            };
            let Some(body) = question.to_der(&nonce) else {
                note(format_args!(
                    "no responder was asked about {}: that takes the certificate of {} \
                     (--issuer, --ca-dir)",
                    question.certificate, question.issuer
                ));
                return answers;
            };
            let name = format!("{place}, about {}", question.certificate);
            let answer = network
                .answer(place, body)
                .and_then(|der| OcspAnswer::parse(name.as_str(), &der).map_err(str::to_owned));
            let answer = match answer {
                Ok(answer) => answer.to_question(nonce),
                Err(why) => OcspAnswer::none(name, why),
            };
            // Those before it were no use, and nothing is lost by it.
            if answer.is_answered() {
                return vec![answer];
            }
            answers.push(answer);
        }
        answers
    }
}

/// The network, for so long.
struct Network {
    client: Client,
    until: Instant,
}

impl Network {
    fn new() -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        // Most of these places are plain HTTP (RFC 5280 §4.2.1.13): what is signed needs no TLS.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::limited(MAX_REDIRECTIONS))
            .user_agent(concat!("kortlab/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECTION)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            until: Instant::now() + ALL,
        })
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// What a responder answers to this question (RFC 6960 appendix A.1).
    fn answer(&self, place: &str, question: Vec<u8>) -> Result<Vec<u8>, String> {
        let request = self
            .client
            .post(address(place)?)
            .header(CONTENT_TYPE, "application/ocsp-request")
            .header(ACCEPT, "application/ocsp-response")
            .body(question);
        self.fetch(request, MAX_ANSWER)
    }

    /// The list that is there, DER as a rule (RFC 5280 §4.2.1.13).
    fn list(&self, place: &str) -> Result<RevocationList, String> {
        let der = self.fetch(self.client.get(address(place)?), MAX_LIST)?;
        RevocationList::parse(place, &der)
            .map_err(|why| format!("what came is no revocation list: {why}"))
    }

    fn fetch(&self, request: RequestBuilder, limit: usize) -> Result<Vec<u8>, String> {
        let left = self.until.saturating_duration_since(Instant::now());
        let bounds = Bounds {
            time: left.min(ONE),
            bytes: limit,
        };
        let whole = exchange(request, bounds).map_err(|broken| words(&broken, bounds.time))?;
        if !whole.status.is_success() {
            return Err(format!("it answered {}", whole.status));
        }
        match whole.is_too_long(bounds) {
            true => Err(format!("it is longer than {limit} bytes")),
            false => Ok(whole.body.to_vec()),
        }
    }
}

/// A place that can be asked.
fn address(place: &str) -> Result<Url, String> {
    let url = Url::parse(place).map_err(|error| format!("it is no address: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("{other} is not spoken here, only http and https")),
    }
}

/// What went wrong with a question that had so much time; without the address, which is told with it.
fn words(broken: &Broken, time: Duration) -> String {
    match broken {
        Broken::NotInTime => late("connection", time.min(CONNECTION)),
        Broken::Late(time) => late("whole answer", *time),
        Broken::Cut(why) => format!("it was cut: {why}"),
        broken => broken.to_string(),
    }
}

/// That something did not come in this time. Of the time for all questions there may be little left.
fn late(what: &str, time: Duration) -> String {
    format!("there was no {what} within {} s", time.as_secs().max(1))
}
