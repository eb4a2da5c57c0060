//! The portal killed at random moments of a renewal: nothing that was acknowledged is lost, nothing
//! is issued twice, and the renewal, begun again, comes to its end.
//!
//! The portal is a process of its own; the holder, with a virtual card, is in this one. For each
//! moment a call is chosen, and a time after it was sent. Then SIGKILL comes, the portal is started
//! again on the same data directory, and the renewal begins again until it is complete. Meanwhile
//! it is noted what the portal has acknowledged, and held against its database.

#![cfg(feature = "portal")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod acknowledged;
mod database;
mod holder;
mod portal;

use std::env;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::portal::Portal;
use kortlab_interop::PostgresCluster;
use kortlab_issuer::random::IssuerRng;
use serde_json::Value;

use self::acknowledged::Acknowledged;
use self::database::Database;
use self::holder::Holder;
use self::portal::{Step, Strike, Timings, Watched};

/// Gives the moments of an earlier run again, as far as time can be given again.
const SEED: &str = "KORTLAB_KILL_SEED";
/// The renewal gets this many attempts after each blow.
const ATTEMPTS: usize = 8;

#[test]
fn killed_at_a_hundred_moments_the_portal_loses_no_order_and_issues_none_twice() {
    let portal = Portal::start();
    let database = Database::Sqlite(portal.data().join("portal.sqlite"));
    let mut trial = Trial::begin(portal, database);
    for round in 0..10 {
        // The portal looks through all that a card ever had: with one card it would get slow.
        if round % 2 == 1 {
            trial.take_another_card();
        }
        for step in Step::ALL {
            trial.strike_at(step, Portal::kill_and_restart);
        }
    }
    trial.end();
}

#[test]
fn killed_or_cut_off_from_postgresql_the_portal_loses_no_order_and_issues_none_twice() {
    let cluster = PostgresCluster::start().unwrap();
    let url = cluster.database("portal").unwrap();
    let mut trial = Trial::begin(Portal::start_on(&url), Database::Postgres(&cluster));
    for step in Step::ALL {
        trial.strike_at(step, Portal::kill_and_restart);
    }
    // The database's process for the portal, as an operator would end it, and by SIGKILL, after
    // which PostgreSQL ends all sessions and recovers.
    for (step, signal) in [
        (Step::Order, "TERM"),
        (Step::Approve, "KILL"),
        (Step::SignReceipt, "KILL"),
    ] {
        trial.strike_at(step, |_| kill_the_backend(&cluster, signal));
    }
    trial.end();
}

/// Kills the database's process that works for the portal, and waits until the database has got
/// over it.
fn kill_the_backend(cluster: &PostgresCluster, signal: &str) {
    const OURS: &str = "SELECT pid FROM pg_stat_activity WHERE application_name = 'kortlab portal'";
    let process = cluster.psql("portal", OURS).unwrap();
    let status = Command::new("kill").args(["-s", signal, &process]).status();
    assert!(status.unwrap().success());
    let since = Instant::now();
    while cluster.psql("portal", OURS).is_ok_and(|now| now == process) {
        assert!(since.elapsed() < Duration::from_secs(30));
    }
    cluster.wait_until_ready().unwrap();
}

/// A portal, a card, and what came of the blows so far.
struct Trial<'a> {
    seed: u64,
    rng: IssuerRng,
    portal: Portal,
    database: Database<'a>,
    holder: Holder,
    timings: Timings,
    acknowledged: Acknowledged,
    cards: usize,
    renewals: usize,
    /// For each step: how many blows came before its answer, and after.
    blows: Vec<(Step, bool)>,
    /// The last hash of the audit log that was noted.
    noted: String,
}

impl<'a> Trial<'a> {
    fn begin(portal: Portal, database: Database<'a>) -> Self {
        let seed = match env::var(SEED) {
            Ok(text) => text.parse().expect("a number"),
            Err(_) => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                u64::from(since.unwrap().subsec_nanos())
            }
        };
        // Shown if the test fails.
        eprintln!("{SEED}={seed}");
        let holder = Holder::of(&portal.card("valid", "t0"));
        let mut trial = Self {
            seed,
            rng: IssuerRng::from_seed(seed, "moments"),
            portal,
            database,
            holder,
            timings: Timings::default(),
            acknowledged: Acknowledged::default(),
            cards: 1,
            renewals: 0,
            blows: Vec::new(),
            noted: String::new(),
        };
        // How long each step takes when nobody strikes.
        trial.holder.revoke_hccs(&trial.portal);
        trial.renew(None, |_| ());
        trial.check();
        trial
    }

    fn take_another_card(&mut self) {
        self.holder = Holder::of(&self.portal.card("valid", "t0"));
        self.cards += 1;
    }

    /// Renews the card, with a blow at this step.
    fn strike_at(&mut self, step: Step, blow: impl FnMut(&mut Portal) + Send) {
        self.holder.revoke_hccs(&self.portal);
        let longest = self.timings.of(step) * 5 / 4;
        let delay = longest * u32::from(self.draw()) / 256;
        eprintln!("renewal {}: {step:?}, after {delay:?}", self.renewals + 1);
        self.renew(Some(Strike { step, delay }), blow);
        self.check();
    }

    fn draw(&mut self) -> u8 {
        let [byte] = self.rng.bytes::<1>();
        byte
    }

    /// Begins the renewal until it is complete. The blow falls once.
    fn renew(&mut self, strike: Option<Strike>, mut blow: impl FnMut(&mut Portal) + Send) {
        // Certificates are fetched only if their first answer was lost.
        if strike
            .as_ref()
            .is_none_or(|strike| strike.step == Step::Fetch)
        {
            self.portal.fail_once("approve", "lost-answer");
        }
        let mut strike = strike;
        for _ in 0..ATTEMPTS {
            let (url, ca) = (self.portal.url.clone(), self.portal.ca());
            let (arm, armed) = mpsc::channel::<Duration>();
            let portal = &mut self.portal;
            let blow = &mut blow;
            let renewed = thread::scope(|scope| {
                scope.spawn(move || {
                    if let Ok(delay) = armed.recv() {
                        thread::sleep(delay);
                        blow(portal);
                    }
                });
                let mut watched = Watched::connect(
                    &url,
                    &ca,
                    strike.clone(),
                    arm,
                    &mut self.timings,
                    &mut self.acknowledged,
                )?;
                let renewed = self.holder.renew(&mut watched);
                if let Some(answered) = watched.struck() {
                    let step = strike.take().map(|strike| strike.step);
                    self.blows.extend(step.map(|step| (step, answered)));
                }
                renewed
            });
            match renewed {
                Ok(()) => {
                    assert!(
                        strike.is_none(),
                        "seed {}: {strike:?} was never reached",
                        self.seed
                    );
                    self.renewals += 1;
                    return;
                }
                Err(error) => eprintln!("  {error}"),
            }
        }
        panic!("seed {}: not complete after {ATTEMPTS} attempts", self.seed);
    }

    /// Holds the database against what was acknowledged, and verifies the audit log.
    fn check(&mut self) {
        let seed = self.seed;
        let stored = self.database.orders();
        // One order of each card was issued at the counter, before its first renewal.
        assert_eq!(
            stored.len(),
            self.renewals + self.cards,
            "seed {seed}: orders after {} renewals: {stored:#?}",
            self.renewals
        );
        let certificates = self.database.hcc_serials();
        assert_eq!(
            certificates.len(),
            2 * stored.len(),
            "seed {seed}: certificates that no order has"
        );
        for order in &stored {
            assert_eq!(order.state, "received", "seed {seed}: {order:?}");
            for serial in &order.pair {
                assert!(certificates.contains(serial), "seed {seed}: {order:?}");
            }
        }
        self.acknowledged.compare(&stored, seed);
        let path = format!("/admin/v1/audit/verification?noted={}", self.noted);
        let path = path.trim_end_matches("?noted=");
        let verdict = self.portal.admin("GET", path, &Value::Null);
        assert!(verdict["broken"].is_null(), "seed {seed}: {verdict}");
        self.noted = verdict["head"]["hash"].as_str().unwrap().to_owned();
    }

    fn end(self) {
        for step in Step::ALL {
            let of = |after: bool| {
                let blows = self.blows.iter();
                blows.filter(move |blow| **blow == (step, after))
            };
            let (before, after) = (of(false).count(), of(true).count());
            eprintln!("{step:?}: {before} blows before its answer, {after} after");
            assert!(before + after > 0, "seed {}", self.seed);
        }
    }
}
