//! Puts the null card into vpcd's reader: `kortlab-null-card [HOST:PORT]`.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use std::{env, io};

use kortlab_interop::{VPCD_PORT, null_card};

fn main() -> ExitCode {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| format!("127.0.0.1:{VPCD_PORT}"));
    loop {
        match null_card::serve(&address, &null_card::ATR, null_card::always_9000) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                eprintln!("kortlab-null-card: {address}: {error}");
                return ExitCode::from(2);
            }
            // pcscd is not there yet, or was restarted.
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}
