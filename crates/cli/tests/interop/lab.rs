//! A sandbox with a card in its reader: what each of these tests starts from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kortlab_apdu::Protocol;
use kortlab_interop::{Builder, Command, Emulation, Output, Sandbox};
use kortlab_issuer::clock::{Clock as _, SystemClock};
use kortlab_renewal::states::new_card;
use serde_json::Value;

/// The program under test.
pub const KORTLAB: &str = env!("CARGO_BIN_EXE_kortlab");

/// The test PINs of every card that `kortlab card new` makes.
pub const AUTH_PIN: &str = "123456";
pub const SIGN_PIN: &str = "654321";
pub const PUK: &str = "12345678";

/// The OpenSC configuration that makes it send what it sends to a vpcd that reports large APDUs,
/// as vpcd 0.9 and later do: extended length under T=1, a malformed block under T=0.
pub const LARGE_APDUS: &str = "app default {
    reader_driver pcsc {
        max_send_size = 65535;
        max_recv_size = 65536;
    }
}
";

/// One of the card's two PINs with its key, as PKCS#15 and PKCS#11 name them.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// The PIN as delivered.
    pub pin: &'static str,
    /// The PIN's PKCS#15 authentication id.
    pub auth_id: &'static str,
    /// The id of the key it protects.
    pub key: &'static str,
    /// OpenSC's PKCS#11 slot.
    pub slot: &'static str,
}

/// Legitimering: authentication and decipherment.
pub const AUTH: Role = Role {
    pin: AUTH_PIN,
    auth_id: "01",
    key: "45",
    slot: "0",
};

/// Underskrift: signatures.
pub const SIGN: Role = Role {
    pin: SIGN_PIN,
    auth_id: "02",
    key: "46",
    slot: "1",
};

/// Which protocol the card speaks, and which APDUs the reader claims to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    T0,
    T1,
    T0LargeApdus,
    T1LargeApdus,
}

impl Link {
    pub fn protocol(self) -> &'static str {
        match self {
            Self::T0 | Self::T0LargeApdus => "t0",
            Self::T1 | Self::T1LargeApdus => "t1",
        }
    }

    pub fn opensc_conf(self) -> &'static str {
        match self {
            Self::T0 | Self::T1 => "",
            Self::T0LargeApdus | Self::T1LargeApdus => LARGE_APDUS,
        }
    }
}

/// A sandbox, a card image in it, and the card in the reader.
pub struct Lab {
    pub sandbox: Sandbox,
    pub image: PathBuf,
    emulation: Option<Emulation>,
}

impl Lab {
    /// A card in the reader, in a state that `kortlab card new` knows.
    pub fn new(state: &str, link: Link) -> Self {
        Self::with_changed_card(state, link, |_| {})
    }

    /// A card in the reader whose image was changed before.
    pub fn with_changed_card(state: &str, link: Link, change: impl FnOnce(&mut Value)) -> Self {
        let mut lab = Self::without_card(link);
        let mut image = serde_json::from_slice(&card(state, link.protocol())).unwrap();
        change(&mut image);
        fs::write(&lab.image, serde_json::to_vec_pretty(&image).unwrap()).unwrap();
        lab.insert();
        lab
    }

    /// An empty reader, and no image yet.
    pub fn without_card(link: Link) -> Self {
        Self::from(Sandbox::builder().opensc_conf(link.opensc_conf()))
    }

    /// An empty reader in a sandbox of one's own making, and no image yet.
    pub fn from(builder: Builder) -> Self {
        let sandbox = builder.start().unwrap();
        Self {
            image: sandbox.file("card.json"),
            sandbox,
            emulation: None,
        }
    }

    /// Puts the card into the reader, with `kortlab emulate`.
    pub fn insert(&mut self) {
        let kortlab = Path::new(KORTLAB);
        let emulation = self.sandbox.emulate(kortlab, &self.image, &[]).unwrap();
        self.emulation = Some(emulation);
    }

    /// Ejects the card with Ctrl-C, and gives what `kortlab emulate` printed.
    pub fn eject(&mut self) -> Output {
        self.emulation.take().unwrap().eject().unwrap()
    }

    /// Kills `kortlab emulate` with SIGKILL.
    pub fn kill(&mut self) {
        self.emulation.take().unwrap().kill().unwrap();
    }

    /// The running `kortlab emulate`.
    pub fn emulation(&mut self) -> &mut Emulation {
        self.emulation.as_mut().unwrap()
    }

    /// A program of OpenSC's, or any other, in the sandbox.
    pub fn tool(&self, program: &str) -> Command {
        self.sandbox.command(program)
    }

    /// `kortlab` on the card in the reader, all PINs given.
    pub fn kortlab(&self, arguments: &[&str]) -> Command {
        self.kortlab_on("pcsc", arguments)
    }

    /// `kortlab --card CARD`, all PINs given.
    pub fn kortlab_on(&self, card: &str, arguments: &[&str]) -> Command {
        self.sandbox
            .command(KORTLAB)
            .args(["--card", card])
            .args(["--auth-pin", "env:AUTH", "--sign-pin", "env:SIGN"])
            .args(["--puk", "env:PUK"])
            .env("AUTH", AUTH_PIN)
            .env("SIGN", SIGN_PIN)
            .env("PUK", PUK)
            .env("XDG_STATE_HOME", self.image.with_file_name("state"))
            .args(arguments)
    }

    /// `pkcs15-tool` on the card in the reader.
    pub fn pkcs15_tool(&self, arguments: &[&str]) -> Output {
        self.tool("pkcs15-tool").args(arguments).run().unwrap()
    }

    /// `pkcs11-tool` on the card in the reader, logged in to the role's slot.
    pub fn pkcs11_tool(&self, role: Role, arguments: &[&str]) -> Output {
        self.tool("pkcs11-tool")
            .args(["--slot-index", role.slot, "--login", "--pin", role.pin])
            .args(arguments)
            .run()
            .unwrap()
    }

    /// The path of a file in the sandbox, for an argument.
    pub fn path(&self, name: &str) -> String {
        self.sandbox.file(name).to_str().unwrap().to_owned()
    }

    /// Writes a file into the sandbox and gives its path, for an argument.
    pub fn write(&self, name: &str, contents: &[u8]) -> String {
        let path = self.sandbox.write(name, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Reads a file of the sandbox.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.sandbox.file(name)).unwrap()
    }

    /// The certificates that `pkcs15-tool` lists.
    pub fn certificates(&self) -> Vec<Certificate> {
        let listing = self.pkcs15_tool(&["--list-certificates"]);
        certificates(&listing.success().unwrap().stdout_text())
    }

    /// The certificate's file, read by OpenSC's explorer, cut to the length its DER says.
    pub fn file_of(&self, certificate: &Certificate) -> Vec<u8> {
        let file = self.path("read.bin");
        let (directory, name) = certificate.path.split_at(4);
        let script = format!("cd {directory}\nget {name} {file}\n");
        let explorer = self.tool("opensc-explorer").input(script);
        explorer.run().unwrap().success().unwrap();
        let mut der = self.read("read.bin");
        assert_eq!(der[..2], [0x30, 0x82], "no certificate: {der:02X?}");
        der.truncate(4 + usize::from(u16::from_be_bytes([der[2], der[3]])));
        der
    }

    /// The public key of a role's key as PEM, read from the card by OpenSC: from its PuKDF, or
    /// else from a certificate.
    pub fn public_key(&self, role: Role) -> String {
        let output = self.pkcs15_tool(&["--read-public-key", role.key]);
        let pem = output.success().unwrap().stdout_text();
        let start = pem.find("-----BEGIN PUBLIC KEY-----").unwrap();
        self.write(&format!("{}.pub.pem", role.key), &pem.as_bytes()[start..])
    }
}

/// A certificate as `pkcs15-tool` lists it.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub id: String,
    /// The file's path under the MF, for example `50154331`.
    pub path: String,
}

fn certificates(listing: &str) -> Vec<Certificate> {
    let mut certificates = Vec::new();
    for section in listing.split("X.509 Certificate [").skip(1) {
        let (_label, rest) = section.split_once(']').unwrap();
        let field = |name: &str| {
            let line = rest.lines().find(|line| line.trim().starts_with(name));
            let (_, value) = line.unwrap().split_once(':').unwrap();
            value.trim().to_owned()
        };
        certificates.push(Certificate {
            id: field("ID"),
            path: field("Path").trim_start_matches("3f00").to_owned(),
        });
    }
    certificates
}

/// A card image, as `kortlab card new` makes it.
pub fn card(state: &str, protocol: &str) -> Vec<u8> {
    made(state, protocol).image.clone()
}

/// The certificates of the two authorities that issue for such a card, as PEM.
pub fn authorities(state: &str, protocol: &str) -> Vec<String> {
    made(state, protocol).authorities.clone()
}

/// A card, and the certificates of the two authorities that issue for it.
struct Made {
    image: Vec<u8>,
    authorities: Vec<String>,
}

/// Makes a card once for each state and protocol, since RSA keys take their time.
fn made(state: &str, protocol: &str) -> Arc<Made> {
    static MADE: Mutex<BTreeMap<String, Arc<Made>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = made.entry(format!("{state} {protocol}"));
    let make = || {
        let protocol = match protocol {
            "t1" => Protocol::T1,
            _ => Protocol::T0,
        };
        let now = SystemClock.now();
        let card = new_card(state.parse().unwrap(), protocol, 4711, now).unwrap();
        let portal = &card.world.portal;
        let authorities = [portal.carrier_authority(), portal.hcc_authority()];
        Arc::new(Made {
            image: card.image.to_json().into_bytes(),
            authorities: authorities.map(|a| a.certificate_pem().unwrap()).into(),
        })
    };
    Arc::clone(entry.or_insert_with(make))
}

/// Fails if OpenSC printed anything that looks like an error.
#[track_caller]
pub fn assert_no_error_line(output: &Output) {
    for line in output.text().lines() {
        let low = line.to_lowercase();
        let bad = ["error", "fail", "invalid", "not found", "unsupported"];
        assert!(
            !bad.iter().any(|word| low.contains(word)),
            "{line:?} in:\n{}",
            output.text()
        );
    }
}
