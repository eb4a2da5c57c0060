//! Transcripts that read like documentation, held to what the program prints.

#[test]
fn what_the_transcripts_show_is_what_happens() {
    let state = tempfile::tempdir().expect("a directory");
    let cases = || {
        let cases = trycmd::TestCases::new();
        cases
            .env("XDG_STATE_HOME", state.path().to_string_lossy())
            .env("NO_COLOR", "1");
        cases
    };
    // Too narrow to be taken for true: no limit, as in a pipe.
    cases().env("COLUMNS", "0").case("tests/cmd/first-steps.md");
    // These say themselves how wide they are.
    cases().case("tests/cmd/narrow.md");
}
