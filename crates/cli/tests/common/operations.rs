//! What programs that others have written do with a card. Each operation is the same script, whoever
//! serves it: `kortlab run`, `kortlab pcscd`, or the real pcscd.

use std::fs;
use std::path::Path;
use std::process::Command;

/// One thing that one program does.
pub struct Operation {
    /// The program, as the table in `docs/pcsc.md` names it.
    pub program: &'static str,
    /// What it does, as the table says it.
    pub what: &'static str,
    /// For `sh -e`, in the directory that [`prepare`] has made ready.
    script: &'static str,
    /// What is in its output, all of it.
    says: &'static [&'static str],
}

/// The program in Java.
const SCAN: &str = r#"import javax.smartcardio.*;
public class Scan {
    public static void main(String[] arguments) throws Exception {
        CardTerminal terminal = TerminalFactory.getDefault().terminals().list().get(0);
        System.out.println(terminal.waitForCardPresent(5000));
        Card card = terminal.connect("*");
        byte[] select = {0x00, (byte) 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};
        System.out.println(card.getBasicChannel().transmit(new CommandAPDU(select)));
        card.disconnect(true);
    }
}
"#;

/// All of them. The last change the card, and leave it as it was.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        program: "opensc-tool",
        what: "names the card",
        script: "opensc-tool -n",
        says: &["SetCOS"],
    },
    Operation {
        program: "opensc-explorer",
        what: "reads files",
        script: "printf 'cd 5015\\ninfo 5032\\n' | opensc-explorer",
        says: &["Transparent", "5032"],
    },
    Operation {
        program: "pkcs15-tool",
        what: "lists everything",
        script: "pkcs15-tool --dump",
        says: &["PIN [Legitimering]", "PIN [Underskrift]", "Private RSA Key", "X.509 Certificate"],
    },
    Operation {
        program: "pkcs15-tool",
        what: "verifies a PIN",
        script: "pkcs15-tool --verify-pin --auth-id 01 --pin 123456 && echo verified
            ! pkcs15-tool --verify-pin --auth-id 01 --pin 111111
            pkcs15-tool --verify-pin --auth-id 01 --pin 123456",
        says: &["verified", "PIN code or key incorrect"],
    },
    Operation {
        program: "pkcs15-crypt",
        what: "signs with both keys",
        script: "for key in 45:123456 46:654321; do
            pkcs15-crypt --sign --pkcs1 --sha-256 --key ${key%:*} --pin ${key#*:} \
                --input digest --output signature
            pkcs15-tool --read-public-key ${key%:*} | sed -n '/-----BEGIN/,$p' >key.pem
            openssl pkeyutl -verify -pubin -inkey key.pem -in digest -sigfile signature \
                -pkeyopt digest:sha256
            done",
        says: &["Signature Verified Successfully"],
    },
    Operation {
        program: "pkcs11-tool",
        what: "tests both slots",
        script: "for slot in 0:123456 1:654321; do
            OPENSC_CONF=all-slots.conf pkcs11-tool --test --login --slot-index ${slot%:*} \
                --pin ${slot#*:} | tail -n 1 | sed s/^/${slot%:*}:/
            done",
        says: &["0:No errors", "1:No errors"],
    },
    Operation {
        program: "p11tool",
        what: "lists certificates",
        script: "p11tool --provider \"$MODULE\" --list-all-certs pkcs11: >certificates
            echo at least 2 of $(grep -c 'Type: X.509 Certificate' certificates)
            test $(grep -c 'Type: X.509 Certificate' certificates) -ge 2",
        says: &["at least 2 of"],
    },
    Operation {
        program: "ssh-keygen",
        what: "lists keys",
        script: "ssh-keygen -D \"$MODULE\"",
        says: &["ssh-rsa AAAA"],
    },
    Operation {
        program: "ssh",
        what: "logs in to sshd",
        // The server at the other end of a pipe. As root it wants a directory that no package makes.
        script: "ssh-keygen -q -t ed25519 -N '' -f host </dev/null
            ssh-keygen -D \"$MODULE\" | head -n 1 >authorized
            printf '%s\\n' \"HostKey $PWD/host\" \"AuthorizedKeysFile $PWD/authorized\" 'StrictModes no' \
                'UsePAM no' 'PidFile none' 'PasswordAuthentication no' 'PermitRootLogin yes' >sshd_config
            printf '#!/bin/sh\\necho 123456\\n' >askpass
            chmod +x askpass
            server=\"$(command -v sshd || echo /usr/sbin/sshd) -i -e -f $PWD/sshd_config\"
            if [ $(id -u) = 0 ]; then
                server=\"unshare --mount sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec $server'\"
            fi
            echo \"card $(cut -d ' ' -f 1,2 host.pub)\" >known
            SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force ssh -F none -o PKCS11Provider=\"$MODULE\" \
                -o IdentityFile=none -o UserKnownHostsFile=$PWD/known \
                -o PreferredAuthentications=publickey -o ProxyCommand=\"$server\" \
                $(id -un)@card 'echo logged in by $SSH_CONNECTION'",
        says: &["logged in by"],
    },
    Operation {
        program: "openssl with the engine",
        what: "signs",
        script: "openssl dgst -sha256 -engine pkcs11 -keyform engine \
                -sign 'pkcs11:id=%45;type=private;pin-source=file:pin' -out signature digest
            pkcs15-tool --read-public-key 45 | sed -n '/-----BEGIN/,$p' >key.pem
            openssl dgst -sha256 -verify key.pem -signature signature digest",
        says: &["Verified OK"],
    },
    Operation {
        program: "openssl s_client with the engine",
        what: "shows a certificate to a server",
        script: "pkcs15-tool --read-certificate 45 >client.pem
            (echo; echo Q; sleep 1) | openssl s_client -unix tls -CAfile server.pem -verify_return_error \
                -engine pkcs11 -cert client.pem -keyform engine \
                -key 'pkcs11:id=%45;type=private;pin-source=file:pin' 2>&1 | grep 'Verify return code'
            cat server.log",
        says: &["Verify return code: 0 (ok)", "depth=0", "verify return:1"],
    },
    Operation {
        program: "curl with the engine",
        what: "shows a certificate to a server",
        script: "curl --silent --show-error --unix-socket tls --cacert server.pem --engine pkcs11 \
                --cert-type ENG --cert 'pkcs11:id=%45;type=cert' \
                --key-type ENG --key 'pkcs11:id=%45;type=private;pin-source=file:pin' https://localhost/",
        says: &["Client certificate", "Issuer: ", "TEST Telia Card Identifier CA"],
    },
    Operation {
        program: "pcsc_scan",
        what: "sees reader and card",
        script: "pcsc_scan -n -t 1",
        says: &["Card inserted", "ATR: 3B"],
    },
    Operation {
        program: "pyscard",
        what: "waits for a card, sends a command",
        script: "/usr/bin/python3 - <<'END'
from smartcard.CardType import AnyCardType
from smartcard.CardRequest import CardRequest
service = CardRequest(timeout=5, cardType=AnyCardType()).waitforcard()
service.connection.connect()
print(service.connection.transmit([0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00]))
END",
        says: &["([], 144, 0)"],
    },
    Operation {
        program: "Java (javax.smartcardio)",
        what: "waits for a card, sends a command",
        script: "java -Xshare:auto -XX:TieredStopAtLevel=1 \
                -Dsun.security.smartcardio.library=\"$(dirname \"$MODULE\")/libpcsclite.so.1\" Scan",
        says: &["true", "SW=9000"],
    },
    Operation {
        program: "a static program with a client of its own",
        what: "sends a command",
        script: "ldd static 2>&1 | grep -e 'statically linked' -e 'not a dynamic'
            ./static",
        says: &[": 9000"],
    },
    Operation {
        program: "kortlab --card pcsc (the crate `pcsc`)",
        what: "lists certificates",
        script: "\"$KORTLAB\" --card pcsc cert list",
        says: &["TEST Telia Card Identifier CA", "TEST SITHS Type 1 CA"],
    },
    Operation {
        program: "kortlab --card pcsc (the crate `pcsc`)",
        what: "verifies a PIN",
        script: "\"$KORTLAB\" --card pcsc --auth-pin file:pin pin verify auth",
        says: &["is right"],
    },
    Operation {
        program: "pkcs15-init",
        what: "stores and deletes a certificate",
        script: "certificates() { pkcs15-tool --list-certificates | grep -c 'X.509 Certificate \\['; }
            pkcs15-tool --read-certificate 45 >45.pem
            before=$(certificates)
            pkcs15-init -X 45.pem --format pem --id 47 --label Stored --auth-id 01 --pin 123456
            between=$(certificates)
            pkcs15-tool --list-certificates
            pkcs15-init --delete-objects cert --id 47 --auth-id 01 --pin 123456
            echo $((between - before)) more, then $((between - $(certificates))) less",
        says: &["1 more, then 1 less", "[Stored]"],
    },
];

/// What does not work with the cards in the program's own process: programs that do not load the
/// library by its name, and what takes several processes one after the other with one card.
const NOT_IN_PROCESS: [&str; 2] = ["a static program with a client of its own", "pkcs15-init"];

/// The rows of the table in `docs/pcsc.md`.
pub fn rows() -> Vec<String> {
    let row = |operation: &Operation| {
        let Operation { program, what, .. } = operation;
        let in_process = match NOT_IN_PROCESS.contains(program) {
            true => "no",
            false => "yes",
        };
        format!("| {program} | {what} | {in_process} | yes | yes | yes |")
    };
    OPERATIONS.iter().map(row).collect()
}

/// Makes a directory ready for the scripts. The authorities that issued for the card are given as
/// PEM.
pub fn prepare(directory: &Path, authorities: &[String]) {
    let write = |name: &str, contents: &[u8]| {
        fs::write(directory.join(name), contents).expect("written");
    };
    write("digest", &[0x5A; 32]);
    write("pin", b"123456");
    write("ca.pem", authorities.concat().as_bytes());
    write("all-slots.conf", b"");
    // One slot, that of the PIN that is given.
    let one_slot = "app opensc-pkcs11 { pkcs11 { create_slots_for_pins = \"user\"; } }\n";
    write("opensc.conf", one_slot.as_bytes());
    let server = "req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.pem -subj /CN=localhost \
                  -addext subjectAltName=DNS:localhost";
    ends_well(
        Command::new("openssl")
            .args(server.split_whitespace())
            .current_dir(directory),
    );
    write("Scan.java", SCAN.as_bytes());
    ends_well(
        Command::new("javac")
            .arg("Scan.java")
            .current_dir(directory),
    );
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/static_client.rs");
    let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
    let build = [
        "--edition",
        "2024",
        "-C",
        "target-feature=+crt-static",
        "-o",
        "static",
        source,
    ];
    ends_well(Command::new(rustc).args(build).current_dir(directory));
}

/// What carries out all operations, each in turn.
pub fn script() -> String {
    let mut script =
        "openssl s_server -unix tls -key server.key -cert server.pem -CAfile ca.pem -Verify 2 \
                      -verify_return_error -www >server.log 2>&1 &\nserver=$!\n"
            .to_owned();
    for (number, operation) in OPERATIONS.iter().enumerate() {
        let file = format!("{number}.sh");
        script.push_str(&format!(
            "cat >{file} <<'END OF THE OPERATION'\n{}\nEND OF THE OPERATION\n\
             sh -e {file} >{number}.out 2>&1 </dev/null; echo $? >{number}.code\n",
            operation.script
        ));
    }
    script.push_str("kill $server\n");
    script
}

/// The variables that the scripts want.
pub fn variables(kortlab: &str) -> [(&'static str, String); 3] {
    let module = kortlab_interop::opensc_module().expect("OpenSC's module");
    let module = module.display().to_string();
    [
        ("PKCS11_MODULE_PATH", module.clone()),
        ("MODULE", module),
        ("KORTLAB", kortlab.to_owned()),
    ]
}

/// Each operation that did not do in this directory what it should have, with what it printed.
pub fn failed(directory: &Path) -> Vec<String> {
    without(directory, |_| true)
}

/// The same with the cards in the programs' own processes, and each operation that did more than the
/// table says.
#[allow(dead_code)]
pub fn failed_in_process(directory: &Path) -> Vec<String> {
    without(directory, |program| !NOT_IN_PROCESS.contains(&program))
}

/// Each operation that did not end as it is to with this program.
fn without(directory: &Path, is_to_succeed: impl Fn(&str) -> bool) -> Vec<String> {
    let read = |name: String| fs::read_to_string(directory.join(name)).unwrap_or_default();
    let mut failed = Vec::new();
    for (number, operation) in OPERATIONS.iter().enumerate() {
        let said = read(format!("{number}.out"));
        let code = read(format!("{number}.code"));
        let missing: Vec<_> = operation
            .says
            .iter()
            .filter(|says| !said.contains(**says))
            .collect();
        let succeeded = code.trim() == "0" && missing.is_empty();
        if succeeded != is_to_succeed(operation.program) {
            failed.push(format!(
                "{} {}: code {}, without {missing:?}:\n{said}",
                operation.program,
                operation.what,
                code.trim()
            ));
        }
    }
    failed
}

fn ends_well(command: &mut Command) {
    let output = command.output().expect("it runs; run: cargo xtask test");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
