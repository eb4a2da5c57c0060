//! In which order test programs run: those that take longest first, so that nothing long is left
//! over at the end, and those that measure time last, with nothing beside them.

/// Programs that take long, the longest first.
const LONG: [&str; 19] = [
    "kortlab interop",
    "kortlab browser",
    "kortlab-portal http",
    "kortlab readers",
    "kortlab renew",
    "kortlab-portal pages",
    "kortlab-tear cuts",
    "kortlab-agent accessible",
    "kortlab findings",
    "kortlab-credential own_files",
    "kortlab run",
    "kortlab-tear damaged_cards",
    "kortlab-portal store",
    "kortlab-card torn_cards",
    "kortlab-tear opensc",
    "kortlab-renewal renewal",
    "kortlab cards",
    "kortlab-tear model",
    "kortlab-card hostile_answers",
];

/// Programs with tests that something is done within a second or few.
const QUIET: [&str; 5] = [
    "kortlab agent",
    "kortlab silence",
    "kortlab-agent neighbours",
    "kortlab-pcsc door",
    "kortlab-portal-client answers",
];

/// Where a program comes among the others: what is less comes first.
pub fn rank(name: &str) -> usize {
    let place = LONG.iter().position(|long| *long == name);
    place.unwrap_or(LONG.len())
}

/// Whether nothing else may run beside the program.
pub fn is_quiet(name: &str) -> bool {
    QUIET.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::process;

    /// The directory of a package, from the list of members.
    fn directory(package: &str) -> std::path::PathBuf {
        let manifest = fs::read_to_string(process::root().join("Cargo.toml")).unwrap();
        let members = manifest.split("members = [").nth(1).unwrap();
        let members = members.split(']').next().unwrap();
        let of_package = |member: &&str| {
            let manifest = process::root().join(member).join("Cargo.toml");
            let manifest = fs::read_to_string(manifest).unwrap_or_default();
            manifest.contains(&format!("name = \"{package}\"\n"))
        };
        let member = members.split('"').find(of_package);
        process::root().join(member.unwrap_or_else(|| panic!("no package {package}")))
    }

    #[test]
    fn every_program_of_the_lists_is_there() {
        for name in LONG.iter().chain(&QUIET) {
            let (package, test) = name.split_once(' ').unwrap();
            let tests = directory(package).join("tests");
            let is_there = tests.join(format!("{test}.rs")).is_file()
                || tests.join(test).join("main.rs").is_file();
            assert!(is_there, "{name}");
        }
    }

    #[test]
    fn the_longest_comes_first_and_unknown_ones_last() {
        assert!(rank(LONG[0]) < rank(LONG[1]));
        assert!(rank(LONG[18]) < rank("kortlab tables"));
        assert!(is_quiet("kortlab-pcsc door") && !is_quiet(LONG[0]));
    }
}
