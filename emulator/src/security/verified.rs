//! Which PINs are verified. Power-off and reset forget it (ISO/IEC 7816-4 §9.3.2).

/// Which PINs are verified, by their references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verified([u64; 4]);

impl Verified {
    /// Whether the PIN with this reference is verified.
    pub fn contains(&self, reference: u8) -> bool {
        let (word, bit) = Self::place(reference);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Notes that the PIN with this reference is, or is not, verified.
    pub fn set(&mut self, reference: u8, verified: bool) {
        let (word, bit) = Self::place(reference);
        if let Some(word) = self.0.get_mut(word) {
            *word = if verified { *word | bit } else { *word & !bit };
        }
    }

    fn place(reference: u8) -> (usize, u64) {
        (usize::from(reference >> 6), 1 << (reference & 0x3F))
    }

    /// Forgets the PINs that belong to an application: those with bit 8 of their reference set
    /// (ISO/IEC 7816-4 table 92, "specific reference data").
    pub fn forget_specific(&mut self) {
        let [low, more, _, _] = self.0;
        self.0 = [low, more, 0, 0];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specific_references_are_forgotten_and_global_ones_kept() {
        let mut verified = Verified::default();
        for reference in [0x01, 0x7F, 0x80, 0x81, 0xFF] {
            verified.set(reference, true);
        }
        verified.forget_specific();
        let left = (0..=0xFF).filter(|&reference| verified.contains(reference));
        assert_eq!(left.collect::<Vec<_>>(), [0x01, 0x7F]);
    }
}
