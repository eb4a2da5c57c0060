//! A portal, a card that is enrolled there, and the card in the reader: what each of these tests
//! starts from. All of it is in one sandbox with a network of its own, so the portal has its usual
//! ports.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use kortlab_apdu::Protocol;
use kortlab_emulator::crypto::RsaKey;
use kortlab_emulator::models::eid::{CardCertificate, EidCard};
use kortlab_interop::browser::{self, Browser};
use kortlab_interop::{Builder, Command, Emulation, Running, Sandbox};
use kortlab_issuer::random::IssuerRng;
use kortlab_pkcs15::Id;
use kortlab_portal::admin::wire::{EnrolledCard, EnrolledState, NewCard};
use kortlab_portal_api::Binary;
use serde_json::Value;

/// The program under test.
pub const KORTLAB: &str = env!("CARGO_BIN_EXE_kortlab");

/// The test PINs of the card as delivered.
pub const AUTH_PIN: &str = "123456";
pub const SIGN_PIN: &str = "654321";

/// The administrator's interface, on loopback wherever the portal is.
const ADMIN: &str = "http://127.0.0.1:8446";

/// Where a portal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On loopback, with nothing set.
    Here,
    /// Where portals are in earnest: under a name, at an address of the public Internet. (Only the
    /// sandbox has it.) To a browser the agent is then on another, more private network.
    Elsewhere,
}

/// An address of the public Internet, to browsers too, and not one reserved for examples.
const PUBLIC_ADDRESS: &str = "1.2.3.4";

/// A browser has no use for the PIN for signatures, and would ask for it first.
const ONE_SLOT: &str = "app opensc-pkcs11 {
    pkcs11 {
        create_slots_for_pins = \"user\";
    }
}
";

/// The card's keys: they take their time to make.
static KEYS: LazyLock<[RsaKey; 2]> = LazyLock::new(|| {
    ["authentication key", "signature key"]
        .map(|key| RsaKey::generate(2048, &mut IssuerRng::from_seed(4711, key)).unwrap())
});

/// The portal, and the card in the reader.
pub struct Lab {
    pub sandbox: Sandbox,
    pub enrolled: EnrolledCard,
    place: Place,
    image: PathBuf,
    card: Option<Emulation>,
    _service: Option<Running>,
    _portal: Running,
}

impl Lab {
    /// A portal on loopback, and a card that it has enrolled in this state.
    pub fn new(state: EnrolledState) -> Self {
        Self::with(Sandbox::builder(), Place::Here, state)
    }

    /// A portal somewhere, in a sandbox of one's own making.
    pub fn with(sandbox: Builder, place: Place, state: EnrolledState) -> Self {
        Self::inside(sandbox.opensc_conf(ONE_SLOT).start().unwrap(), place, state)
    }

    /// As a new user has it: nothing is set, for OpenSC or anybody else.
    pub fn bare(state: EnrolledState) -> Self {
        Self::inside(Sandbox::new().unwrap(), Place::Here, state)
    }

    /// With no pcscd: the card is in our service, which is where clients look for pcscd.
    pub fn without_pcscd(state: EnrolledState) -> Self {
        Self::with_our_service(state, &[])
    }

    /// The same, with a PIN pad.
    pub fn with_pin_pad(state: EnrolledState) -> Self {
        Self::with_our_service(state, &["--pin-pad"])
    }

    /// Types the PIN for Legitimering on the PIN pad, as soon as it is asked for there.
    pub fn types_on_the_pin_pad(&self) {
        let pin = format!("file:{}", self.pin_file().display());
        let door = self.sandbox.file("door").display().to_string();
        let press = ["ctl", "--control", &door, "press", "--pin", &pin];
        let pressed = self.sandbox.command(KORTLAB).args(press);
        pressed
            .timeout(Duration::from_secs(90))
            .run()
            .unwrap()
            .success()
            .unwrap();
    }

    fn with_our_service(state: EnrolledState, options: &[&str]) -> Self {
        let sandbox = Sandbox::builder().opensc_conf(ONE_SLOT).start().unwrap();
        sandbox.stop_pcscd().unwrap();
        let mut lab = Self::with_image(sandbox, Place::Here, state);
        let serve = ["pcscd", "--socket", "/run/pcscd/pcscd.comm"];
        let door = lab.sandbox.file("door").display().to_string();
        let serve = lab.sandbox.command(KORTLAB).args(serve).arg(&lab.image);
        let serve = serve.args(["--control", &door]).args(options);
        let mut service = serve.spawn().unwrap();
        wait_for_line(&mut service);
        lab._service = Some(service);
        lab
    }

    fn inside(sandbox: Sandbox, place: Place, state: EnrolledState) -> Self {
        let mut lab = Self::with_image(sandbox, place, state);
        let card = lab
            .sandbox
            .emulate(Path::new(KORTLAB), &lab.image, &[])
            .unwrap();
        lab.card = Some(card);
        lab
    }

    fn with_image(sandbox: Sandbox, place: Place, state: EnrolledState) -> Self {
        let portal = start_portal(&sandbox, place);
        let enrolled = enrol(&sandbox, state);
        let image = sandbox.write("card.json", image(&enrolled)).unwrap();
        Self {
            sandbox,
            enrolled,
            place,
            image,
            card: None,
            _service: None,
            _portal: portal,
        }
    }

    /// The address of the portal's pages.
    pub fn pages(&self) -> String {
        format!("https://{}:8443", self.place.host())
    }

    /// Takes the card out of the reader and puts it in again.
    pub fn reinsert(&mut self) {
        self.card.take().unwrap().eject().unwrap();
        let card = self.sandbox.emulate(Path::new(KORTLAB), &self.image, &[]);
        self.card = Some(card.unwrap());
    }

    /// `kortlab agent` for the portal's pages, with the card in the reader.
    pub fn agent(&self) -> Running {
        let agent = self
            .sandbox
            .command(KORTLAB)
            .args([
                "--json",
                "--card",
                "pcsc",
                "agent",
                "--allow-origin",
                &self.pages(),
            ])
            .spawn();
        let mut agent = agent.unwrap();
        wait_for_line(&mut agent);
        agent
    }

    /// A file of the portal's data directory.
    pub fn portal_file(&self, name: &str) -> PathBuf {
        self.sandbox.file("portal").join(name)
    }

    /// A browser that knows the portal's TLS authority and the card, and reads Swedish. The
    /// pictures are under this name.
    pub fn browser(&self, name: &str) -> browser::Builder {
        // Tests can run twice at once.
        let name = format!("{name}-{}", std::process::id());
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("browser")
            .join(name);
        Browser::builder(&self.sandbox, &pictures)
            .trust(&self.portal_file("tls-ca.pem"))
            .with_card()
            .flag("--accept-lang=sv-SE,sv")
            .flag(&format!(
                "--host-resolver-rules=MAP portal.example {PUBLIC_ADDRESS}"
            ))
    }

    /// A file with the PIN for Legitimering, for programs that read it from there.
    pub fn pin_file(&self) -> PathBuf {
        self.sandbox.write("auth-pin", AUTH_PIN).unwrap()
    }

    /// The administrator's interface.
    pub fn admin(&self, method: &str, path: &str, body: &str) -> Value {
        admin(&self.sandbox, method, path, body)
    }
}

impl Place {
    fn host(self) -> &'static str {
        match self {
            Self::Here => "127.0.0.1",
            Self::Elsewhere => "portal.example",
        }
    }

    /// What the portal has to be told.
    fn options(self) -> Vec<String> {
        if self == Self::Here {
            return Vec::new();
        }
        let mut options = vec!["--host".to_owned(), self.host().to_owned()];
        for (option, port) in [
            ("--listen", 8443),
            ("--log-in-listen", 8444),
            ("--trial-listen", 8445),
            ("--pki-listen", 8080),
        ] {
            options.extend([option.to_owned(), format!("{PUBLIC_ADDRESS}:{port}")]);
        }
        // Nobody in the sandbox resolves names but the browser.
        options.extend([
            "--pki-url".to_owned(),
            format!("http://{PUBLIC_ADDRESS}:8080"),
        ]);
        options
    }
}

fn start_portal(sandbox: &Sandbox, place: Place) -> Running {
    if place == Place::Elsewhere {
        let address = format!("{PUBLIC_ADDRESS}/32");
        let ip = sandbox
            .command("ip")
            .args(["address", "add", &address, "dev", "lo"]);
        ip.run().unwrap().success().unwrap();
    }
    let portal = sandbox
        .command(KORTLAB)
        .args(["--json", "portal", "--data"]);
    let portal = portal.arg(sandbox.file("portal")).args(place.options());
    let mut portal = portal.spawn().unwrap();
    let addresses: Value = serde_json::from_str(&wait_for_line(&mut portal)).unwrap();
    let pages = addresses["url"].as_str().unwrap();
    assert_eq!(
        pages.trim_end_matches('/'),
        format!("https://{}:8443", place.host())
    );
    portal
}

/// Waits for the line by which a program tells that it is ready.
fn wait_for_line(program: &mut Running) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let said = program.stdout_text();
        if said.ends_with('\n') {
            return said;
        }
        let waiting = program.is_running() && Instant::now() < deadline;
        assert!(waiting, "it did not start\n{}", program.printed());
        thread::sleep(Duration::from_millis(10));
    }
}

fn enrol(sandbox: &Sandbox, state: EnrolledState) -> EnrolledCard {
    let [authentication_key, signature_key] = KEYS
        .each_ref()
        .map(|key| key.public_key_der().as_slice().into());
    let card = NewCard {
        holder: None,
        card_number: None,
        authentication_key,
        signature_key,
        state,
    };
    let card = serde_json::to_string(&card).unwrap();
    serde_json::from_value(admin(sandbox, "POST", "/admin/v1/cards", &card)).unwrap()
}

/// The card's image, with the certificates that the portal has issued for it.
fn image(enrolled: &EnrolledCard) -> String {
    let pairs = [
        ("Telia", Some(&enrolled.carrier)),
        ("HCC", enrolled.hcc.as_ref()),
    ];
    let pairs = pairs
        .into_iter()
        .filter_map(|(name, pair)| Some((name, pair?)));
    let certificates = pairs.flat_map(|(name, pair)| {
        let certificate = |der: &Binary, id, purpose| CardCertificate {
            der: der.clone().into_bytes(),
            key_id: Id(vec![id]),
            label: format!("{name} {purpose}"),
            authority: false,
        };
        [
            certificate(&pair.authentication, 0x45, "Legitimering"),
            certificate(&pair.signature, 0x46, "Underskrift"),
        ]
    });
    let [authentication, signature] = KEYS.clone();
    let card = EidCard::new(enrolled.card_number.clone(), authentication, signature)
        // As the real card.
        .protocol(Protocol::T0)
        .certificates(certificates);
    card.build().unwrap().to_json()
}

fn admin(sandbox: &Sandbox, method: &str, path: &str, body: &str) -> Value {
    let token = fs::read_to_string(sandbox.file("portal/admin-token")).unwrap();
    let header = format!(
        "Authorization: Bearer {}\nContent-Type: application/json",
        token.trim()
    );
    let header = sandbox.write("admin-header", header).unwrap();
    let answer = curl(sandbox)
        .args(["--request", method, "--data-binary", "@-", "--header"])
        .arg(format!("@{}", header.display()))
        .arg(format!("{ADMIN}{path}"))
        .input(body)
        .run()
        .unwrap()
        .success()
        .unwrap();
    match answer.stdout.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&answer.stdout).unwrap(),
    }
}

/// `curl` that trusts the portal and fails on error answers, showing them.
pub fn curl(sandbox: &Sandbox) -> Command {
    sandbox
        .command("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--max-time",
            "30",
            "--cacert",
        ])
        .arg(sandbox.file("portal/tls-ca.pem"))
}
