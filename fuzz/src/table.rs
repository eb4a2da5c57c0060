//! What one line of the table of targets expands to.

/// Makes [`TARGETS`] and each target's tests.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// Every target.
        pub const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), run: $name::$name }),*
        ];

        #[cfg(test)]
        mod tests {
            $(mod $name {
                use crate::replay;
                use crate::$name::$name as run;

                #[test]
                fn holds_on_every_seed_and_regression() {
                    replay::files(stringify!($name), run);
                }

                #[test]
                fn holds_on_mutated_seeds() {
                    replay::mutated_seeds(stringify!($name), run);
                }

                #[test]
                fn holds_on_arbitrary_bytes() {
                    replay::arbitrary_bytes(stringify!($name), run);
                }
            })*
        }
    };
}
