//! What a program asks a PIN pad for (PC/SC part 10): a structure of any bytes, with any digits.

use kortlab_pcsc::pad::{Asked, Feature, PadStatus, command};
use zeroize::Zeroizing;

/// The first byte says what is asked for and how many digits are keyed in beyond the fewest, the rest is
/// the structure. What comes is a command of a length that it names, with the digits of each PIN that
/// was asked for in it; or a status of the pad's own.
pub fn pin_pad(data: &[u8]) {
    let Some((first, structure)) = data.split_first() else {
        return;
    };
    let feature = match first & 1 {
        0 => Feature::Verify,
        _ => Feature::Modify,
    };
    let more = usize::from(first >> 1 & 0x0F);
    let other = first & 0x20 != 0;
    let (mut asked_for, mut has_digits) = (Vec::new(), false);
    let made = command(feature, structure, |wanted| {
        assert!(wanted.patience.as_secs() > 0 && *wanted.digits.end() <= 16);
        let digits = wanted.digits.start().saturating_add(more);
        asked_for.push(wanted.asked);
        has_digits = digits > 0;
        let digit = match wanted.asked {
            Asked::Old => 1,
            Asked::Again if other => 3,
            _ => 2,
        };
        Ok(Zeroizing::new(vec![digit; digits]))
    });
    match feature {
        Feature::Verify => assert!(matches!(*asked_for, [] | [Asked::Pin])),
        Feature::Modify => assert!(asked_for.len() <= 3 && !asked_for.contains(&Asked::Pin)),
    }
    match made {
        Ok(command) => {
            assert!((5..=260).contains(&command.len()), "{command:02X?}");
            assert_eq!(command.len(), 5 + usize::from(command[4]), "{command:02X?}");
            assert!(!asked_for.is_empty());
            assert!(!(other && has_digits && asked_for.contains(&Asked::Again)));
        }
        Err(status) => {
            let own = [PadStatus::Mismatch, PadStatus::Length, PadStatus::Parameter];
            assert!(own.contains(&status), "{status:?}");
        }
    }
}
