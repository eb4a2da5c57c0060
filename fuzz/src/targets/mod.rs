//! The targets: a file here and a word in the list, and the tests, libFuzzer's way in and
//! `cargo xtask fuzz` know it.

use crate::Target;

/// Declares the modules, and makes [`TARGETS`] and each target's tests.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(pub mod $name;)*

        /// Every target.
        pub const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), run: $name::$name }),*
        ];

        #[cfg(test)]
        mod tests {
            $(mod $name {
                use crate::replay;
                use crate::targets::$name::$name as run;

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

targets![
    aodf,
    atr,
    card_transmit,
    cdf,
    certificate,
    command,
    control_line,
    csr,
    dodf,
    ef_dir,
    encoded,
    exchange,
    explain,
    fault,
    fcp,
    historical,
    host,
    image,
    ocsp_request,
    odf,
    pcsc_session,
    pin_pad,
    private_key,
    prkdf,
    pukdf,
    receipt,
    response,
    script,
    skdf,
    socket_frame,
    tlv,
    token_info,
    tpdu,
    trace,
    transaction,
    unused_space,
    vpcd_frame,
];
