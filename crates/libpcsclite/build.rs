//! What the linker is told: the name by which programs ask for this library, and that it stays.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Programs ask the loader for this name.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libpcsclite.so.1");
    // The cards are in here: whoever closes the library and opens it again finds them as they were.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
