//! A portal, a card in this process, an agent that has the card, and a browser's part in bare
//! HTTP.

// Each test program uses a part of this.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kortlab_agent::{Agent, Config, Limits, OpenCard};
use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_card::{Card, CardError, ErrorKind, FileJournal, Pin};
use kortlab_emulator::{CardRng, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};
use kortlab_portal_api::Binary;
use kortlab_portal_api::task::{Done, Language, Outcome, ReturnTo, Task, TaskId, TaskResult, Work};
use kortlab_portal_core::{Portal as _, Session};
use kortlab_renewal::card::{CardLogIn, certificates};
use kortlab_renewal::notes::FileNotes;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use kortlab_renewal::world::TestWorld;
use tempfile::TempDir;

pub const PORTAL: &str = "https://localhost:8443";
pub const OTHER_PORTAL: &str = "https://other.example";
// Not the usual ones, which are part of many a test number.
pub const AUTHENTICATION_PIN: &str = "481926";
pub const SIGNATURE_PIN: &str = "730582";

/// The card in the reader, if there is one.
pub type Reader = Arc<Mutex<Option<InProcess>>>;

/// Lets a card fall silent in the middle of a change: as soon as the journal has one.
pub struct Pause {
    journal: PathBuf,
    /// Nothing happens, at the next change, now.
    state: AtomicU8,
}

impl Pause {
    pub fn at_the_next_change(&self) {
        self.state.store(1, Ordering::SeqCst);
    }

    /// The card is silent from now on.
    pub fn now(&self) {
        self.state.store(2, Ordering::SeqCst);
    }

    pub fn has_begun(&self) -> bool {
        self.state.load(Ordering::SeqCst) == 2
    }

    pub fn end(&self) {
        self.state.store(0, Ordering::SeqCst);
    }

    fn wait(&self) {
        let under_way =
            || std::fs::read_dir(&self.journal).is_ok_and(|mut all| all.next().is_some());
        if self.state.load(Ordering::SeqCst) == 1 && under_way() {
            self.state.store(2, Ordering::SeqCst);
        }
        while self.has_begun() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub struct Lab {
    pub agent: Agent,
    pub pause: Arc<Pause>,
    pub reader: Reader,
    pub world: TestWorld,
    pub directory: TempDir,
}

impl Lab {
    pub fn new(state: CardState, protocol: Protocol) -> Self {
        Self::with(state, protocol, Limits::default())
    }

    pub fn with(state: CardState, protocol: Protocol, limits: Limits) -> Self {
        let (card, world) = card(state, protocol, 11);
        let directory = tempfile::tempdir().unwrap();
        let reader = Arc::new(Mutex::new(Some(card)));
        let pause = Arc::new(Pause {
            journal: directory.path().join("journal"),
            state: AtomicU8::new(0),
        });
        let agent = agent(&reader, &pause, &world, limits);
        Self {
            agent,
            pause,
            reader,
            world,
            directory,
        }
    }

    /// Another agent with the same card and journal.
    pub fn fresh_agent(&self) -> Agent {
        agent(&self.reader, &self.pause, &self.world, Limits::default())
    }

    pub fn host(&self) -> String {
        self.agent.address().to_string()
    }

    pub fn card(&self) -> MutexGuard<'_, Option<InProcess>> {
        self.reader.lock().unwrap()
    }

    /// The card's image as JSON.
    pub fn image(&self) -> String {
        self.card().as_ref().unwrap().card().image().to_json()
    }

    /// How many tries the card has left: authentication, signature.
    pub fn tries(&self) -> [u8; 2] {
        let image = self.card().as_ref().unwrap().card().image();
        let tries = |index: usize| image.pins.get(index).unwrap().tries_left;
        [tries(0), tries(1)]
    }

    pub fn set_tries(&self, authentication: u8, signature: u8) {
        let mut reader = self.card();
        let mut image = reader.take().unwrap().card().image();
        image.pins[0].tries_left = authentication;
        image.pins[1].tries_left = signature;
        let card = VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
        *reader = Some(InProcess::ephemeral(card));
    }

    /// The holder's certificates on the card.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let mut card = Card::open(shared(&self.reader)).unwrap();
        let slots = certificates(&mut card).unwrap();
        slots.into_iter().map(|slot| slot.der.into()).collect()
    }

    /// The HCC or carrier certificate of this purpose on the card.
    pub fn certificate(&self, colour: Colour, purpose: Purpose) -> Vec<u8> {
        let mut all = self.certificates();
        all.retain(|der| {
            let summary = CertificateSummary::from_der(der).unwrap();
            summary.colour == colour && summary.purpose == purpose
        });
        all.pop().unwrap()
    }

    /// Logs in to the portal with the card.
    pub fn log_in(&mut self) -> Session {
        let certificate = self.certificate(Colour::Blue, Purpose::Authentication);
        let mut card = Card::open(shared(&self.reader)).unwrap();
        let pin = Pin::try_from(AUTHENTICATION_PIN).unwrap();
        let mut key = CardLogIn::new(&mut card, &pin, &certificate);
        self.world.portal.log_in(&mut key).unwrap()
    }

    pub fn task(&self, work: Work) -> Task {
        let id: [u8; 32] = core::array::from_fn(|_| random());
        let id = TaskId::new(id);
        let return_to = format!("{PORTAL}/task/{}", id.expose());
        Task {
            id,
            return_to: ReturnTo::parse(&return_to).unwrap(),
            card_number: Some(self.world.card_number),
            language: Language::English,
            work,
        }
    }

    /// The portal's page sends the task here.
    pub fn begin(&self, task: &Task) -> Answer {
        self.begin_with(&task.to_json())
    }

    pub fn begin_with(&self, json: &str) -> Answer {
        let body = form(&[("task", json)]);
        self.post("/task", &portal_headers(PORTAL), &body)
    }

    /// The form of the agent's page is sent in, with these PINs.
    pub fn go_on(&self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let token = page.hidden("token");
        let mut all = vec![("token", token.as_str())];
        all.extend_from_slice(fields);
        self.post(&page.action(), &self.own_headers(), &form(&all))
    }

    pub fn own_headers(&self) -> Vec<(String, String)> {
        [
            ("Origin", format!("http://{}", self.host()).as_str()),
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Dest", "document"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// A task is done with the right PINs; its result, as the portal reads it.
    pub fn carry_out(&self, task: &Task) -> Done {
        let page = self.begin(task);
        assert_eq!(page.status, 200, "{}", page.body);
        let mut fields = vec![("action", "do")];
        for (name, pin) in [
            ("pin-auth", AUTHENTICATION_PIN),
            ("pin-sign", SIGNATURE_PIN),
        ] {
            if page.body.contains(name) {
                fields.push((name, pin));
            }
        }
        let done = self.go_on(&page, &fields);
        let result = done.result();
        assert!(result.answers(task));
        match result.outcome {
            Outcome::Done(done) => done,
            other => panic!("{other:?}: {}", done.body),
        }
    }

    pub fn post(&self, path: &str, headers: &[(String, String)], body: &str) -> Answer {
        self.request("POST", path, headers, body.as_bytes())
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Answer {
        let mut all = vec![("Host".to_owned(), self.host())];
        all.extend_from_slice(headers);
        self.request_as_is(method, path, &all, body)
    }

    /// A request with exactly these headers, `Host` included.
    pub fn request_as_is(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Answer {
        send(self.agent.address(), method, path, headers, body)
    }
}

/// A request with exactly these headers.
pub fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    // An agent that refuses early may close before it has all.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = Answer::parse(&String::from_utf8(answer).unwrap());
    answer.assert_safe();
    answer
}

fn agent(reader: &Reader, pause: &Arc<Pause>, world: &TestWorld, limits: Limits) -> Agent {
    let mut config = Config::new(
        SocketAddr::from(([127, 0, 0, 1], 0)),
        [PORTAL, OTHER_PORTAL]
            .map(|portal| portal.parse().unwrap())
            .to_vec(),
    );
    config.clock = Arc::new(world.clock.clone());
    config.limits = limits;
    let (reader, pause) = (reader.clone(), pause.clone());
    Agent::start(config, move || {
        let error = || CardError::new(ErrorKind::NoCard, "no card in the reader");
        let mut channel = try_shared(&reader).ok_or_else(error)?;
        channel.pause = Some(pause.clone());
        let card = OpenCard::new(channel, FileJournal::at(&pause.journal));
        Ok(card.with_notes(FileNotes::at(pause.journal.with_file_name("notes"))))
    })
    .unwrap()
}

/// What the agent answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        Self {
            status: status
                .and_then(|status| status.parse().ok())
                .unwrap_or_default(),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What holds for every answer, whatever was asked.
    fn assert_safe(&self) {
        assert!(self.status != 0, "no answer");
        let mut names = self.headers.iter().map(|(name, _)| name);
        assert!(!names.any(|name| name.starts_with("access-control-")));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.header("x-frame-options"), Some("DENY"));
        assert_eq!(self.header("referrer-policy"), Some("strict-origin"));
        let policy = self.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        for part in ["frame-ancestors 'none'", "base-uri 'none'", "form-action "] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(
            !policy.contains("script") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(!self.body.contains("<script"), "{}", self.body);
        for pin in [AUTHENTICATION_PIN, SIGNATURE_PIN] {
            assert!(!self.body.contains(pin), "a PIN is in a page");
        }
    }

    /// The value of the first hidden field with this name.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
        let rest = self.body.split_once(&start).map(|(_, rest)| rest);
        let value = rest.and_then(|rest| rest.split_once('"'));
        let (value, _) = value.unwrap_or_else(|| panic!("no field {name}: {}", self.body));
        unescape(value)
    }

    /// Where the page's own form goes.
    pub fn action(&self) -> String {
        let rest = self.body.split_once("action=\"/task/");
        let key = rest.and_then(|(_, rest)| rest.split_once('"'));
        let (key, _) = key.unwrap_or_else(|| panic!("no form: {}", self.body));
        format!("/task/{key}")
    }

    /// Where the result goes.
    pub fn return_to(&self) -> String {
        let rest = self.body.split_once("action=\"https://");
        let address = rest.and_then(|(_, rest)| rest.split_once('"'));
        let (address, _) = address.unwrap_or_else(|| panic!("no way back: {}", self.body));
        format!("https://{}", unescape(address))
    }

    /// What the portal is told.
    pub fn result(&self) -> TaskResult {
        assert_eq!(self.status, 200, "{}", self.body);
        assert!(self.return_to().starts_with(&format!("{PORTAL}/task/")));
        TaskResult::parse(&self.hidden("result")).unwrap()
    }

    pub fn assert_says(&self, text: &str) {
        let body = unescape(&self.body);
        assert!(body.contains(text), "{text:?} is not in {body}");
    }
}

fn unescape(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
}

pub fn portal_headers(origin: &str) -> Vec<(String, String)> {
    [
        ("Origin", origin),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
        ("Sec-Fetch-User", "?1"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

pub fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

pub fn date() -> Timestamp {
    Timestamp::from_date(2026, 11, 24).unwrap()
}

pub fn card(state: CardState, protocol: Protocol, seed: u64) -> (InProcess, TestWorld) {
    let NewCard { mut image, world } = new_card(state, protocol, seed, date()).unwrap();
    for (pin, value) in image
        .pins
        .iter_mut()
        .zip([AUTHENTICATION_PIN, SIGNATURE_PIN])
    {
        *pin.value.0 = value.to_owned();
    }
    let card = VirtualCard::new(image, CardRng::from_seed(seed)).unwrap();
    (InProcess::ephemeral(card), world)
}

pub fn shared(reader: &Reader) -> Box<dyn Channel> {
    Box::new(try_shared(reader).unwrap())
}

fn try_shared(reader: &Reader) -> Option<Shared> {
    let in_reader = reader.lock().unwrap();
    let card = in_reader.as_ref().filter(|card| !card.is_out())?;
    Some(Shared {
        reader: reader.clone(),
        pause: None,
        atr: card.atr().to_vec(),
        protocol: card.protocol(),
    })
}

pub fn binary(der: &[u8]) -> Binary {
    Binary::from(der)
}

/// Writes files into a directory and runs OpenSSL there; it must succeed.
pub fn openssl(files: &[(&str, &[u8])], arguments: &[&str]) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    }
    let text = openssl_in(directory.path(), arguments);
    (directory, text)
}

pub fn openssl_in(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("openssl is missing; run: cargo xtask test");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "openssl {arguments:?}: {text}");
    text
}

fn random() -> u8 {
    let mut byte = [0];
    getrandom::fill(&mut byte).unwrap();
    byte[0]
}

/// A channel to whatever card is in the reader.
struct Shared {
    reader: Reader,
    pause: Option<Arc<Pause>>,
    atr: Vec<u8>,
    protocol: Protocol,
}

impl Channel for Shared {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        if let Some(pause) = &self.pause {
            pause.wait();
        }
        let mut reader = self.reader.lock().unwrap();
        reader
            .as_mut()
            .ok_or(ChannelError::NoCard)?
            .try_transmit(command)
            .map_err(|_| ChannelError::NoCard)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        let mut reader = self.reader.lock().unwrap();
        reader.as_mut().ok_or(ChannelError::NoCard)?.reset(kind)
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn max_command_data(&self) -> usize {
        match self.protocol {
            Protocol::T0 => 255,
            Protocol::T1 => kortlab_apdu::command::MAX_NC,
        }
    }
}
