//! What the documents and the help show, typed as printed and in the order printed, in an empty
//! directory beside a pcscd of its own.

mod document;
mod terminal;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use kortlab_interop::{Command, Running, Sandbox};

use self::document::{Example, documents, examples_of_document, examples_of_help};
use self::terminal::{Typed, type_in};
use crate::lab::KORTLAB;

/// What is not run here, word for word, and why. Whatever is not in this list is run.
const NOT_RUN: [(&str, &str); 17] = [
    (
        "kortlab shell",
        "a person at a terminal; tests/shell.rs is one",
    ),
    ("kortlab -c card.json shell", "as before"),
    (
        "cargo xtask demo",
        "builds the project; `kortlab demo` is run",
    ),
    ("cargo xtask test", "runs this test"),
    (
        "cargo install --path crates/cli --locked",
        "builds the project once more; `cargo xtask dist` tries what is installed",
    ),
    ("pcscd --foreground &", "the sandbox has its pcscd already"),
    (
        "kortlab browser --data portal",
        "a person at a screen; the tests in tests/browser are one",
    ),
    (
        "kortlab browser https://portal.example:8443 --ca portal-ca.pem",
        "as before, and there is no such portal",
    ),
    (
        "kortlab browser https://portal.example --profile profile --no-agent -- --lang=sv",
        "as before, and there is no such portal",
    ),
    (
        "kortlab portal --data portal --store-file store-address",
        "the file names a PostgreSQL server of the reader's",
    ),
    (
        "kortlab portal --data portal --store postgres://kortlab@db.example/kortlab --log-format json",
        "there is no such PostgreSQL server; the portal's tests have one",
    ),
    (
        "kortlab portal --read-only --data copy --store postgres://reader@db.example/kortlab",
        "there is no such PostgreSQL server; the portal's tests have one",
    ),
    (
        "kortlab --json renew --portal https://portal.example --ca ca.pem --yes",
        "there is no such portal; the two lines before it are run",
    ),
    (
        "kortlab run --socket dir/pcscd.comm card.json -- bwrap --dev-bind / / --tmpfs /run \
         --bind dir /run/pcscd env -u PCSCLITE_CSOCK_NAME opensc-tool --atr",
        "bwrap finds no /proc of its own in the sandbox; tests/run runs it outside of one",
    ),
    (
        "kortlab ctl press --pin env:PIN",
        "waits for a program that asks for a PIN; the example before it has one",
    ),
    ("kortlab man | man -l -", "shows a page in man-db's pager"),
    (
        "kortlab man cert write | man -l -",
        "shows a page in man-db's pager",
    ),
];

/// What goes on until it is told to stop, by how it begins.
const GOES_ON: [&str; 7] = [
    "kortlab emulate",
    "kortlab pcscd",
    "kortlab portal",
    "kortlab agent",
    "kortlab -c card.json agent",
    "kortlab readers --watch",
    "kortlab trace show --follow",
];

/// Examples that end with another exit code than 0, and which.
const EXIT_CODES: [(&str, i32); 5] = [
    ("kortlab fuzz replay case.json", 6),
    // The HCCs of that card have expired.
    ("kortlab -c card.json diagnose --html report.html", 6),
    (
        "kortlab run --trace program.apdu --fault sw:ins=B0,sw=6F00,nth=3 card.json \
         -- pkcs15-tool --dump",
        1,
    ),
    ("kortlab -c card.json cert check", 6),
    (
        "kortlab --card card.json --fault tear:after-bytes=20 cert remove 4334",
        7,
    ),
];

/// A finding in a program that ends badly where the card does not answer it.
const MAKE_CASE: &str =
    "kortlab fuzz run --out made --findings 1 --executions 300 --jobs 1 card.json -- \
     sh -c 'opensc-tool -s 0084000008 | grep -q SW1=0x90 || kill -ABRT $$' || true
     mv made/crash-*.json case.json";

const MAKE_CASE_AND_TRACE: &str =
    "kortlab fuzz run --out made --findings 1 --executions 300 --jobs 1 card.json -- \
     sh -c 'opensc-tool -s 0084000008 | grep -q SW1=0x90 || kill -ABRT $$' || true
     mv made/crash-*.json case.json
     kortlab run --ephemeral --trace program.apdu card.json -- opensc-tool -n";

/// A program that AFL++ has instrumented.
const MAKE_READER: &str = "cat >reader.c <<'END'
#include <winscard.h>
int main(void) {
    SCARDCONTEXT context;
    SCARDHANDLE card;
    DWORD protocol, count = 258;
    static const BYTE select[] = {0, 0xA4, 0, 0, 2, 0x3F, 0};
    BYTE answer[258];
    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, 0, 0, &context)) return 1;
    if (SCardConnect(context, \"Kortlab 00 00\", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY,
                     &card, &protocol)) return 1;
    if (SCardTransmit(card, protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1,
                      select, sizeof select, 0, answer, &count)) return 1;
    return count < 2;
}
END
AFL_QUIET=1 afl-clang-fast -I/usr/include/PCSC reader.c -o reader -lpcsclite";

/// What OpenSC has asked a card, and was told.
const MAKE_SESSION: &str =
    "kortlab run --ephemeral --trace program.apdu card.json -- opensc-tool -n
     kortlab fuzz export program.apdu -o session.bin";

/// What a reader of a help has before its examples: the files that they speak of, by the command.
/// Where nothing is said, `card.json`, which is valid, and its authorities in `ca`.
const GIVEN: [(&str, &str); 39] = [
    ("kortlab fuzz", MAKE_CASE),
    ("kortlab fuzz replay", MAKE_CASE),
    ("kortlab fuzz minimize", MAKE_CASE),
    ("kortlab fuzz afl", MAKE_READER),
    ("kortlab fuzz import", MAKE_SESSION),
    ("kortlab fuzz export", MAKE_CASE_AND_TRACE),
    ("kortlab", "rm card.json"),
    (
        "kortlab apdu",
        "echo '00A4000C023F00 =9000' > commands.apdu",
    ),
    (
        "kortlab card unpack",
        "kortlab -c card.json diagnose --bundle bundle.json",
    ),
    (
        "kortlab shell",
        "echo 'cat 2F00' > commands.txt
         printf 'verify auth\\nupdate 5015/4946 0 41\\n' > write.txt",
    ),
    (
        "kortlab emulate",
        "cp card.json anna.json; cp card.json bertil.json",
    ),
    (
        "kortlab cert",
        "take_away 4333; mv 4333.pem new.pem; make_lists",
    ),
    (
        "kortlab cert write",
        "take_away 4333; mv 4333.pem new.pem
         kortlab cert read 4334 --der --out new.der; take_away 4334
         cp ca/test-siths-type-1-ca-v1.pem ca.pem",
    ),
    (
        "kortlab cert check",
        "make_lists; make_answer; kortlab card new -o blank.json --state blank-slots",
    ),
    ("kortlab cert list", "make_lists"),
    (
        "kortlab explain",
        "make_traces; kortlab cert read 4333 --out hcc.pem
         OPENSC_DEBUG=9 kortlab run card.json -- opensc-tool -n 2> opensc-debug.log",
    ),
    ("kortlab trace", "make_traces; make_broken"),
    ("kortlab trace bisect", "make_broken"),
    ("kortlab trace show", "make_traces"),
    ("kortlab trace convert", "make_traces"),
    ("kortlab trace diff", "make_traces"),
    ("kortlab key", "echo letter > letter.pdf; make_secret"),
    (
        "kortlab key sign",
        "echo letter > letter.pdf; make_public 4332",
    ),
    (
        "kortlab key decrypt",
        "echo plain > plain.txt; make_public 4331; make_oaep",
    ),
    (
        "kortlab pin change",
        "echo 654321 > old.txt; echo 654321 > new.txt",
    ),
    ("kortlab pin verify", "echo 654321 > pin.txt"),
    ("kortlab recover", "tear"),
    (
        "kortlab admin",
        "make_blank; enrol other.json; kortlab -c other.json cert read 4333 --out hcc.pem
         cp kortlab-portal/admin-token admin-token",
    ),
    ("kortlab admin enrol", "rm card.json"),
    (
        "kortlab admin revoke",
        "make_blank; enrol card.json; kortlab cert read 4333 --out hcc.pem
         kortlab cert read 4334 --der --out hcc.der",
    ),
    ("kortlab renew", "make_blank; enrol card.json"),
    (
        "kortlab card",
        "kortlab -c card.json diagnose --bundle bundle.json; rm -r card.json ca; make_p12",
    ),
    ("kortlab card new", "rm -r card.json ca; make_p12"),
    (
        "kortlab pcscd",
        "cp card.json anna.json; cp card.json bertil.json",
    ),
    (
        "kortlab run",
        "cp card.json anna.json; cp card.json bertil.json",
    ),
    ("kortlab ctl", "cp card.json bertil.json"),
    ("kortlab ctl insert", "cp card.json bertil.json"),
    ("kortlab ctl swap", "cp card.json bertil.json"),
    ("kortlab ctl reader add", "cp card.json bertil.json"),
];

/// The commands whose examples speak to a portal on this machine, in its usual data directory.
const WITH_A_PORTAL: [&str; 2] = ["kortlab admin", "kortlab renew"];

/// The commands whose examples change what is in the readers of a service.
const WITH_A_SERVICE: &str = "kortlab ctl";

/// The commands whose examples stand in front of a card in the real pcscd.
const WITH_A_CARD_IN_PCSCD: [&str; 1] = ["kortlab pcscd"];

/// Shell functions that the above uses.
const FUNCTIONS: &str = "\
set -e
make_traces() { kortlab --trace session.apdu info; kortlab --trace again.json info; }
make_broken() {
    kortlab -c card.json --trace broken.apdu --trace-start start.json apdu \\
        00200081083132333435360000 00A4080C0450154403 00D606000400000000 00D600000104
}
make_blank() { kortlab card new -o card.json --state blank-slots --force; }
enrol() {
    test -e $1 || kortlab card new -o $1 --state blank-slots
    kortlab -c $1 admin enrol --state expired --auth-pin env:PIN
}
make_lists() { cp ca/test-telia*.crl carrier.crl; cp ca/test-siths*.crl hcc.crl; }
make_answer() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout own.key -out own.pem -days 30 -subj '/CN=Own CA'
    touch index.txt
    openssl ocsp -issuer own.pem -serial 1 -reqout request.der
    openssl ocsp -index index.txt -CA own.pem -rsigner own.pem -rkey own.key -reqin request.der \
        -respout answer.der
}
make_public() { kortlab cert read $1 | openssl x509 -noout -pubkey > public.pem; }
make_secret() {
    make_public 4331
    echo plain | openssl pkeyutl -encrypt -pubin -inkey public.pem -out secret.bin
}
make_oaep() {
    openssl pkeyutl -encrypt -pubin -inkey public.pem -in plain.txt -out oaep.bin \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
}
make_p12() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=Own CA'
    openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=Anna
    echo keyUsage=digitalSignature > extensions
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 30 -extfile extensions -out cert.pem
    echo passphrase > passphrase.txt
    openssl pkcs12 -export -inkey key.pem -in cert.pem -out me.p12 -passout file:passphrase.txt
}
take_away() {
    kortlab cert read $1 --out $1.pem
    kortlab cert remove $1 --auth-pin env:PIN
}
tear() {
    kortlab --fault tear:after-bytes=20 cert remove 4333 --auth-pin env:PIN || test $? = 7
}
";

/// A shell in an empty directory.
struct Shell {
    sandbox: Sandbox,
    directory: PathBuf,
    /// What goes on, with how it begins.
    running: Vec<(&'static str, Running)>,
    code: i32,
    /// The card that is meant where none is named.
    card: Option<&'static str>,
}

impl Shell {
    fn new() -> Self {
        let sandbox = Sandbox::new().unwrap();
        let bin = sandbox.file("bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(KORTLAB, bin.join("kortlab")).unwrap();
        let directory = sandbox.file("empty");
        for directory in [&directory, &sandbox.file("runtime")] {
            fs::create_dir_all(directory).unwrap();
        }
        Self {
            sandbox,
            directory,
            running: Vec::new(),
            code: 0,
            card: None,
        }
    }

    /// The same shell in another empty directory.
    fn in_directory(&mut self, name: &str) {
        self.end_running();
        self.directory = self.sandbox.file(name);
        fs::create_dir_all(&self.directory).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let path = format!(
            "{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            self.sandbox.file("bin").display()
        );
        let pins = [
            ("PIN", "123456"),
            ("SIGN_PIN", "654321"),
            ("PUK", "12345678"),
            ("OLD", "123456"),
            ("NEW", "123456"),
        ];
        let card = self.card.map(|card| ("KORTLAB_CARD", card));
        let command = self
            .sandbox
            .command(program)
            .current_dir(&self.directory)
            .timeout(Duration::from_secs(120))
            .env("PATH", path)
            .env("XDG_RUNTIME_DIR", self.sandbox.file("runtime"))
            .env("NO_COLOR", "1");
        pins.into_iter()
            .chain(card)
            .fold(command, |command, (name, value)| command.env(name, value))
    }

    /// Makes what a reader has already.
    fn prepare(&self, script: &str) {
        let script = format!("{FUNCTIONS}{script}");
        let shell = self.command("bash").args(["-c", &script]);
        shell.run().unwrap().success().unwrap();
    }

    /// Types one example.
    fn run(&mut self, example: &Example) {
        let line = &example.line;
        if NOT_RUN.iter().any(|(not_run, _)| line == not_run) {
            return;
        }
        if let Some(kind) = GOES_ON.iter().find(|start| line.starts_with(*start)) {
            self.start(kind, example);
            return;
        }
        let line = line.replace("echo $?", &format!("echo {}", self.code));
        let shell = self.command("bash").args(["-c", &line]);
        let Typed {
            code,
            printed,
            screen,
        } = type_in(&shell, &line);
        self.code = code;
        let expected = EXIT_CODES
            .iter()
            .find(|(start, _)| *start == line)
            .map_or(0, |(_, code)| *code);
        assert_eq!(
            code, expected,
            "{}: {line}\n{printed}\n{screen}",
            example.place
        );
        // What is shown is what is printed, or the messages, or both.
        let both = format!("{screen}{printed}");
        if !example.is_shown(&screen) && !example.is_shown(&both) {
            example.assert_shown(&printed);
        }
    }

    /// Starts what goes on; what went on in its place before is ended, as with Ctrl-C.
    fn start(&mut self, kind: &'static str, example: &Example) {
        let (old, kept) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|(other, _)| *other == kind);
        self.running = kept;
        end(old);
        let line = format!("exec {}", example.line);
        let running = self.command("bash").args(["-c", &line]).spawn().unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while running.stdout_text().is_empty() || !example.is_shown(&running.stdout_text()) {
            assert!(
                std::time::Instant::now() < deadline,
                "{}: {}\n{}",
                example.place,
                example.line,
                running.printed()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        self.running.push((kind, running));
    }

    fn end_running(&mut self) {
        end(std::mem::take(&mut self.running));
    }
}

fn end(running: Vec<(&'static str, Running)>) {
    for (_, mut running) in running {
        running.terminate().unwrap();
        running
            .wait(Duration::from_secs(20))
            .unwrap()
            .success()
            .unwrap();
    }
}

#[test]
fn the_readme_runs_as_printed_in_the_order_printed() {
    let mut shell = Shell::new();
    let examples = examples_of_document("README.md");
    assert!(examples.len() > 15, "{}", examples.len());
    for example in &examples {
        shell.run(example);
    }
    shell.end_running();
}

#[test]
fn the_documents_run_as_printed_in_the_order_printed() {
    let mut shell = Shell::new();
    let mut count = 0;
    for name in documents() {
        match name.as_str() {
            "README.md" => continue,
            // In the data directory of the portal that the document before has started.
            "docs/portal-store.md" => shell.directory.push("portal"),
            _ => shell.in_directory(&name.replace('/', "-")),
        }
        for example in examples_of_document(&name) {
            count += 1;
            shell.run(&example);
        }
    }
    shell.end_running();
    assert!(count > 10, "{count}");
}

#[test]
fn the_help_runs_as_printed_in_the_order_printed() {
    let mut shell = Shell::new();
    shell.card = Some("card.json");
    shell.in_directory("given");
    shell.prepare("kortlab card new -o card.json --seed 1 --ca-dir ca");
    let given = shell.directory.clone();
    let commands = examples_of_help();
    assert!(commands.len() > 35, "{}", commands.len());
    for (name, _) in GIVEN {
        assert!(
            commands.iter().any(|(command, _)| command == name),
            "{name}"
        );
    }
    let mut count = 0;
    for (command, examples) in &commands {
        shell.in_directory(&command.replace(' ', "-"));
        shell.prepare(&format!("cp -r {}/. .", given.display()));
        let portal = WITH_A_PORTAL.iter().any(|start| command.starts_with(start));
        if portal {
            shell.start("kortlab portal", &Example::typed("kortlab portal"));
            shell.prepare("ln -s kortlab-portal portal");
        }
        if let Some((_, script)) = GIVEN.iter().find(|(name, _)| name == command) {
            shell.prepare(script);
        }
        if command.starts_with(WITH_A_SERVICE) {
            shell.prepare("cp card.json service.json");
            shell.start(
                "kortlab pcscd",
                &Example::typed("kortlab pcscd service.json"),
            );
        }
        if WITH_A_CARD_IN_PCSCD.contains(&command.as_str()) {
            shell.prepare("cp card.json reader.json");
            // Only when programs see it: pcscd looks into its readers now and then.
            let seen = "reader.json: programs find it in the reader …";
            let emulate = Example {
                shown: ["…", seen, "…"].map(str::to_owned).into(),
                ..Example::typed("kortlab emulate reader.json")
            };
            shell.start("kortlab emulate", &emulate);
        }
        for example in examples {
            count += 1;
            shell.run(example);
        }
    }
    shell.end_running();
    assert!(count > 100, "{count}");
}

/// What is not run, and why, is printed; and the list has nothing that is shown no more.
#[test]
fn every_exception_has_its_example() {
    let lines: Vec<String> = documents()
        .iter()
        .flat_map(|name| examples_of_document(name))
        .chain(examples_of_help().into_iter().flat_map(|(_, all)| all))
        .map(|example| example.line)
        .collect();
    for (line, why) in NOT_RUN {
        println!("not run: {line}: {why}");
        assert!(lines.iter().any(|shown| shown == line), "{line}: {why}");
    }
    for (line, _) in EXIT_CODES {
        assert!(lines.iter().any(|shown| shown == line), "{line}");
    }
}
