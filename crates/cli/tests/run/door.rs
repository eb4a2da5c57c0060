//! A standing service with a control door, and clients of that door.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::Running;
use crate::lab::{Lab, finish, stderr, stdout};

/// A client of a control door.
pub struct Client {
    pub stream: BufReader<UnixStream>,
}

impl Client {
    pub fn new(door: &Path) -> Self {
        let stream = UnixStream::connect(door).expect("a door");
        let limit = Some(std::time::Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("a limit");
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("sent");
    }

    pub fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("JSON")
    }

    pub fn ask(&mut self, request: &Value) -> Value {
        self.send(format!("{request}\n").as_bytes());
        self.answer()
    }

    /// The reader after something that is done.
    #[track_caller]
    pub fn done(&mut self, request: &Value) -> Value {
        let answer = self.ask(request);
        assert!(answer["error"].is_null(), "{request}: {answer}");
        answer["readers"][0].clone()
    }

    /// The kind of the failure of something that is not.
    #[track_caller]
    pub fn refused(&mut self, request: &Value) -> String {
        let answer = self.ask(request);
        let kind = answer["error"]["kind"].as_str();
        kind.map(str::to_owned)
            .unwrap_or_else(|| panic!("{request}: {answer}"))
    }
}

/// A standing service, where its door is, and the line that brings programs in.
pub struct Service {
    pub running: Running,
    pub door: PathBuf,
    pub line: String,
}

impl Service {
    pub fn start(lab: &Lab, options: &[&str]) -> Self {
        let arguments = [&["--json", "pcscd"], options].concat();
        let running = Running::start(lab.kortlab(&arguments));
        let news: Value = serde_json::from_str(running.first_line()).expect("a document");
        let text = |name: &str| news[name].as_str().expect(name).to_owned();
        Self {
            door: text("control").into(),
            line: format!("{}='{}'", text("variable"), text("socket")),
            running,
        }
    }

    pub fn client(&self) -> Client {
        Client::new(&self.door)
    }

    /// What a program prints that comes in by the line.
    pub fn sees(&self, lab: &Lab, program: &str) -> String {
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", &format!("export {}\n{program}", self.line)])
            .env("OPENSC_CONF", lab.path("opensc.conf"))
            .current_dir(lab.path(""));
        let output = finish(command);
        format!("{}{}", stdout(&output), stderr(&output))
    }
}
