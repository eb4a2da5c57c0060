//! PKCS#15 v1.1 (ISO/IEC 7816-15) objects: lenient reading with findings, strict DER writing.
//! Bytes in, values out, no I/O.
//!
//! # Reading
//!
//! Each file type has a `parse` that gives [`Parsed`]: what could be read, and [`Finding`]s, each
//! with its severity, a stable code, the object and the byte it is about. A broken object costs
//! itself, not its neighbours: where a length lies, the content tells where the object ends, and
//! failing that the next object is sought. Reading takes linear time and bounded memory.
//!
//! # Writing
//!
//! `encode` gives strict DER or an [`EncodeError`]. Elements that this version does not know
//! survive with their place, so that what was read from DER comes out byte for byte. What comes
//! out is read back as the value that went in: the writer reads it to be sure, and refuses, with
//! [`EncodeError::NotReadBack`], what the reader would take for something else. [`Edit`]
//! changes one object of a directory file and leaves the bytes of all others alone, broken ones
//! included.
//!
//! ```
//! use kortlab_pkcs15::{Cdf, Certificate, CommonObjectAttributes, Edit, Path};
//!
//! let certificate = Certificate::x509(
//!     CommonObjectAttributes::labelled("Legitimering"),
//!     0x45,
//!     Path::file([0x3F, 0x00, 0x50, 0x15, 0x43, 0x31]),
//! );
//! let file = Cdf::new([certificate.clone()]).encode()?;
//!
//! let read = Cdf::parse(&file);
//! assert!(read.is_clean());
//! assert_eq!(read.value.objects().next(), Some(&certificate));
//!
//! let mut edit = Edit::<Certificate>::new(&file, 1024);
//! edit.remove(0)?;
//! assert_eq!(edit.finish()?, vec![0; 1024]);
//! # Ok::<(), kortlab_pkcs15::EncodeError>(())
//! ```
//!
//! # Map
//!
//! | module | file |
//! |---|---|
//! | [`dir`] | EF.DIR: the applications |
//! | [`token_info`] | EF(TokenInfo) |
//! | [`odf`] | EF(ODF): where the directory files are |
//! | [`prkdf`], [`pukdf`], [`skdf`] | private, public and secret keys |
//! | [`cdf`] | certificates |
//! | [`aodf`], [`aodf::pin_rules`] | PINs and their like; whether the rules for one fit together |
//! | [`dodf`] | data objects |
//! | [`unused_space`] | EF(UnusedSpace) |

pub mod aodf;
pub mod cdf;
mod common;
pub mod dir;
mod directory;
pub mod dodf;
pub mod edit;
mod element;
mod error;
mod fields;
mod finding;
mod flags;
mod frame;
mod id;
mod key;
mod key_attributes;
pub mod odf;
mod oid;
pub mod prkdf;
pub mod pukdf;
mod schema;
pub mod skdf;
mod time;
pub mod token_info;
pub mod unused_space;
mod value;

pub use aodf::pin_rules::{self, PinContradiction};
pub use aodf::{
    Aodf, AuthenticationAttributes, AuthenticationObject, CommonAuthenticationObjectAttributes,
    PinAttributes, PinType,
};
pub use cdf::{Cdf, Certificate, CertificateAttributes, CommonCertificateAttributes, Usage};
pub use common::{AccessControlRule, CommonObjectAttributes, Path, SecurityCondition};
pub use dir::{Application, Ddo, EfDir, ISO_7816_15_AID, PKCS15_AID};
pub use directory::{Directory, DirectoryObject, Entry, ObjectUnknown, Unreadable};
pub use dodf::{CommonDataObjectAttributes, DataAttributes, DataObject, Dodf};
pub use edit::Edit;
pub use element::{Element, Unknown};
pub use error::EncodeError;
pub use finding::{Code, Finding, MAX_FINDINGS, ObjectRef, Parsed, Severity};
pub use flags::{
    AccessMode, KeyAccess, KeyUsage, ObjectFlags, Operations, PinFlags, TokenFlags, X509KeyUsage,
};
pub use frame::MAX_OBJECTS;
pub use id::Id;
pub use key::{CommonKeyAttributes, CredentialIdentifier, KeyInfo};
pub use key_attributes::KeyAttributes;
pub use odf::{ObjectKind, Odf, OdfEntry, PathOrObjects};
pub use oid::Oid;
pub use prkdf::{CommonPrivateKeyAttributes, PrKdf, PrivateKey, PrivateKeyAttributes};
pub use pukdf::{CommonPublicKeyAttributes, PuKdf, PublicKey, PublicKeyAttributes};
pub use skdf::{CommonSecretKeyAttributes, SecretKey, SecretKeyAttributes, SecretKeyKind, SkDf};
pub use time::GeneralizedTime;
pub use token_info::{AlgorithmInfo, LastUpdate, SecurityEnvironmentInfo, TokenInfo};
pub use unused_space::{UnusedSpace, UnusedSpaceRecord};
pub use value::ObjectValue;
