//! Following what a portal writes to a PostgreSQL database, without its lock.

use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::revocation::RevocationReason;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::{Client, IsolationLevel, Transaction};

use super::apart;
use super::session::{DatabaseError, check_to_follow, connect};
use super::url::PostgresUrl;
use crate::store::{Follower, News, StoreError};

/// A portal of this schema writes there; this reads.
pub(in crate::store) struct PostgresFollower {
    url: PostgresUrl,
    name: String,
    /// `None` after an error: the next call connects anew.
    client: Option<Client>,
    /// What was told.
    seen: Seen,
}

/// How far a follower has come.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The last commit; `None` before the first.
    revision: Option<i64>,
    /// The number and the time of each CRL.
    crls: Vec<(AuthorityKind, i64, i64)>,
}

impl PostgresFollower {
    pub(in crate::store) fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let name = url.to_string();
        let client = apart(|| connect_to_follow(url)).map_err(|error| error.told(&name))?;
        Ok(Self {
            url: url.clone(),
            name,
            client: Some(client),
            seen: Seen::default(),
        })
    }
}

impl Follower for PostgresFollower {
    fn follow(&mut self, tell: &mut (dyn FnMut(News) + Send)) -> Result<(), StoreError> {
        let Self {
            url,
            name,
            client,
            seen,
        } = self;
        let told = apart(|| {
            let mut open = match client.take() {
                Some(open) if !open.is_closed() => open,
                _ => connect_to_follow(url)?,
            };
            // One moment of the store: what a commit changed is told together.
            let mut transaction = open
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()?;
            let now = read(&mut transaction, seen, tell)?;
            transaction.commit()?;
            *client = Some(open);
            Ok(now)
        });
        *seen = told.map_err(|error: DatabaseError| error.told(name))?;
        Ok(())
    }
}

fn connect_to_follow(url: &PostgresUrl) -> Result<Client, DatabaseError> {
    let mut client = connect(url)?;
    client.batch_execute("SET default_transaction_read_only = on")?;
    check_to_follow(&mut client)?;
    Ok(client)
}

fn read(
    transaction: &mut Transaction<'_>,
    seen: &Seen,
    tell: &mut (dyn FnMut(News) + Send),
) -> Result<Seen, DatabaseError> {
    let revision: i64 = transaction
        .query_one("SELECT revision FROM store", &[])?
        .try_get(0)?;
    // A store that was brought back from a copy has gone back.
    let since = seen.revision.filter(|seen| *seen <= revision);
    if since.is_none() {
        tell(News::Anew);
    }
    if since != Some(revision) {
        // Records of a store that was brought to this version have revision 0.
        let since = since.unwrap_or(-1);
        certificates(transaction, since, tell)?;
        revocations(transaction, since, tell)?;
    }
    let known = match since {
        Some(_) => seen.crls.as_slice(),
        None => &[],
    };
    Ok(Seen {
        revision: Some(revision),
        crls: crls(transaction, known, tell)?,
    })
}

fn certificates(
    transaction: &mut Transaction<'_>,
    since: i64,
    tell: &mut (dyn FnMut(News) + Send),
) -> Result<(), DatabaseError> {
    let sql = "SELECT key FROM record WHERE kind = 'certificate' AND revision > $1";
    let mut rows = transaction.query_raw(sql, [since])?;
    while let Some(row) = rows.next()? {
        let (kind, serial) = name(row.try_get(0)?)?;
        tell(News::Issued(kind, serial));
    }
    Ok(())
}

fn revocations(
    transaction: &mut Transaction<'_>,
    since: i64,
    tell: &mut (dyn FnMut(News) + Send),
) -> Result<(), DatabaseError> {
    let sql = "SELECT key, document ->> 'reason', (document ->> 'since')::bigint \
               FROM record WHERE kind = 'revocation' AND revision > $1";
    let mut rows = transaction.query_raw(sql, [since])?;
    while let Some(row) = rows.next()? {
        let (kind, serial) = name(row.try_get(0)?)?;
        let reason: Option<&str> = row.try_get(1)?;
        let standing = match reason {
            None => None,
            Some(reason) => {
                let found = RevocationReason::from_name(reason);
                let reason = found.ok_or_else(|| damaged("a revocation has an unknown reason"))?;
                let since: Option<i64> = row.try_get(2)?;
                let since = since.and_then(|since| u64::try_from(since).ok());
                let since = since.ok_or_else(|| damaged("a revocation has no time"))?;
                Some((Timestamp::from_unix_seconds(since), reason))
            }
        };
        tell(News::Stands(kind, serial, standing));
    }
    Ok(())
}

fn crls(
    transaction: &mut Transaction<'_>,
    known: &[(AuthorityKind, i64, i64)],
    tell: &mut (dyn FnMut(News) + Send),
) -> Result<Vec<(AuthorityKind, i64, i64)>, DatabaseError> {
    let mut now = Vec::new();
    for row in transaction.query("SELECT authority, number, made FROM crl", &[])? {
        let authority: &str = row.try_get(0)?;
        let kind = kind_of(authority)?;
        let (number, made): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        now.push((kind, number, made));
        if known.contains(&(kind, number, made)) {
            continue;
        }
        let sql = "SELECT der FROM crl WHERE authority = $1";
        let der = transaction.query_one(sql, &[&authority])?.try_get(0)?;
        let made = u64::try_from(made).map_err(|_| damaged("a CRL has no time"))?;
        tell(News::Crl(kind, Timestamp::from_unix_seconds(made), der));
    }
    Ok(now)
}

/// The authority and the serial number in the key of a record.
fn name(key: &str) -> Result<(AuthorityKind, Vec<u8>), DatabaseError> {
    let (authority, serial) = key
        .split_once('/')
        .ok_or_else(|| damaged("a certificate has no authority"))?;
    let serial = hex::decode(serial).map_err(|_| damaged("a serial number is none"))?;
    Ok((kind_of(authority)?, serial))
}

fn kind_of(name: &str) -> Result<AuthorityKind, DatabaseError> {
    AuthorityKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| damaged("an authority is unknown"))
}

fn damaged(why: &str) -> DatabaseError {
    DatabaseError::Damaged(why.to_owned())
}
