//! A program that ends by an exception when its card is not good, as its language tells it.

use std::path::Path;

use kortlab_campaign::{Laboratory, Limits, Program, Recipe, oracles};
use kortlab_emulator::Image;

#[test]
fn an_exception_that_a_spoilt_answer_causes_is_a_finding_with_its_place() {
    let script =
        "opensc-tool -s 00A4000C023F00 | grep -q 'SW1=0x90' || exec python3 -c 'int(\"card\")'";
    let arguments = ["-c", script].map(Into::into);
    let program = Program::new(Path::new("/bin/sh"), &arguments).expect("UTF-8");
    let laboratory = Laboratory::new(Image::plain(vec![]), program, Limits::default());
    let laboratory = laboratory.expect("a laboratory");
    let good = laboratory.execute(&Recipe::default()).expect("it runs");
    assert_eq!(oracles::judge(&good, &good), None, "{}", good.stderr);
    let recipe = Recipe::new(["sw:ins=A4,sw=6F00".to_owned()]);
    let spoilt = laboratory.execute(&recipe).expect("it runs");
    let found = oracles::judge(&spoilt, &good).expect("a finding");
    assert_eq!(found.signature, "panic: ValueError at <string>:1");
    assert!(found.what.starts_with("ValueError: "), "{}", found.what);
}
