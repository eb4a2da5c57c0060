//! PINs under OpenSC: verify, change, unblock, block; and what a restart may not forget.

use kortlab_interop::Output;

use crate::lab::{AUTH, Lab, Link, PUK, Role, SIGN};

fn verify(lab: &Lab, role: Role, pin: &str) -> Output {
    lab.pkcs15_tool(&["--verify-pin", "--auth-id", role.auth_id, "--pin", pin])
}

#[track_caller]
fn assert_verifies(lab: &Lab, role: Role, pin: &str) {
    verify(lab, role, pin).success().unwrap();
}

#[track_caller]
fn assert_refused(lab: &Lab, role: Role, pin: &str, why: &str) {
    let refused = verify(lab, role, pin).failure().unwrap();
    refused.containing(why).unwrap();
}

const WRONG: &str = "incorrect";
const BLOCKED: &str = "blocked";

fn verified_changed_and_unblocked(link: Link) {
    let lab = Lab::new("valid", link);
    for role in [AUTH, SIGN] {
        let id = ["--auth-id", role.auth_id];
        assert_verifies(&lab, role, role.pin);

        let change = ["--change-pin", "--pin", role.pin, "--new-pin", "112233"];
        lab.pkcs15_tool(&[&change[..], &id].concat())
            .success()
            .unwrap();
        assert_refused(&lab, role, role.pin, WRONG);
        assert_verifies(&lab, role, "112233");

        let unblock = ["--unblock-pin", "--puk", PUK, "--new-pin", "445566"];
        lab.pkcs15_tool(&[&unblock[..], &id].concat())
            .success()
            .unwrap();
        assert_refused(&lab, role, "112233", WRONG);
        assert_verifies(&lab, role, "445566");
    }
}

#[test]
fn both_pins_are_verified_changed_and_unblocked_under_t0() {
    verified_changed_and_unblocked(Link::T0);
}

#[test]
fn both_pins_are_verified_changed_and_unblocked_under_t1() {
    verified_changed_and_unblocked(Link::T1);
}

fn blocked_and_unblocked(role: Role, other: Role) {
    let lab = Lab::new("valid", Link::T0);
    for _ in 0..3 {
        assert_refused(&lab, role, "000000", WRONG);
    }
    assert_refused(&lab, role, role.pin, BLOCKED);
    // The other PIN is none of its business.
    assert_verifies(&lab, other, other.pin);

    let unblock = |puk: &str| {
        lab.pkcs15_tool(&[
            "--unblock-pin",
            "--auth-id",
            role.auth_id,
            "--puk",
            puk,
            "--new-pin",
            role.pin,
        ])
    };
    unblock("87654321").failure().unwrap();
    assert_refused(&lab, role, role.pin, BLOCKED);
    unblock(PUK).success().unwrap();
    assert_verifies(&lab, role, role.pin);
}

#[test]
fn a_wrong_auth_pin_thrice_blocks_and_the_puk_unblocks() {
    blocked_and_unblocked(AUTH, SIGN);
}

#[test]
fn a_wrong_sign_pin_thrice_blocks_and_the_puk_unblocks() {
    blocked_and_unblocked(SIGN, AUTH);
}

#[test]
fn the_tries_survive_an_eject_and_a_kill_of_the_emulator() {
    let mut lab = Lab::new("valid", Link::T0);
    assert_refused(&lab, AUTH, "000000", WRONG);
    lab.eject().success().unwrap();
    lab.insert();
    assert_refused(&lab, AUTH, "000000", WRONG);
    lab.kill();
    lab.insert();
    assert_refused(&lab, AUTH, "000000", WRONG);
    lab.kill();
    lab.insert();
    assert_refused(&lab, AUTH, AUTH.pin, BLOCKED);
}

#[test]
fn a_changed_pin_survives_a_kill_of_the_emulator() {
    let mut lab = Lab::new("valid", Link::T1);
    let change = ["--change-pin", "--auth-id", "02", "--pin", SIGN.pin];
    let change = [&change[..], &["--new-pin", "998877"]].concat();
    lab.pkcs15_tool(&change).success().unwrap();
    lab.kill();
    lab.insert();
    assert_verifies(&lab, SIGN, "998877");
}

#[test]
fn a_right_pin_gives_the_tries_back() {
    let lab = Lab::new("valid", Link::T0);
    for _ in 0..3 {
        assert_refused(&lab, AUTH, "000000", WRONG);
        assert_refused(&lab, AUTH, "000001", WRONG);
        assert_verifies(&lab, AUTH, AUTH.pin);
    }
}

#[test]
fn a_pin_is_changed_through_pkcs11() {
    let lab = Lab::new("valid", Link::T0);
    let change = ["--change-pin", "--new-pin", "135790"];
    lab.pkcs11_tool(AUTH, &change).success().unwrap();
    assert_verifies(&lab, AUTH, "135790");
}
