//! The container recipe: built where a container tool works, checked by reading elsewhere.

use std::fs;
use std::path::Path;

use crate::process::{self, Failure};

/// The name of the image that is built.
const IMAGE: &str = "localhost/kortlab";

/// What builds images from a Containerfile, and how to see that it works here: a client without
/// its daemon does not.
const TOOLS: [(&str, &[&str]); 3] = [
    ("podman", &["info"]),
    ("docker", &["info"]),
    ("buildah", &["info"]),
];

/// Builds the image and lets it run, or says that there is nothing to build it with.
///
/// # Errors
/// The recipe is wrong, or building or running fails.
pub fn build() -> Result<(), Failure> {
    let recipe = process::root().join("Containerfile");
    let text = fs::read_to_string(&recipe).map_err(|error| super::about(&recipe, &error))?;
    let problems = problems(&text, &process::root());
    if !problems.is_empty() {
        return Err(Failure::new(format!(
            "Containerfile: {}",
            problems.join("; ")
        )));
    }
    let works =
        |(tool, words): &&(&str, &[&str])| process::succeeds(process::program(tool).args(*words));
    let Some((tool, _)) = TOOLS.iter().find(works) else {
        println!(
            "Containerfile: read and found well-formed; not built, since neither podman, docker \
             nor buildah works on this machine"
        );
        return Ok(());
    };
    process::run(process::program(tool).args([
        "build",
        "--tag",
        IMAGE,
        "--file",
        "Containerfile",
        ".",
    ]))?;
    if *tool == "buildah" {
        return Ok(());
    }
    process::run(process::program(tool).args(["run", "--rm", IMAGE, "demo"]))
}

/// What is wrong with a recipe, as far as reading tells.
fn problems(text: &str, root: &Path) -> Vec<String> {
    const KNOWN: [&str; 13] = [
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "LABEL",
        "RUN",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ];
    let mut problems = Vec::new();
    let mut stages: Vec<String> = Vec::new();
    let mut user = None;
    for (number, instruction) in instructions(text) {
        let mut say = |what: String| problems.push(format!("line {number}: {what}"));
        let (name, rest) = instruction.split_once(' ').unwrap_or((&instruction, ""));
        let words: Vec<_> = rest.split_whitespace().collect();
        if !KNOWN.contains(&name) {
            say(format!("no instruction {name}"));
        }
        if stages.is_empty() && name != "FROM" && name != "ARG" {
            say(format!("{name} before the first FROM"));
        }
        match (name, words.as_slice()) {
            ("FROM", [image, rest @ ..]) => {
                let tagged = image
                    .rsplit('/')
                    .next()
                    .is_some_and(|last| last.contains(':'));
                if !tagged || image.ends_with(":latest") {
                    say(format!("{image} names no version"));
                }
                stages.push(match rest {
                    ["AS", stage] => (*stage).to_owned(),
                    _ => String::new(),
                });
                user = None;
            }
            ("COPY", [first, .., _]) if first.starts_with("--from=") => {
                let stage = first.trim_start_matches("--from=");
                let earlier = stages.split_last().map_or(&[][..], |(_, earlier)| earlier);
                if !earlier.iter().any(|known| known == stage) {
                    say(format!("no earlier stage {stage}"));
                }
            }
            ("COPY", [sources @ .., _]) => {
                let missing = sources.iter().filter(|source| !root.join(source).exists());
                for source in missing {
                    say(format!("{source} is not in the repository"));
                }
            }
            ("RUN", _) if rest.contains("apt-get install") => {
                for part in [
                    "apt-get update",
                    "--no-install-recommends",
                    "rm -rf /var/lib/apt/lists",
                ] {
                    if !rest.contains(part) {
                        say(format!("apt-get install without {part}"));
                    }
                }
            }
            ("USER", [name]) => user = Some((*name).to_owned()),
            ("ENTRYPOINT" | "CMD", _) if !rest.starts_with('[') => {
                say(format!(
                    "{name} through a shell, which keeps signals from the program"
                ));
            }
            _ => {}
        }
    }
    if stages.is_empty() {
        problems.push("no FROM".to_owned());
    }
    if user.is_none_or(|user| user == "root") {
        problems.push("the last stage runs as root".to_owned());
    }
    problems
}

/// The instructions with their line numbers, continued lines joined, comments left out.
fn instructions(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let continues = line.ends_with('\\');
        let part = line.trim_end_matches('\\').trim();
        match found.last_mut() {
            Some((_, whole)) if open => {
                whole.push(' ');
                whole.push_str(part);
            }
            _ => found.push((index + 1, part.to_owned())),
        }
        open = continues;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> String {
        fs::read_to_string(process::root().join("Containerfile")).unwrap()
    }

    #[test]
    fn nothing_is_wrong_with_our_recipe_and_it_uses_our_rust() {
        assert_eq!(problems(&recipe(), &process::root()), Vec::<String>::new());
        let manifest = fs::read_to_string(process::root().join("Cargo.toml")).unwrap();
        let version = manifest.split("rust-version = \"").nth(1).unwrap();
        let version = version.split('"').next().unwrap();
        assert!(recipe().contains(&format!("FROM docker.io/library/rust:{version}-")));
    }

    #[test]
    fn what_is_wrong_with_a_recipe_is_found() {
        for (wrong, found) in [
            ("", "no FROM"),
            ("RUN true\nFROM a:1\nUSER x", "before the first FROM"),
            ("FROM a\nUSER x", "names no version"),
            ("FROM a:latest\nUSER x", "names no version"),
            ("FROM a:1\nUSER x\nFORM b:2", "no instruction FORM"),
            (
                "FROM a:1\nCOPY no-such-file /\nUSER x",
                "is not in the repository",
            ),
            (
                "FROM a:1 AS b\nCOPY --from=c /x /\nUSER x",
                "no earlier stage c",
            ),
            (
                "FROM a:1 AS b\nCOPY --from=b /x /\nUSER x",
                "no earlier stage b",
            ),
            (
                "FROM a:1\nRUN apt-get install \\\n  b\nUSER x",
                "without apt-get update",
            ),
            ("FROM a:1\nUSER x\nENTRYPOINT kortlab", "through a shell"),
            ("FROM a:1", "runs as root"),
            ("FROM a:1\nUSER x\nFROM b:1", "runs as root"),
        ] {
            let problems = problems(wrong, &process::root()).join("; ");
            assert!(problems.contains(found), "{wrong:?}: {problems}");
        }
    }
}
