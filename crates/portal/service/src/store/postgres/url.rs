//! The address of a PostgreSQL database, and whether TLS leads there.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;
use std::time::Duration;

use ::url::form_urlencoded;
use postgres::Config;
use postgres::config::{Host, SslMode};

/// Longer than this, nobody waits for a connection, or for an answer on a dead one.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The address of a database, with its password. It is printed without it.
#[derive(Clone)]
pub(in crate::store) struct PostgresUrl {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

/// Whether TLS leads to the database. If it does, the server's certificate and name are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    No,
    /// With these authorities (PEM), or the machine's.
    Yes(Option<PathBuf>),
}

impl FromStr for PostgresUrl {
    type Err = String;

    /// A connection URI as libpq's, but for TLS: `sslmode` is `disable` or `verify-full`, and
    /// `require` means `verify-full` too. Without it, TLS is for databases on other machines.
    fn from_str(text: &str) -> Result<Self, String> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut mode = None;
        let mut roots = None;
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => roots = Some(value.into_owned()),
                _ => {
                    rest.append_pair(&name, &value);
                }
            }
        }
        // In these addresses a plus sign is a plus sign.
        let rest = rest.finish().replace('+', "%20");
        // What the parser says may quote a password that has a slash in it.
        let mut config: Config = format!("{base}?{rest}").parse().map_err(|_| {
            "its form is postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE, with / : @ ? # and % in a password written as %2F %3A %40 %3F %23 and %25".to_owned()
        })?;
        let here = config.get_hosts().iter().all(is_here) && config.get_hostaddrs().is_empty();
        let roots = roots.filter(|path| path != "system").map(PathBuf::from);
        let tls = match mode.as_deref() {
            Some("disable") => Tls::No,
            Some("require" | "verify-full") => Tls::Yes(roots),
            None if here => Tls::No,
            None => Tls::Yes(roots),
            Some(_) => {
                return Err(
                    "sslmode can be disable, require or verify-full (with TLS the server's certificate is always checked)"
                        .to_owned(),
                );
            }
        };
        config.ssl_mode(match tls {
            Tls::No => SslMode::Disable,
            Tls::Yes(_) => SslMode::Require,
        });
        config
            .tcp_user_timeout(TIMEOUT)
            .application_name("kortlab portal");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(TIMEOUT);
        }
        Ok(Self { config, tls })
    }
}

/// A Unix socket, or this machine by an address that cannot be another's.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
        _ => true,
    }
}

impl fmt::Display for PostgresUrl {
    /// `postgres://USER@HOST:PORT/DATABASE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        for (number, host) in self.config.get_hosts().iter().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            let ports = self.config.get_ports();
            if let Some(port) = ports.get(number).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({:?})", self.tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> PostgresUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_password_is_never_printed_not_even_in_an_error() {
        let url = parsed("postgres://kort:s%2Fecret@db.example:5433/portal?sslmode=disable");
        assert_eq!(url.to_string(), "postgres://kort@db.example:5433/portal");
        assert!(!format!("{url:?}").contains("ecret"));
        assert_eq!(url.config.get_password(), Some(b"s/ecret".as_slice()));
        let error = "postgres://kort:s/ec?ret@db/portal".parse::<PostgresUrl>();
        let error = error.unwrap_err();
        assert!(
            !error.contains("ec?ret") && !error.contains("ret@"),
            "{error}"
        );
    }

    #[test]
    fn tls_leads_to_other_machines_unless_told_otherwise_and_is_never_half_done() {
        for here in [
            "postgres://localhost/portal",
            "postgres://%2Frun%2Fpostgresql/portal",
            "postgres:///portal?host=/run/postgresql",
            "postgresql://u@127.0.0.1:5432/portal",
        ] {
            assert_eq!(parsed(here).tls, Tls::No, "{here}");
        }
        assert_eq!(parsed("postgres://db/portal").tls, Tls::Yes(None));
        assert_eq!(
            parsed("postgres://localhost/portal?sslmode=verify-full&sslrootcert=/etc/ca.pem").tls,
            Tls::Yes(Some("/etc/ca.pem".into()))
        );
        assert_eq!(
            parsed("postgres://db/p?sslmode=require&sslrootcert=system").tls,
            Tls::Yes(None)
        );
        for half in ["prefer", "allow", "verify-ca"] {
            let url = format!("postgres://db/portal?sslmode={half}");
            assert!(url.parse::<PostgresUrl>().unwrap_err().contains("sslmode"));
        }
    }

    #[test]
    fn other_options_are_passed_on() {
        let url = parsed(
            "postgres:///portal?host=/tmp/a%20b&options=-c%20search_path%3Dkort&sslmode=disable",
        );
        assert_eq!(url.config.get_options(), Some("-c search_path=kort"));
        assert_eq!(url.config.get_hosts(), [Host::Unix("/tmp/a b".into())]);
    }
}
