//! Transcripts that read like documentation, held to what the program prints.

#[test]
fn what_the_transcripts_show_is_what_happens() {
    let state = tempfile::tempdir().expect("a directory");
    trycmd::TestCases::new()
        .env("XDG_STATE_HOME", state.path().to_string_lossy())
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.md");
}
