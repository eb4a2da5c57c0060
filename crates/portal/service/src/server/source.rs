//! Where a portal comes from: a data directory, or a program that has it ready.

use core::fmt;
use std::path::{Path, PathBuf};

use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::SystemClock;
use kortlab_issuer::profile::AuthorityUrls;
use kortlab_issuer::random::IssuerRng;
use kortlab_portal_core::LocalPortal;

use super::config::Addresses;
use crate::app::Places;
use crate::clock::PortalClock;
use crate::data::{self, DataDirectory};
use crate::service::Service;
use crate::startup::StartError;
use crate::store::{self, Create, StoreUrl};
use crate::tls::TlsAuthority;
use crate::token::AdminToken;

/// Where a portal comes from.
pub enum Source {
    /// A data directory, which is made if it is not there, with the store at this address, or in
    /// the directory.
    Directory {
        /// The directory.
        path: PathBuf,
        /// The store, if it is not the directory's own.
        store: Option<StoreUrl>,
    },
    /// A portal that is ready. Nothing of it is kept when it ends; its TLS authority is made for
    /// the occasion.
    Ready {
        /// The portal.
        portal: Box<LocalPortal>,
        /// Its clock.
        clock: PortalClock,
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, store } => f
                .debug_struct("Directory")
                .field("path", path)
                .field("store", store)
                .finish(),
            Self::Ready { .. } => f.write_str("Ready"),
        }
    }
}

/// A source that was opened.
pub(super) struct Opened {
    pub(super) service: Service,
    pub(super) tls: TlsAuthority,
    pub(super) admin_token: AdminToken,
    /// The certificates of both authorities, DER.
    pub(super) authorities: Vec<Vec<u8>>,
    /// Locked until the portal has ended. It comes last, so that the store is closed before.
    directory: Option<DataDirectory>,
}

impl Opened {
    pub(super) fn open(source: Source, places: &Places) -> Result<Self, StartError> {
        match source {
            Source::Directory { path, store } => {
                let directory = DataDirectory::open(&path)?;
                let store = match store {
                    Some(url) => url,
                    None => StoreUrl::sqlite(data::store_file(&path)),
                };
                Self::from_directory(directory, &store, places)
            }
            Source::Ready { portal, clock } => Self::ready(*portal, clock),
        }
    }

    /// The data directory, if there is one.
    pub(super) fn data(&self) -> Option<&Path> {
        self.directory.as_ref().map(DataDirectory::path)
    }

    /// Writes down where the portal listens, for programs that have the data directory.
    pub(super) fn write_addresses(&self, addresses: &Addresses) -> Result<(), StartError> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let path = directory.addresses_file();
        let text = serde_json::to_string_pretty(addresses)
            .map_err(|error| StartError::directory(&path, error))?;
        directory.write(&path, &format!("{text}\n"))
    }

    fn from_directory(
        mut directory: DataDirectory,
        store: &StoreUrl,
        places: &Places,
    ) -> Result<Self, StartError> {
        let clock = PortalClock::over(SystemClock);
        let authority = |kind| {
            let urls = AuthorityUrls::at(places.pki.as_str(), kind);
            directory.authority(kind, urls)
        };
        let carrier = authority(AuthorityKind::Carrier)?;
        let hcc = authority(AuthorityKind::Hcc)?;
        // A store that was lost is not replaced by an empty one: the certificates would be unknown.
        let create = match directory.is_fresh() {
            true => Create::Yes,
            false => Create::No,
        };
        let mut store = store::open(store, create)?;
        let records = store.load()?;
        let rng = IssuerRng::from_os().map_err(|error| StartError::Authority(error.to_string()))?;
        let portal = LocalPortal::restore(carrier, hcc, records.clone(), clock.clone(), rng)
            .map_err(|error| StartError::Store(error.to_string()))?;
        let authorities = certificates(&portal);
        let service = Service::new(portal, &records, clock, store)?;
        directory.complete()?;
        Ok(Self {
            authorities,
            service,
            tls: directory.tls_authority()?,
            admin_token: directory.admin_token()?,
            directory: Some(directory),
        })
    }

    fn ready(portal: LocalPortal, clock: PortalClock) -> Result<Self, StartError> {
        let mut rng =
            IssuerRng::from_os().map_err(|error| StartError::Authority(error.to_string()))?;
        let store = store::open(&StoreUrl::memory(), Create::Yes)?;
        Ok(Self {
            authorities: certificates(&portal),
            service: Service::new(portal, &[], clock, store)?,
            tls: TlsAuthority::create()?,
            admin_token: AdminToken::create(&mut rng),
            directory: None,
        })
    }
}

fn certificates(portal: &LocalPortal) -> Vec<Vec<u8>> {
    [portal.carrier_authority(), portal.hcc_authority()]
        .map(|authority| authority.certificate_der().to_vec())
        .into()
}
