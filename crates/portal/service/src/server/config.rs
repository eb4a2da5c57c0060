//! Where the portal listens, and how it is reached from outside.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::app::Places;
use crate::limits::Limits;
use crate::listener::Listener;
use crate::startup::StartError;

/// Where the portal listens, how it is reached from outside, and what it bears.
#[derive(Clone, Debug)]
pub struct Config {
    /// Pages and the JSON interface. Port 0, here and below, is any free port.
    pub listen: SocketAddr,
    /// Logging in.
    pub log_in_listen: SocketAddr,
    /// Trying *legitimering*.
    pub trial_listen: SocketAddr,
    /// CRLs, OCSP, the authorities' certificates.
    pub pki_listen: SocketAddr,
    /// The administrator; on loopback.
    pub admin_listen: SocketAddr,
    /// Names and addresses, beside those of this machine, that the TLS certificate is for. The
    /// first is the one in links.
    pub hosts: Vec<String>,
    /// Where the main listener is reached from outside, if not where it listens.
    pub public_url: Option<Url>,
    /// Where the PKI listener is reached from outside, if not where it listens. The certificates
    /// name it.
    pub pki_url: Option<Url>,
    /// Where the holders' agents are, if not at `http://127.0.0.1:47800`. The pages send there what
    /// the card is to do.
    pub agent_url: Option<Url>,
    /// What it bears.
    pub limits: Limits,
}

impl Default for Config {
    /// The usual ports, on loopback.
    fn default() -> Self {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: at(8443),
            log_in_listen: at(8444),
            trial_listen: at(8445),
            pki_listen: at(8080),
            admin_listen: at(8446),
            hosts: Vec::new(),
            public_url: None,
            pki_url: None,
            agent_url: None,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Free ports on loopback: for a portal inside another program, and for tests.
    pub fn on_free_ports() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any,
            log_in_listen: any,
            trial_listen: any,
            pki_listen: any,
            admin_listen: any,
            ..Self::default()
        }
    }

    pub(super) const fn wanted(&self, listener: Listener) -> SocketAddr {
        match listener {
            Listener::Main => self.listen,
            Listener::LogIn => self.log_in_listen,
            Listener::Trial => self.trial_listen,
            Listener::Pki => self.pki_listen,
            Listener::Admin => self.admin_listen,
        }
    }

    /// What the TLS certificate is for.
    pub(super) fn names(&self, places: &Places) -> Vec<String> {
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        let places = [&places.main, &places.log_in, &places.trial];
        let outside = places
            .iter()
            .filter_map(|url| url.host_str())
            .map(|host| host.trim_matches(['[', ']']).to_owned());
        for name in self.hosts.iter().cloned().chain(outside) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// How the listeners at these addresses are reached from outside.
    pub(super) fn places(&self, addresses: &Addresses) -> Result<Places, StartError> {
        let main = match &self.public_url {
            Some(url) => checked(url, "https")?,
            None => self.place("https", addresses.main)?,
        };
        // The same host as the pages', so that the cookie of the session is seen on all of them.
        let beside = |address: SocketAddr| {
            let mut url = main.clone();
            url.set_port(Some(address.port()))
                .map(|()| url)
                .map_err(|()| unusable(main.as_str(), "it has no host"))
        };
        let pki = match &self.pki_url {
            Some(url) => checked(url, "http")?,
            None => self.place("http", addresses.pki)?,
        };
        Ok(Places {
            log_in: beside(addresses.log_in)?,
            trial: beside(addresses.trial)?,
            main,
            pki,
        })
    }

    fn place(&self, scheme: &str, address: SocketAddr) -> Result<Url, StartError> {
        let host = match (self.hosts.first(), address.ip()) {
            (Some(host), _) => host.clone(),
            (None, ip) if ip.is_unspecified() => "localhost".to_owned(),
            (None, IpAddr::V4(ip)) => ip.to_string(),
            (None, IpAddr::V6(ip)) => format!("[{ip}]"),
        };
        let text = format!("{scheme}://{host}:{}/", address.port());
        Url::parse(&text).map_err(|error| unusable(&text, &error.to_string()))
    }
}

fn checked(url: &Url, scheme: &str) -> Result<Url, StartError> {
    let why = if url.scheme() != scheme {
        format!("it must begin with {scheme}://")
    } else if url.host_str().is_none_or(str::is_empty) {
        "it has no host".to_owned()
    } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        "it must end after the host and port".to_owned()
    } else if !url.username().is_empty() || url.password().is_some() {
        "it must not have a user name".to_owned()
    } else {
        return Ok(url.clone());
    };
    Err(unusable(url.as_str(), &why))
}

fn unusable(url: &str, why: &str) -> StartError {
    StartError::Place {
        url: url.to_owned(),
        why: why.to_owned(),
    }
}

/// Where the listeners really listen; also the content of `addresses.json` in the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Pages and the JSON interface.
    pub main: SocketAddr,
    /// Logging in.
    pub log_in: SocketAddr,
    /// Trying *legitimering*.
    pub trial: SocketAddr,
    /// CRLs, OCSP, the authorities' certificates.
    pub pki: SocketAddr,
    /// The administrator.
    pub admin: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> Addresses {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Addresses {
            main: at(1001),
            log_in: at(1002),
            trial: at(1003),
            pki: at(1004),
            admin: at(1005),
        }
    }

    #[test]
    fn links_lead_to_where_the_portal_listens() {
        let places = Config::default().places(&addresses()).unwrap();
        assert_eq!(places.main.as_str(), "https://127.0.0.1:1001/");
        assert_eq!(places.trial.as_str(), "https://127.0.0.1:1003/");
        assert_eq!(places.pki.as_str(), "http://127.0.0.1:1004/");
    }

    #[test]
    fn a_name_or_an_address_from_outside_goes_into_links_and_the_certificate() {
        let mut config = Config {
            hosts: vec!["portal.example".to_owned()],
            ..Config::default()
        };
        let places = config.places(&addresses()).unwrap();
        assert_eq!(places.log_in.as_str(), "https://portal.example:1002/");
        config.public_url = Some(Url::parse("https://ccu.example").unwrap());
        let places = config.places(&addresses()).unwrap();
        assert_eq!(places.main.as_str(), "https://ccu.example/");
        assert_eq!(places.log_in.as_str(), "https://ccu.example:1002/");
        let names = config.names(&places);
        assert!(names.contains(&"ccu.example".to_owned()), "{names:?}");
        assert!(names.contains(&"portal.example".to_owned()), "{names:?}");
    }

    #[test]
    fn addresses_from_outside_that_make_no_sense_are_refused() {
        for wrong in [
            "http://portal.example/",
            "https://portal.example/path",
            "https://user@portal.example/",
            "https://portal.example/?a",
            "file:///portal",
        ] {
            let config = Config {
                public_url: Some(Url::parse(wrong).unwrap()),
                ..Config::default()
            };
            let error = config.places(&addresses()).unwrap_err();
            assert!(error.to_string().contains("outside"), "{error}");
        }
    }
}
