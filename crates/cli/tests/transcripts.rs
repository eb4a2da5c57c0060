//! Transcripts that read like documentation, held to what the program prints.

#[test]
fn what_the_transcripts_show_is_what_happens() {
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.md");
}
