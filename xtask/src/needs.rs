//! What the project needs from the machine, how to see that it is there, and the Debian package
//! that brings it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::process;

/// Something that must be on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// What it is for, as a phrase that follows "for".
    pub purpose: &'static str,
    /// How to see that it is there.
    pub check: Check,
    /// The Debian packages that bring it.
    pub packages: &'static [&'static str],
}

/// How to see that something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// One of these programs is on the search path.
    Program(&'static [&'static str]),
    /// A library that pkg-config knows.
    PkgConfig(&'static str),
    /// A file, relative to a directory of libraries such as `/usr/lib` or
    /// `/usr/lib/x86_64-linux-gnu`.
    Library(&'static str),
    /// A file below one of the directories of this one: Debian keeps a PostgreSQL of each version
    /// in `/usr/lib/postgresql/VERSION`, off the search path.
    SomeVersion(&'static str, &'static str),
    /// A file.
    File(&'static str),
}

/// To build anything: a linker.
const COMPILER: Need = Need {
    purpose: "linking",
    check: Check::Program(&["cc", "gcc", "clang"]),
    packages: &["gcc", "libc6-dev"],
};

/// To build with the `pcsc` feature.
const PCSC: [Need; 2] = [
    Need {
        purpose: "finding libpcsclite",
        check: Check::Program(&["pkg-config", "pkgconf"]),
        packages: &["pkg-config"],
    },
    Need {
        purpose: "PC/SC readers",
        check: Check::PkgConfig("libpcsclite"),
        packages: &["libpcsclite-dev"],
    },
];

/// To run the interoperability tests.
const INTEROPERABILITY: [Need; 21] = [
    Need {
        purpose: "the PC/SC daemon that the tests run",
        check: Check::Program(&["pcscd"]),
        packages: &["pcscd"],
    },
    Need {
        purpose: "the virtual reader",
        check: Check::Library("pcsc/drivers/serial/libifdvpcd.so"),
        packages: &["vsmartcard-vpcd"],
    },
    Need {
        purpose: "OpenSC's tools, which judge the card",
        check: Check::Program(&["pkcs15-tool"]),
        packages: &["opensc"],
    },
    Need {
        purpose: "OpenSC's PKCS#11 module",
        check: Check::Library("opensc-pkcs11.so"),
        packages: &["opensc-pkcs11"],
    },
    Need {
        purpose: "sending raw commands (scriptor)",
        check: Check::Program(&["scriptor"]),
        packages: &["pcsc-tools"],
    },
    Need {
        purpose: "PKCS#11 as GnuTLS speaks it (p11tool)",
        check: Check::Program(&["p11tool"]),
        packages: &["gnutls-bin"],
    },
    Need {
        purpose: "programs in a sandbox (bwrap)",
        check: Check::Program(&["bwrap"]),
        packages: &["bubblewrap"],
    },
    Need {
        purpose: "SSH keys on a card (ssh-keygen)",
        check: Check::Program(&["ssh-keygen"]),
        packages: &["openssh-client"],
    },
    Need {
        purpose: "a server to log in to with a card (sshd)",
        check: Check::Program(&["sshd"]),
        packages: &["openssh-server"],
    },
    Need {
        purpose: "PC/SC from Java (javac)",
        check: Check::Program(&["javac"]),
        packages: &["default-jdk-headless"],
    },
    Need {
        purpose: "PC/SC from Python (pyscard)",
        check: Check::File("/usr/lib/python3/dist-packages/smartcard/__init__.py"),
        packages: &["python3-pyscard"],
    },
    Need {
        purpose: "a judge of JSON schemas (jsonschema)",
        check: Check::File("/usr/lib/python3/dist-packages/jsonschema/__init__.py"),
        packages: &["python3-jsonschema"],
    },
    Need {
        purpose: "a judge of what C's interface reads and writes (valgrind)",
        check: Check::Program(&["valgrind"]),
        packages: &["valgrind"],
    },
    Need {
        purpose: "an engine that sees what a program reaches (afl-fuzz, afl-clang-fast)",
        check: Check::Program(&["afl-fuzz"]),
        packages: &["afl++"],
    },
    Need {
        purpose: "verifying signatures and certificates",
        check: Check::Program(&["openssl"]),
        packages: &["openssl"],
    },
    Need {
        purpose: "a private loopback (ip)",
        check: Check::Program(&["ip"]),
        packages: &["iproute2"],
    },
    Need {
        purpose: "private namespaces (unshare, nsenter)",
        check: Check::Program(&["nsenter"]),
        packages: &["util-linux"],
    },
    Need {
        purpose: "sending signals (kill)",
        check: Check::Program(&["kill"]),
        packages: &["procps"],
    },
    Need {
        purpose: "a clock that is wrong (faketime)",
        check: Check::Program(&["faketime"]),
        packages: &["faketime"],
    },
    Need {
        purpose: "traces as Wireshark shows them (tshark)",
        check: Check::Program(&["tshark"]),
        packages: &["tshark"],
    },
    Need {
        purpose: "a private /run/pcscd",
        check: Check::Program(&["mount"]),
        packages: &["mount"],
    },
];

/// To run the tests of the portal: its stores, its TLS, its pages in a browser.
const PORTAL: [Need; 14] = [
    Need {
        purpose: "the PostgreSQL servers that the tests run",
        check: Check::SomeVersion("/usr/lib/postgresql", "bin/postgres"),
        packages: &["postgresql"],
    },
    Need {
        purpose: "looking into the portal's database",
        check: Check::Program(&["sqlite3"]),
        packages: &["sqlite3"],
    },
    Need {
        purpose: "asking the portal as any program would",
        check: Check::Program(&["curl"]),
        packages: &["curl"],
    },
    Need {
        purpose: "OpenSSL with a key on a card",
        check: Check::Library("engines-3/pkcs11.so"),
        packages: &["libengine-pkcs11-openssl"],
    },
    Need {
        purpose: "the browser",
        check: Check::Program(&["chromium"]),
        packages: &["chromium"],
    },
    Need {
        purpose: "fetching axe-core, which judges pages",
        check: Check::Program(&["npm"]),
        packages: &["npm"],
    },
    Need {
        purpose: "the days on which Sweden changes its clocks",
        check: Check::File("/usr/share/zoneinfo/Europe/Stockholm"),
        packages: &["tzdata"],
    },
    Need {
        purpose: "driving the browser",
        check: Check::Program(&["chromedriver"]),
        packages: &["chromium-driver"],
    },
    Need {
        purpose: "the browser's own list of PKCS#11 modules (modutil, certutil)",
        check: Check::Program(&["certutil"]),
        packages: &["libnss3-tools"],
    },
    Need {
        purpose: "a screen for the browser",
        check: Check::Program(&["Xvfb"]),
        packages: &["xvfb"],
    },
    Need {
        purpose: "windows on that screen",
        check: Check::Program(&["openbox"]),
        packages: &["openbox"],
    },
    Need {
        purpose: "looking for windows, clicking and typing",
        check: Check::Program(&["xdotool"]),
        packages: &["xdotool", "x11-utils"],
    },
    Need {
        purpose: "pictures of that screen",
        check: Check::Program(&["import"]),
        packages: &["imagemagick"],
    },
    Need {
        purpose: "letters on that screen",
        check: Check::File("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
        packages: &["fonts-dejavu-core"],
    },
];

/// What the build needs with PC/SC.
pub fn build() -> Vec<Need> {
    let mut needs = vec![COMPILER];
    // macOS and Windows have PC/SC themselves.
    if cfg!(all(unix, not(target_vendor = "apple"))) {
        needs.extend(PCSC);
    }
    needs
}

/// What the build needs without PC/SC.
pub fn bare_build() -> Vec<Need> {
    vec![COMPILER]
}

/// What all tests need.
pub fn test() -> Vec<Need> {
    let mut needs = build();
    needs.extend(INTEROPERABILITY);
    needs.extend(PORTAL);
    needs
}

/// What fuzzing needs: libFuzzer is C++.
pub fn fuzz() -> Vec<Need> {
    let mut needs = build();
    needs.push(Need {
        purpose: "building libFuzzer",
        check: Check::Program(&["c++", "g++", "clang++"]),
        packages: &["g++"],
    });
    needs
}

/// What making packages needs, and trying one in a bare Debian.
pub fn dist(tries: bool) -> Vec<Need> {
    let mut needs = build();
    needs.push(Need {
        purpose: "the libraries that the Debian package depends on",
        check: Check::Program(&["dpkg-shlibdeps"]),
        packages: &["dpkg-dev"],
    });
    if tries {
        needs.push(Need {
            purpose: "a bare Debian to install the package in",
            check: Check::Program(&["debootstrap"]),
            packages: &["debootstrap"],
        });
    }
    needs
}

/// What measuring the portal under load needs.
pub fn load() -> Vec<Need> {
    let program = |purpose, name: &'static [&'static str]| Need {
        purpose,
        check: Check::Program(name),
        packages: name,
    };
    let mut needs = build();
    needs.push(program("asking as often as can be", &["wrk"]));
    needs.push(program("the servers to compare with", &["openssl"]));
    needs.push(program("asking the portal as any program would", &["curl"]));
    needs
}

/// Those of the needs that are not met.
pub fn missing(needs: &[Need], is_there: impl Fn(&Check) -> bool) -> Vec<Need> {
    let unmet = |need: &&Need| !is_there(&need.check);
    needs.iter().filter(unmet).copied().collect()
}

/// The packages that meet the needs, each once, in order.
pub fn packages(needs: &[Need]) -> Vec<&'static str> {
    let all: BTreeSet<_> = needs.iter().flat_map(|need| need.packages).collect();
    all.into_iter().copied().collect()
}

/// Looks at this machine.
pub fn is_there(check: &Check) -> bool {
    match check {
        Check::Program(names) => names.iter().any(|name| process::on_path(name)),
        Check::PkgConfig(library) => ["pkg-config", "pkgconf"]
            .iter()
            .any(|tool| process::succeeds(process::program(tool).args(["--exists", library]))),
        Check::Library(file) => library_directories()
            .iter()
            .any(|directory| directory.join(file).is_file()),
        Check::SomeVersion(base, file) => below(Path::new(base))
            .iter()
            .any(|directory| directory.join(file).is_file()),
        Check::File(file) => Path::new(file).is_file(),
    }
}

/// `/usr/lib`, `/usr/lib64`, `/usr/local/lib` and their direct subdirectories, which hold the
/// multi-architecture ones.
fn library_directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    for base in ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(Path::new) {
        directories.push(base.to_path_buf());
        directories.extend(below(base));
    }
    directories
}

/// The directories in a directory.
fn below(base: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_missing_where_everything_is_there() {
        assert_eq!(missing(&test(), |_| true), []);
        assert!(packages(&[]).is_empty());
    }

    #[test]
    fn a_bare_debian_gets_every_package_once() {
        let packages = packages(&missing(&test(), |_| false));
        let wanted = [
            "afl++",
            "bubblewrap",
            "chromium",
            "chromium-driver",
            "curl",
            "default-jdk-headless",
            "faketime",
            "fonts-dejavu-core",
            "gcc",
            "gnutls-bin",
            "imagemagick",
            "iproute2",
            "libc6-dev",
            "libengine-pkcs11-openssl",
            "libnss3-tools",
            "libpcsclite-dev",
            "mount",
            "npm",
            "openbox",
            "opensc",
            "opensc-pkcs11",
            "openssh-client",
            "openssh-server",
            "openssl",
            "pcsc-tools",
            "pcscd",
            "pkg-config",
            "postgresql",
            "procps",
            "python3-jsonschema",
            "python3-pyscard",
            "sqlite3",
            "tshark",
            "tzdata",
            "util-linux",
            "valgrind",
            "vsmartcard-vpcd",
            "x11-utils",
            "xdotool",
            "xvfb",
        ];
        assert_eq!(packages, wanted);
    }

    #[test]
    fn only_what_is_missing_is_asked_for() {
        let without_opensc = |check: &Check| *check != Check::Program(&["pkcs15-tool"]);
        let missing = missing(&test(), without_opensc);
        assert_eq!(packages(&missing), ["opensc"]);
    }

    #[test]
    fn the_demo_needs_no_more_than_a_linker() {
        assert_eq!(
            packages(&missing(&bare_build(), |_| false)),
            ["gcc", "libc6-dev"]
        );
    }

    #[test]
    fn only_a_trial_of_the_package_needs_a_bare_debian() {
        let packages = |tries| packages(&missing(&dist(tries), |_| false));
        assert!(!packages(false).contains(&"debootstrap"));
        assert!(packages(true).contains(&"debootstrap"));
    }

    #[test]
    fn this_machine_is_looked_at() {
        assert!(is_there(&Check::Program(&["no-such-tool", "sh"])));
        assert!(!is_there(&Check::Program(&["no-such-tool"])));
        assert!(!is_there(&Check::Library("no/such/library.so")));
        assert!(is_there(&Check::SomeVersion("/", "sh")));
        assert!(is_there(&Check::File("/bin/sh")));
        assert!(!is_there(&Check::SomeVersion("/no/such", "bin/sh")));
        assert!(!is_there(&Check::File("/bin")));
        assert!(!is_there(&Check::PkgConfig("no-such-library")));
    }
}
