//! Private keys that lie open in the files of a card, as they never should: none goes into a bundle.

use std::collections::{BTreeSet, HashSet};

use kortlab_apdu::private_key;
use serde_json::Value;

use super::personal::Kind;
use super::{Replaced, answers, passed};

/// So many bytes in a row that are of a key are it, wherever they stand.
const WINDOW: usize = 8;

/// The bytes of private keys, and what stands in their place: zeros, with which files stay as long.
#[derive(Debug, Default)]
pub(super) struct Keys {
    windows: HashSet<[u8; WINDOW]>,
    different: usize,
    places: usize,
}

impl Keys {
    /// The keys in the files and data objects of an image and of a trace, and in each answer by itself.
    pub(super) fn of(image: &Value, trace: &str) -> Self {
        let mut contents = BTreeSet::new();
        collect(image, &mut contents);
        collect(&passed::read(trace), &mut contents);
        contents.extend(answers::data(trace));
        let mut keys = Self::default();
        for content in &contents {
            for place in private_key::places(content) {
                let key = content.get(place).unwrap_or_default();
                let before = keys.windows.len();
                let windows = key.windows(WINDOW).filter(|window| is_telling(window));
                let windows = windows.filter_map(|window| <[u8; WINDOW]>::try_from(window).ok());
                keys.windows.extend(windows);
                keys.different += usize::from(keys.windows.len() > before);
            }
        }
        keys
    }

    /// Leaves them out of a document, in which bytes are hexadecimal.
    pub(super) fn leave_out(&mut self, value: &mut Value) {
        if self.windows.is_empty() {
            return;
        }
        match value {
            Value::String(text) => {
                if let Some(mut bytes) = bytes(text)
                    && self.blank(&mut bytes)
                {
                    *text = hex::encode_upper(bytes);
                }
            }
            Value::Array(all) => all.iter_mut().for_each(|value| self.leave_out(value)),
            Value::Object(all) => all.values_mut().for_each(|value| self.leave_out(value)),
            _ => {}
        }
    }

    /// Leaves them out of the answers of a trace.
    pub(super) fn leave_out_of_trace(&mut self, trace: String) -> String {
        if self.windows.is_empty() {
            return trace;
        }
        answers::mapped(&trace, |data| {
            self.blank(data);
        })
    }

    /// What was left out, if anything.
    pub(super) fn count(&self) -> Option<Replaced> {
        (self.places > 0).then_some(Replaced {
            kind: Kind::PrivateKey,
            different: self.different,
            places: self.places,
        })
    }

    /// Puts zeros in the place of what is of a key, and says whether anything was.
    fn blank(&mut self, bytes: &mut [u8]) -> bool {
        let is_of_key = |window: &[u8]| {
            window
                .try_into()
                .is_ok_and(|window| self.windows.contains::<[u8; WINDOW]>(window))
        };
        let starts: Vec<_> = bytes
            .windows(WINDOW)
            .enumerate()
            .filter_map(|(at, window)| is_of_key(window).then_some(at))
            .collect();
        for start in &starts {
            if let Some(found) = bytes.get_mut(*start..start + WINDOW) {
                found.fill(0);
            }
        }
        self.places += usize::from(!starts.is_empty());
        !starts.is_empty()
    }
}

/// Whether bytes are more than filler.
fn is_telling(window: &[u8]) -> bool {
    window.iter().any(|byte| Some(byte) != window.first())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    (text.len() >= 2 * WINDOW).then(|| hex::decode(text).ok())?
}

/// All bytes in a document, and those of records in a row.
fn collect(value: &Value, contents: &mut BTreeSet<Vec<u8>>) {
    match value {
        Value::String(text) => contents.extend(bytes(text)),
        Value::Array(all) => {
            let records = all.iter().map(|record| hex::decode(record.as_str()?).ok());
            contents.extend(records.collect::<Option<Vec<_>>>().map(|all| all.concat()));
            all.iter().for_each(|value| collect(value, contents));
        }
        Value::Object(all) => all.values().for_each(|value| collect(value, contents)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_behind_another_object_is_left_out_of_files_findings_and_each_answer() {
        let secret: Vec<u8> = (0..64u8).map(|byte| byte.wrapping_mul(37)).collect();
        let key = [
            &[
                0x30, 0x47, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x71, 0x04, 0x3B,
                0x04, 0x39,
            ][..],
            &secret[..57],
        ]
        .concat();
        let file = [&[0x04, 0x03, 1, 2, 3][..], &key, &[0x04, 0x03, 7, 8, 9]].concat();
        let digits = hex::encode_upper(&file);
        let line = |part: &[u8]| format!("# Received in 0.1 ms: {}9000\n", hex::encode_upper(part));
        let trace = [
            "00A40000024B01\n",
            "# Received in 0.1 ms: 9000\n",
            "00B0000028\n",
            &line(&file[..40]),
            "00B0002828\n",
            &line(&file[40..]),
        ]
        .concat();
        let mut image = json!({"files": [{"data": digits}]});
        let mut keys = Keys::of(&image, &trace);
        keys.leave_out(&mut image);
        let zeros = "00".repeat(key.len());
        assert_eq!(
            image,
            json!({"files": [{"data": format!("0403010203{zeros}0403070809")}]})
        );
        let left = keys.leave_out_of_trace(trace);
        for part in secret[..57].chunks_exact(4) {
            assert!(!left.contains(&hex::encode_upper(part)), "{left}");
        }
        assert!(left.contains("0403070809"));
        assert_eq!(keys.count().map(|count| count.places), Some(3));
        // Without an image each file of the trace tells.
        let trace = left;
        assert!(Keys::of(&Value::Null, &trace).windows.is_empty());
    }
}
