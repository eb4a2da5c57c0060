//! ARCHITECTURE.md against the tree: its map has every crate and nothing else, and its arrows are
//! those of the `Cargo.toml` files. And the command decodes nothing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).expect("a file of the tree")
}

/// The lines of the first block of code below a line that begins with `heading`.
fn block(page: &str, heading: &str) -> Vec<String> {
    let below = page.lines().skip_while(|line| !line.starts_with(heading));
    let inside = below.skip_while(|line| *line != "```").skip(1);
    inside
        .take_while(|line| *line != "```")
        .map(str::to_owned)
        .collect()
}

/// The paths in the map: a line's first word, below the less indented lines before it.
fn map() -> Vec<String> {
    let mut around: Vec<(usize, String)> = Vec::new();
    let mut paths = Vec::new();
    for line in block(&read("ARCHITECTURE.md"), "## The map") {
        let indent = line.len() - line.trim_start().len();
        let name = line.split_whitespace().next().expect("a name").to_owned();
        around.retain(|(other, _)| *other < indent);
        let path: String = around.iter().map(|(_, name)| name.as_str()).collect();
        paths.push(format!("{path}{name}"));
        around.push((indent, name));
    }
    paths
}

/// The members of the workspace.
fn members() -> Vec<String> {
    let manifest = read("Cargo.toml");
    let (_, list) = manifest.split_once("members = [").expect("members");
    let (list, _) = list.split_once(']').expect("an end");
    let quoted = list.split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// What the map and the arrows call a crate: the last part of its path.
fn short(member: &str) -> &str {
    member.rsplit('/').next().expect("a part")
}

/// Every crate of the workspace, by the name of its package.
fn packages() -> BTreeMap<String, String> {
    let name = |member: &String| {
        let manifest = read(Path::new(member).join("Cargo.toml"));
        let line = manifest.lines().find(|line| line.starts_with("name = "));
        let name = line
            .and_then(|line| line.split('"').nth(1))
            .expect("a name");
        (name.to_owned(), short(member).to_owned())
    };
    members().iter().map(name).collect()
}

/// What a crate depends on, tests and builds apart, by the names that the arrows have.
fn dependencies(member: &str, packages: &BTreeMap<String, String>) -> BTreeSet<String> {
    let manifest = read(Path::new(member).join("Cargo.toml"));
    let mut found = BTreeSet::new();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]" {
            let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
            found.extend(packages.get(&line[..end]).cloned());
        }
    }
    found
}

#[test]
fn the_map_names_what_is_there_and_every_crate() {
    let map = map();
    assert!(map.len() > 20, "{map:?}");
    for path in &map {
        assert!(root().join(path).exists(), "the map names {path}");
    }
    for member in members() {
        let path = format!("{member}/");
        assert!(map.contains(&path), "the map has no {path}");
    }
    // Directories whose contents the map lists: all of them, or none.
    for directory in ["crates/", "crates/portal/", "emulator/src/"] {
        for entry in fs::read_dir(root().join(directory)).expect("a directory") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                let path = format!("{directory}{}/", entry.file_name().to_string_lossy());
                assert!(map.contains(&path), "the map has no {path}");
            }
        }
    }
}

#[test]
fn the_arrows_are_those_of_the_manifests() {
    let packages = packages();
    let mut drawn = BTreeMap::new();
    for line in block(&read("ARCHITECTURE.md"), "Arrows point one way") {
        let (from, to) = line.split_once("──>").expect("an arrow");
        let to: BTreeSet<String> = to
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        // From the ground up: nothing below is mentioned before it was drawn.
        for name in &to {
            assert!(drawn.contains_key(name), "{from} points up, to {name}");
        }
        drawn.insert(from.trim().to_owned(), to);
    }
    for member in members() {
        let name = short(&member);
        if matches!(name, "benches" | "fuzz" | "xtask") {
            continue;
        }
        let arrows = drawn.remove(name);
        let found = dependencies(&member, &packages);
        assert_eq!(arrows, Some(found), "the arrows of {name}");
    }
    assert!(drawn.is_empty(), "no such crates: {drawn:?}");
}

#[test]
fn unsafe_is_forbidden_everywhere_but_on_the_c_side_of_one_crate() {
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    let mut blocks = 0;
    for member in members() {
        let manifest = read(Path::new(&member).join("Cargo.toml"));
        let (_, lints) = manifest.split_once("\n[lints").expect("lints");
        if member != "crates/libpcsclite" {
            assert!(lints.starts_with("]\nworkspace = true\n"), "{member}");
            continue;
        }
        assert!(lints.contains("\nunsafe_code = \"deny\"\n"));
        assert!(lints.contains("\nundocumented_unsafe_blocks = \"deny\"\n"));
        for (path, text) in sources(&root().join(&member).join("src")) {
            let says_so = text.contains("unsafe {") || text.contains("allow(unsafe_code)");
            assert!(
                !says_so || path.to_string_lossy().contains("/src/abi/"),
                "{}",
                path.display()
            );
            blocks += text.matches("unsafe {").count();
        }
    }
    assert!(blocks > 20, "{blocks}");
}

/// Every Rust file below a directory, with its text.
fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            found.push((path, text));
        }
    }
    found
}

/// What stands in backticks in the section of the page with this heading.
fn named_in(heading: &str) -> Vec<String> {
    let page = read("ARCHITECTURE.md");
    let (_, section) = page.split_once(heading).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let quoted = section.split('`').skip(1).step_by(2);
    quoted.map(|name| name.replace('\n', " ")).collect()
}

#[test]
fn the_two_walks_name_files_and_items_that_are_there() {
    let bases = ["", "crates/", "crates/portal/service/src/", "emulator/src/"];
    let mut sources = sources(&root().join("crates"));
    sources.extend(self::sources(&root().join("emulator/src")));
    let mut followed = 0;
    for name in ["## One APDU\n", "## One certificate\n"]
        .into_iter()
        .flat_map(named_in)
        .filter(|name| !name.contains(' '))
    {
        if name.contains('/') || name.ends_with(".rs") {
            let there = bases
                .iter()
                .any(|base| root().join(base).join(&name).exists());
            assert!(there, "the walk names {name}");
            followed += 1;
        } else if let Some((_, item)) = name.rsplit_once("::") {
            let is_item = |text: &str| {
                ["fn", "mod", "struct", "enum", "trait", "type"]
                    .iter()
                    .any(|kind| text.contains(&format!("{kind} {item}")))
            };
            let there = sources.iter().any(|(path, text)| {
                let stem = path.parent().and_then(Path::file_name);
                stem.is_some_and(|stem| stem == item) || is_item(text)
            });
            assert!(there, "the walk names {name}");
            followed += 1;
        }
    }
    assert!(followed > 20, "{followed}");
}

#[test]
fn every_example_is_run_by_a_test_of_its_crate() {
    let mut found = 0;
    for member in members() {
        let directory = root().join(&member);
        let examples = directory.join("examples");
        if !examples.is_dir() {
            continue;
        }
        let tests = sources(&directory.join("tests"));
        for (path, _) in sources(&examples) {
            let name = path.file_name().expect("a name").to_string_lossy();
            let taken = format!("#[path = \"../examples/{name}\"]");
            let is_run = tests.iter().any(|(_, text)| text.contains(&taken));
            assert!(is_run, "no test in {member}/tests runs {name}");
            found += 1;
        }
    }
    assert!(found >= 6, "{found}");
}

/// What takes bytes apart: crates that the command must not depend on, and what its sources must not
/// name of the crates that it does depend on.
const PARSERS: [&str; 11] = [
    "asn1-rs",
    "cms",
    "const-oid",
    "der",
    "iso7816-tlv",
    "kortlab-pkcs15",
    "nom",
    "pkcs1",
    "spki",
    "x509-cert",
    "x509-parser",
];
const DECODING: [&str; 14] = [
    "tlv::",
    "fcp::",
    "atr::Atr",
    "Atr::",
    "historical::",
    "Fcp::",
    "read_one",
    "kortlab_pkcs15",
    "inspect::CertificateSummary",
    "inspect::Appearance",
    "inspect::Employer",
    "ContentKind::of",
    "from_der",
    "ReadTime",
];

#[test]
fn the_command_decodes_nothing_itself() {
    let manifest = read("crates/cli/Cargo.toml");
    let (_, needed) = manifest
        .split_once("\n[dependencies]\n")
        .expect("dependencies");
    let (needed, _) = needed.split_once("\n[").expect("an end");
    for parser in PARSERS {
        let depends = |line: &str| {
            line.strip_prefix(parser)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        };
        assert!(!needed.lines().any(depends), "cli depends on {parser}");
    }
    let sources = sources(&root().join("crates/cli/src"));
    assert!(sources.len() > 60, "{}", sources.len());
    for (path, text) in sources {
        for name in DECODING {
            let found = text.lines().find(|line| {
                let code = line.split("//").next().unwrap_or_default();
                code.contains(name)
            });
            assert_eq!(found, None, "{} names {name}", path.display());
        }
    }
}

/// The code of a file: neither its comments nor its tests.
fn code(path: &Path) -> String {
    let text = read(path);
    let before_tests = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .expect("a part");
    let lines = before_tests.lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(directory)).expect("a directory") {
        let entry = entry.expect("an entry");
        let path = directory.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn of_the_cards_rooms_crypto_alone_knows_rsa() {
    let mut files = Vec::new();
    rust_files(Path::new("emulator/src"), &mut files);
    let knowing: Vec<_> = files
        .iter()
        .filter(|path| {
            ["RsaKey", "RsaComponents", "Key::Rsa", "rsa_key", "use rsa"]
                .iter()
                .any(|name| code(path).contains(name))
        })
        .collect();
    assert!(!knowing.is_empty());
    for path in knowing {
        assert!(
            path.starts_with("emulator/src/crypto"),
            "{}",
            path.display()
        );
    }
}

/// The modules of a crate that name one another in a circle, and why that is so.
const CIRCLES: [(&str, &str); 4] = [
    (
        "crates/card",
        "a card, its session and its tokens open one another; what a card lists is judged as it is read",
    ),
    (
        "crates/cli",
        "clap: the arguments name the commands, which name the arguments",
    ),
    (
        "crates/interop",
        "a sandbox runs programs, and a program runs in its sandbox",
    ),
    (
        "crates/portal/service",
        "axum: the state of all handlers has what the pages remember",
    ),
];

/// Which modules of a crate its modules name with `crate::`, by the names of those at the root.
fn named_modules(sources_of: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, _) in sources(sources_of) {
        let below = path.strip_prefix(sources_of).expect("below");
        let first = below.components().next().expect("a name").as_os_str();
        let module = first.to_string_lossy().replace(".rs", "");
        let is_test = below.file_name().is_some_and(|name| name == "tests.rs");
        if is_test || matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let text = code(path.strip_prefix(root()).expect("in the tree"));
        let mut found = BTreeSet::new();
        for after in text.split("crate::").skip(1) {
            match after.strip_prefix('{') {
                None => found.extend(identifier(after)),
                // The first names of a list: `{a::b, c::{d, e}}`.
                Some(list) => {
                    let (mut depth, mut begins) = (0, true);
                    for (at, character) in list.char_indices() {
                        match character {
                            '{' => depth += 1,
                            '}' if depth == 0 => break,
                            '}' => depth -= 1,
                            ',' if depth == 0 => begins = true,
                            _ if begins && !character.is_whitespace() => {
                                found.extend(identifier(&list[at..]));
                                begins = false;
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        found.remove(&module);
        named.entry(module).or_default().extend(found);
    }
    named
}

fn identifier(text: &str) -> Option<String> {
    let end = text.find(|character: char| !character.is_alphanumeric() && character != '_');
    let name = &text[..end.unwrap_or(text.len())];
    (!name.is_empty()).then(|| name.to_owned())
}

/// The modules from which one comes back to themselves.
fn in_circles(named: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let reached = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<_> = named[from].iter().collect();
        while let Some(module) = open.pop() {
            if named.contains_key(module) && seen.insert(module.clone()) {
                open.extend(&named[module]);
            }
        }
        seen
    };
    let modules = named.keys();
    modules
        .filter(|module| reached(module).contains(*module))
        .cloned()
        .collect()
}

#[test]
fn no_modules_of_a_crate_name_one_another_in_a_circle() {
    for member in members() {
        let directory = root().join(&member).join("src");
        let circle = in_circles(&named_modules(&directory));
        let known = CIRCLES.iter().find(|(name, _)| *name == member);
        match known {
            None => assert!(circle.is_empty(), "{member}: {circle:?}"),
            Some((_, why)) => assert!(!circle.is_empty(), "{member} has none any more: {why}"),
        }
    }
}

#[test]
fn a_circle_is_found() {
    let named = |pairs: &[(&str, &[&str])]| -> BTreeMap<String, BTreeSet<String>> {
        let pair = |(name, all): &(&str, &[&str])| {
            let all = all.iter().map(|name| (*name).to_owned()).collect();
            ((*name).to_owned(), all)
        };
        pairs.iter().map(pair).collect()
    };
    let straight = named(&[("a", &["b", "other_crate"]), ("b", &["c"]), ("c", &[])]);
    assert_eq!(in_circles(&straight), BTreeSet::new());
    let circle = named(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]);
    let expected: BTreeSet<_> = ["b", "c"].map(str::to_owned).into();
    assert_eq!(in_circles(&circle), expected);
}
