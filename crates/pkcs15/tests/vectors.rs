//! The vectors in `vectors/pkcs15`: what is read, what is found wrong, and what is written.

mod common;

use std::path::Path;

use kortlab_pkcs15 as p15;
use kortlab_pkcs15::{
    AccessControlRule, AuthenticationAttributes, CertificateAttributes, CommonKeyAttributes,
    CommonObjectAttributes, CredentialIdentifier, DataAttributes, Directory, DirectoryObject,
    Element, Entry, KeyInfo, LastUpdate, ObjectValue, Parsed, PrivateKeyAttributes,
    PublicKeyAttributes, TokenInfo,
};
use serde_json::{Map, Value, json};

/// What a vector says of an object: only what is there.
trait Describe {
    fn describe(&self, out: &mut Object);
}

#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn path(&mut self, path: &p15::Path) {
        self.put("path", format!("{:X}", path.path));
        self.maybe("index", path.index);
        self.maybe("length", path.length);
    }

    fn value(&mut self, value: &ObjectValue) {
        match value {
            ObjectValue::Path(path) => self.path(path),
            ObjectValue::Direct(bytes) => self.put("direct", hex::encode_upper(bytes)),
            ObjectValue::Other(element) => self.put("other", bytes(element)),
        }
    }

    fn common(&mut self, common: &CommonObjectAttributes) {
        self.maybe("label", common.label.clone());
        self.maybe("flags", common.flags.map(|flags| names(flags.names())));
        self.maybe("authId", common.auth_id.as_ref().map(ToString::to_string));
        self.maybe("userConsent", common.user_consent);
        self.rules(&common.access_control_rules);
    }

    fn rules(&mut self, rules: &[AccessControlRule]) {
        let rules: Vec<_> = rules
            .iter()
            .map(|rule| {
                json!({
                    "accessMode": names(rule.access_mode.names()),
                    "securityCondition": rule.security_condition.to_string(),
                })
            })
            .collect();
        self.maybe("accessControlRules", (!rules.is_empty()).then_some(rules));
    }

    fn key(&mut self, key: &CommonKeyAttributes) {
        self.put("id", key.id.to_string());
        self.put("usage", names(key.usage.names()));
        self.maybe("native", (!key.native).then_some(false));
        self.maybe(
            "accessFlags",
            key.access_flags.map(|flags| names(flags.names())),
        );
        self.maybe("keyReference", key.key_reference);
        self.maybe(
            "startDate",
            key.start_date.as_ref().map(|time| time.as_str()),
        );
        self.maybe("endDate", key.end_date.as_ref().map(|time| time.as_str()));
    }

    fn key_info(&mut self, info: &Option<KeyInfo>) {
        self.maybe(
            "keyInfo",
            info.as_ref().map(|info| match info {
                KeyInfo::Reference(number) => json!(number),
                KeyInfo::ParamsAndOps(element) => json!(bytes(element)),
            }),
        );
    }

    fn identifiers(&mut self, name: &str, identifiers: &[CredentialIdentifier]) {
        let list: Vec<_> = identifiers
            .iter()
            .map(|one| json!({ "idType": one.id_type, "idValue": bytes(&one.id_value) }))
            .collect();
        self.maybe(name, (!list.is_empty()).then_some(list));
    }
}

fn names(names: impl Iterator<Item = &'static str>) -> Value {
    names.collect()
}

fn bytes(element: &Element) -> String {
    hex::encode_upper(element.bytes())
}

impl Describe for p15::Application {
    fn describe(&self, out: &mut Object) {
        out.put("aid", hex::encode_upper(&self.aid));
        out.maybe("label", self.label.clone());
        out.maybe("path", self.path.as_ref().map(|path| format!("{path:X}")));
        let path = |path: &Option<p15::Path>| path.as_ref().map(|path| format!("{:X}", path.path));
        out.maybe(
            "ddo",
            self.ddo.as_ref().map(|ddo| {
                json!({
                    "oid": ddo.oid.as_ref().map(ToString::to_string),
                    "odfPath": path(&ddo.odf_path),
                    "tokenInfoPath": path(&ddo.token_info_path),
                    "unusedPath": path(&ddo.unused_path),
                })
            }),
        );
    }
}

impl Describe for p15::OdfEntry {
    fn describe(&self, out: &mut Object) {
        out.put("kind", self.kind.to_string());
        if let Some(path) = self.path() {
            out.path(path);
        }
    }
}

impl Describe for p15::PrivateKey {
    fn describe(&self, out: &mut Object) {
        out.common(&self.common);
        out.key(&self.key);
        if let Some(private) = &self.private {
            out.maybe("subjectName", private.subject_name.as_ref().map(bytes));
            out.identifiers("keyIdentifiers", &private.key_identifiers);
        }
        match &self.attributes {
            PrivateKeyAttributes::Rsa {
                value,
                modulus_length,
                key_info,
                ..
            } => {
                out.value(value);
                out.put("modulusLength", *modulus_length);
                out.key_info(key_info);
            }
            PrivateKeyAttributes::Ec {
                value, key_info, ..
            } => {
                out.value(value);
                out.key_info(key_info);
            }
            PrivateKeyAttributes::Other { choice, .. } => out.put("choice", *choice),
        }
    }
}

impl Describe for p15::PublicKey {
    fn describe(&self, out: &mut Object) {
        out.common(&self.common);
        out.key(&self.key);
        match &self.attributes {
            PublicKeyAttributes::Rsa {
                value,
                modulus_length,
                key_info,
                ..
            } => {
                out.value(value);
                out.put("modulusLength", *modulus_length);
                out.key_info(key_info);
            }
            PublicKeyAttributes::Ec {
                value, key_info, ..
            } => {
                out.value(value);
                out.key_info(key_info);
            }
            PublicKeyAttributes::Other { choice, .. } => out.put("choice", *choice),
        }
    }
}

impl Describe for p15::Certificate {
    fn describe(&self, out: &mut Object) {
        out.common(&self.common);
        let common = &self.certificate;
        out.put("id", common.id.to_string());
        out.maybe("authority", common.authority.then_some(true));
        out.identifiers("identifiers", &common.identifiers);
        out.maybe(
            "trustedUsage",
            common.trusted_usage.as_ref().map(|usage| {
                let mut inner = Object::default();
                inner.maybe(
                    "keyUsage",
                    usage.key_usage.map(|usage| names(usage.names())),
                );
                let purposes: Vec<_> = usage
                    .ext_key_usage
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                inner.maybe("extKeyUsage", (!purposes.is_empty()).then_some(purposes));
                Value::Object(inner.0)
            }),
        );
        match &self.attributes {
            CertificateAttributes::X509 {
                value,
                subject,
                issuer,
                serial_number,
                ..
            } => {
                out.value(value);
                out.maybe("subject", subject.as_ref().map(bytes));
                out.maybe("issuer", issuer.as_ref().map(bytes));
                out.maybe(
                    "serialNumber",
                    serial_number.as_ref().map(hex::encode_upper),
                );
            }
            CertificateAttributes::Other { choice, .. } => out.put("choice", *choice),
        }
    }
}

impl Describe for p15::AuthenticationObject {
    fn describe(&self, out: &mut Object) {
        out.common(&self.common);
        out.put("id", self.auth_id().to_string());
        match &self.attributes {
            AuthenticationAttributes::Pin(pin) => {
                out.put("pinFlags", names(pin.flags.names()));
                out.put("pinType", pin.pin_type.to_string());
                out.put("minLength", pin.min_length);
                out.put("storedLength", pin.stored_length);
                out.maybe("maxLength", pin.max_length);
                out.put("pinReference", pin.reference);
                out.maybe("padChar", pin.pad_char.map(|pad| format!("{pad:02X}")));
                out.maybe(
                    "lastPinChange",
                    pin.last_change.as_ref().map(|time| time.as_str()),
                );
                if let Some(path) = &pin.path {
                    out.path(path);
                }
            }
            AuthenticationAttributes::Other { choice, .. } => out.put("choice", *choice),
        }
    }
}

impl Describe for p15::DataObject {
    fn describe(&self, out: &mut Object) {
        out.common(&self.common);
        out.maybe("applicationName", self.data.application_name.clone());
        out.maybe(
            "applicationOID",
            self.data.application_oid.as_ref().map(ToString::to_string),
        );
        match &self.attributes {
            DataAttributes::Opaque(value) | DataAttributes::ExternalId(value) => out.value(value),
            DataAttributes::Oid { id, value, .. } => {
                out.put("id", id.to_string());
                out.value(value);
            }
            DataAttributes::Other { choice, .. } => out.put("choice", *choice),
        }
    }
}

impl Describe for p15::UnusedSpaceRecord {
    fn describe(&self, out: &mut Object) {
        out.path(&self.path);
        out.maybe("authId", self.auth_id.as_ref().map(ToString::to_string));
        out.rules(&self.access_control_rules);
    }
}

impl Describe for TokenInfo {
    fn describe(&self, out: &mut Object) {
        out.put("version", self.version);
        out.maybe(
            "serialNumber",
            self.serial_number.as_ref().map(hex::encode_upper),
        );
        out.maybe("manufacturerID", self.manufacturer_id.clone());
        out.maybe("label", self.label.clone());
        out.put("tokenflags", names(self.token_flags.names()));
        let se_info: Vec<_> = self
            .se_info
            .iter()
            .map(
                |one| json!({ "se": one.se, "owner": one.owner.as_ref().map(ToString::to_string) }),
            )
            .collect();
        out.maybe("seInfo", (!se_info.is_empty()).then_some(se_info));
        out.maybe("recordInfo", self.record_info.as_ref().map(bytes));
        let algorithms: Vec<_> = self
            .supported_algorithms
            .iter()
            .map(|one| {
                json!({
                    "reference": one.reference,
                    "algorithm": one.algorithm,
                    "parameters": bytes(&one.parameters),
                    "supportedOperations": names(one.supported_operations.names()),
                    "algId": one.alg_id.as_ref().map(ToString::to_string),
                    "algRef": one.alg_ref,
                })
            })
            .collect();
        out.maybe(
            "supportedAlgorithms",
            (!algorithms.is_empty()).then_some(algorithms),
        );
        out.maybe("issuerId", self.issuer_id.clone());
        out.maybe("holderId", self.holder_id.clone());
        out.maybe(
            "lastUpdate",
            self.last_update.as_ref().map(|update| match update {
                LastUpdate::Time(time) => time.as_str().to_owned(),
                LastUpdate::Reference(element) => bytes(element),
            }),
        );
        out.maybe("preferredLanguage", self.preferred_language.clone());
    }
}

fn described(object: &impl Describe) -> Value {
    let mut out = Object::default();
    object.describe(&mut out);
    Value::Object(out.0)
}

fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/pkcs15")
        .join(file)
        .with_extension("json");
    let text = std::fs::read_to_string(&path).expect("the vectors");
    let vectors: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(vectors["format"], "kortlab-pkcs15-vectors");
    assert_eq!(vectors["version"], 1);
    assert_eq!(vectors["file"], file);
    let list = vectors["vectors"].as_array().expect("an array").clone();
    assert!(!list.is_empty());
    list
}

fn check<T>(
    vector: &Value,
    bytes: &[u8],
    read: &Parsed<T>,
    objects: Vec<Value>,
    encoded: Result<Vec<u8>, p15::EncodeError>,
) {
    let name = &vector["name"];
    assert_eq!(Value::Array(objects), vector["objects"], "{name}");
    let codes: Vec<_> = read.findings.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(
        json!(codes),
        vector["findings"],
        "{name}: {:#?}",
        read.findings
    );
    let encoded = encoded.expect("DER");
    common::assert_der(&encoded);
    let expected = match vector["der"].as_str().expect("text") {
        "same" => hex::encode_upper(bytes),
        other => other.to_owned(),
    };
    assert_eq!(hex::encode_upper(encoded), expected, "{name}");
}

fn bytes_of(vector: &Value) -> Vec<u8> {
    hex::decode(vector["hex"].as_str().expect("text")).expect("hex")
}

fn directory<T: DirectoryObject + Describe>(file: &str) {
    for vector in vectors(file) {
        let bytes = bytes_of(&vector);
        let read = Directory::<T>::parse(&bytes);
        let objects = read.value.entries.iter().map(|entry| match entry {
            Entry::Object(object) => described(object),
            Entry::Unreadable(_) => Value::Null,
        });
        check(
            &vector,
            &bytes,
            &read,
            objects.collect(),
            read.value.encode(),
        );
    }
}

#[test]
fn ef_dir() {
    directory::<p15::Application>("ef_dir");
}

#[test]
fn token_info() {
    for vector in vectors("token_info") {
        let bytes = bytes_of(&vector);
        let read = TokenInfo::parse(&bytes).expect("readable");
        let object = described(&read.value);
        check(&vector, &bytes, &read, vec![object], read.value.encode());
    }
}

#[test]
fn odf() {
    directory::<p15::OdfEntry>("odf");
}

#[test]
fn prkdf() {
    directory::<p15::PrivateKey>("prkdf");
}

#[test]
fn pukdf() {
    directory::<p15::PublicKey>("pukdf");
}

#[test]
fn cdf() {
    directory::<p15::Certificate>("cdf");
}

#[test]
fn aodf() {
    directory::<p15::AuthenticationObject>("aodf");
}

#[test]
fn dodf() {
    directory::<p15::DataObject>("dodf");
}

#[test]
fn unused_space() {
    directory::<p15::UnusedSpaceRecord>("unused_space");
}
