//! Where the administrator's side of a portal is, and where its token comes from.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use kortlab_portal::data::{addresses_file, admin_token_file};
use kortlab_portal::server::Addresses;
use kortlab_portal::token::AdminToken;
use zeroize::Zeroizing;

use super::client::Client;
use crate::failure::Failure;
use crate::files;

/// Neither file is longer.
const MAX_FILE: usize = 4096;

/// Which portal.
#[derive(Args)]
#[command(next_help_heading = "Which portal")]
pub struct PlaceOptions {
    /// The data directory of a portal that runs on this machine
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "kortlab-portal"
    )]
    data: PathBuf,

    /// The address of the administrator's side, as http://127.0.0.1:8446; the data directory says
    /// it if this is not given
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,

    /// Where the administrator's token comes from: env:NAME or file:PATH; from the data directory
    /// if this is not given. Never the token itself
    #[arg(long, global = true, value_name = "SOURCE")]
    token: Option<String>,
}

impl PlaceOptions {
    /// A client for the portal that is meant; each of its answers may take so long.
    pub fn client(&self, patience: Option<Duration>) -> Result<Client, Failure> {
        let address = match &self.url {
            Some(url) => address(url)?,
            None => running(&self.data)?,
        };
        Client::new(address, self.token()?, patience)
    }

    fn token(&self) -> Result<AdminToken, Failure> {
        let text = match self.token.as_deref().map(|source| source.split_once(':')) {
            None => read(&admin_token_file(&self.data)).map_err(|failure| match self.url {
                Some(_) => failure.hint("say with --token or --data where the token is"),
                None => where_to_look(failure),
            })?,
            Some(Some(("file", path))) => read(Path::new(path)).map_err(|failure| {
                failure.hint(
                    "give another --token; without it the token is that of the data directory (--data)",
                )
            })?,
            Some(Some(("env", name))) => Zeroizing::new(std::env::var(name).map_err(|_| {
                Failure::usage(format!(
                    "--token names the environment variable {name}, which is not set"
                ))
                .hint("set and export it, or give file:PATH")
            })?),
            // What is not a source may be the token, and is not repeated.
            Some(_) => {
                return Err(Failure::usage("--token takes env:NAME or file:PATH")
                    .hint("the token is in the file admin-token of the portal's data directory"));
            }
        };
        AdminToken::from_text(text.trim()).ok_or_else(|| {
            Failure::usage("the administrator's token has 64 hexadecimal digits")
                .hint("it is in the file admin-token of the portal's data directory")
        })
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    files::read_text(path, MAX_FILE)
}

/// Where the portal with this data directory listens.
fn running(data: &Path) -> Result<SocketAddr, Failure> {
    let path = addresses_file(data);
    let bytes = files::read(&path, MAX_FILE).map_err(where_to_look)?;
    let addresses: Addresses = serde_json::from_slice(&bytes).map_err(|error| {
        where_to_look(Failure::failed(format!(
            "{} does not say where a portal listens: {error}",
            path.display()
        )))
    })?;
    Ok(addresses.admin)
}

fn where_to_look(failure: Failure) -> Failure {
    failure.hint("start one with `kortlab portal`, or say with --data or --url where it is")
}

/// `http://ADDRESS:PORT`.
fn address(url: &str) -> Result<SocketAddr, Failure> {
    url.strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'))
        .and_then(|rest| rest.parse().ok())
        .ok_or_else(|| {
            Failure::usage("--url is the address of the administrator's side")
                .hint("for example --url http://127.0.0.1:8446")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_http_with_an_ip_and_a_port() {
        assert_eq!(
            address("http://127.0.0.1:8446/").expect("one").to_string(),
            "127.0.0.1:8446"
        );
        assert!(address("http://[::1]:1").is_ok());
        for wrong in ["127.0.0.1:1", "https://127.0.0.1:1", "http://127.0.0.1", ""] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
