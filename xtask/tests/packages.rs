//! What the card laboratory is built from: without the portal, few packages.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Packages that `kortlab` without the portal may be built from, with PC/SC; Kortlab's own included.
const MOST: usize = 130;

#[test]
fn the_card_laboratory_is_built_from_few_packages_and_none_of_the_portal_s() {
    let packages = packages();
    assert!(
        packages.len() <= MOST,
        "{} packages, at most {MOST}: find out with `cargo tree -p kortlab --no-default-features \
         --features pcsc -e normal,build` what came in and do without, or put it behind a feature\n{}",
        packages.len(),
        packages.iter().cloned().collect::<Vec<_>>().join("\n"),
    );
    assert!(packages.iter().any(|name| name.starts_with("pcsc v")));
    for of_the_portal in ["axum", "tokio", "rustls", "hyper", "rusqlite", "utoipa"] {
        let name = format!("{of_the_portal} v");
        assert!(!packages.iter().any(|one| one.starts_with(&name)), "{name}");
    }
}

/// Names and versions, as `cargo tree` says them.
fn packages() -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "kortlab"])
        .args(["--no-default-features", "--features", "pcsc"])
        .args(["--edges", "normal,build", "--prefix", "none"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("cargo tree");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let text = String::from_utf8(tree.stdout).expect("UTF-8");
    let name = |line: &str| line.trim_end_matches(" (*)").to_owned();
    text.lines().map(name).collect()
}
