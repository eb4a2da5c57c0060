//! One process of `afl-fuzz`: how it is started.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::log::Trouble;
use crate::laboratory::Laboratory;

/// An instance of AFL++.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What it is called among all that share the directory.
    pub name: String,
    /// The directory that the instances share.
    pub sync: PathBuf,
    /// The directory with what it begins with.
    pub seeds: PathBuf,
    /// Where it puts the test case that the program reads.
    pub test_case: PathBuf,
    /// The library that makes test cases of test cases.
    pub mutator: PathBuf,
    /// What chance decides.
    pub seed: u64,
    /// At most so many executions.
    pub executions: Option<u64>,
    /// Further arguments of AFL++.
    pub more: Vec<OsString>,
}

impl Instance {
    /// The arguments of `afl-fuzz`, for the program of this laboratory. What was begun goes on.
    pub fn arguments(&self, laboratory: &Laboratory) -> Vec<OsString> {
        let (program, limits) = (laboratory.program(), laboratory.limits());
        let text = |text: String| OsString::from(text);
        let mut arguments: Vec<OsString> = vec!["-i".into()];
        arguments.push(match self.was_begun() {
            true => "-".into(),
            false => self.seeds.clone().into(),
        });
        arguments.extend(["-o".into(), self.sync.clone().into()]);
        // A main instance (-M) would go through everything in order and shorten nothing; where there
        // is none, one of the others sees to what is left of its work.
        arguments.extend(["-S".into(), text(self.name.clone())]);
        // What it takes at most; AFL++ finds out what is enough.
        let time = format!("{}+", limits.milliseconds);
        arguments.extend(["-t".into(), text(time), "-m".into()]);
        // A sanitizer reserves more addresses than there is memory.
        arguments.push(match has_address_sanitizer(&program.path) {
            true => "none".into(),
            false => text(limits.mebibytes.to_string()),
        });
        arguments.extend(["-s".into(), text(self.seed.to_string())]);
        if let Some(most) = self.executions {
            arguments.extend(["-E".into(), text(most.to_string())]);
        }
        arguments.extend(["-f".into(), self.test_case.clone().into()]);
        arguments.extend(self.more.iter().cloned());
        arguments.extend(["--".into(), program.path.clone().into()]);
        arguments.extend(program.arguments.iter().map(OsString::from));
        arguments
    }

    /// The environment of `afl-fuzz`, which its children have, too: where the card is, that the fork
    /// server is begun late, and that nobody looks at a screen.
    pub fn environment(&self, laboratory: &Laboratory, commands: usize) -> Vec<(&str, OsString)> {
        let hang = laboratory.limits().milliseconds.to_string();
        let mut variables = vec![
            (
                kortlab_pcsc::in_process::TEST_CASE,
                self.test_case.clone().into(),
            ),
            (
                kortlab_pcsc::in_process::TYPICAL_COMMANDS,
                commands.to_string().into(),
            ),
            (
                "AFL_CUSTOM_MUTATOR_LIBRARY",
                self.mutator.clone().into_os_string(),
            ),
            ("AFL_HANG_TMOUT", hang.into()),
        ];
        variables.extend(SWITCHES.map(|name| (name, OsString::from("1"))));
        variables.extend(laboratory.surroundings());
        variables.extend(told_to_ubsan(env::var_os(UNDEFINED.0).as_deref()));
        variables
    }

    /// Whether there is a campaign of this instance that can go on.
    pub fn was_begun(&self) -> bool {
        let queue = self.sync.join(&self.name).join("queue");
        fs::read_dir(queue).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| entry.file_name().as_encoded_bytes().starts_with(b"id:"))
            })
        })
    }
}

/// What UBSan is told, unless the user tells it something. AFL++ would have the program end at the first
/// report: with one that comes with the good card, too, nothing behind it would ever be reached. A
/// place that reports is one that was not reached before, so that its test case is kept and judged.
/// The rest is what AFL++ tells it.
const UNDEFINED: (&str, &str) = (
    "UBSAN_OPTIONS",
    "halt_on_error=0:abort_on_error=1:symbolize=0:malloc_context_size=0:\
     allocator_may_return_null=1:handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0:\
     handle_sigill=0",
);

/// What is to be told to UBSan, to whom the user says this or nothing.
fn told_to_ubsan(by_the_user: Option<&OsStr>) -> Option<(&'static str, OsString)> {
    by_the_user
        .is_none()
        .then(|| (UNDEFINED.0, UNDEFINED.1.into()))
}

/// What AFL++ is told by the mere presence of a variable.
const SWITCHES: [&str; 9] = [
    // The fork server begins when our library says so.
    "AFL_DEFER_FORKSRV",
    // A test case that is no list of faults is none.
    "AFL_CUSTOM_MUTATOR_ONLY",
    "AFL_NO_UI",
    // Several campaigns share the processors.
    "AFL_NO_AFFINITY",
    "AFL_SKIP_CPUFREQ",
    // Crashes are counted by how the process ended, whatever becomes of its core.
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES",
    "AFL_NO_CRASH_README",
    // Ours are none of its own.
    "AFL_IGNORE_UNKNOWN_ENVS",
    "AFL_FAST_CAL",
];

/// What AFL++ would refuse of a program before it starts it: a script, and what is not instrumented. It
/// looks for the same.
pub fn refused(program: &Path) -> Option<Trouble> {
    let bytes = fs::read(program).unwrap_or_default();
    match bytes.get(..4) {
        Some(b"\x7FELF") => {
            (!contains(&bytes, b"__AFL_SHM_ID")).then_some(Trouble::NotInstrumented)
        }
        _ => Some(Trouble::NoProgram),
    }
}

/// Whether a program has AddressSanitizer in it, by the name that AFL++ looks for as well.
fn has_address_sanitizer(program: &Path) -> bool {
    contains(&fs::read(program).unwrap_or_default(), b"__asan_init")
}

fn contains(bytes: &[u8], name: &[u8]) -> bool {
    bytes.windows(name.len()).any(|window| window == name)
}

/// Where `afl-fuzz` is, along a search path.
pub fn find(path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .map(|place| place.join("afl-fuzz"))
        .find(|place| place.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_ubsan_does_not_end_the_program_unless_the_user_says_so() {
        let (name, told) = told_to_ubsan(None).unwrap();
        assert_eq!(name, "UBSAN_OPTIONS");
        assert!(told.to_str().unwrap().contains("halt_on_error=0"));
        assert_eq!(told_to_ubsan(Some(OsStr::new("halt_on_error=1"))), None);
    }
}
