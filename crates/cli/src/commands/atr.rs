//! `kortlab atr`: decodes an answer to reset.

use std::fmt;

use clap::Args;
use kortlab_apdu::Channel as _;
use kortlab_apdu::atr::{Atr, Convention, ErrorDetection};
use kortlab_apdu::historical::{CardCapabilities, CardServices, Category, Historical, Object};
use serde::Serialize;

use super::Context;
use crate::channel;
use crate::failure::{Exit, Failure};
use crate::hexadecimal;
use crate::output::{Cell, Hex, SpacedHex, Table, WARNING};

/// Decode the card's answer to reset (ATR), or the one given
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab atr
  kortlab -c card.json atr
  kortlab atr 3B7D96000080318065B0A31101F383009000")]
pub struct Arguments {
    /// The ATR in hexadecimal; blanks and colons between the bytes are allowed
    #[arg(value_name = "HEX")]
    hex: Vec<String>,
}

/// Decodes and prints.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (bytes, wrong) = if arguments.hex.is_empty() {
        let channel = channel::open(&context.card, context.fault)?;
        (channel.atr().to_vec(), Exit::Refused)
    } else {
        (hexadecimal::parse(&arguments.hex.join(" "))?, Exit::Failed)
    };
    let atr =
        Atr::parse(&bytes).map_err(|error| Failure::new(wrong, format!("not an ATR: {error}")))?;
    context.output.report(&Decoded::from(&atr))?;
    Ok(Exit::Done)
}

/// The JSON document.
#[derive(Serialize)]
struct Decoded {
    atr: String,
    convention: &'static str,
    protocols: Vec<u8>,
    /// From TA1; null where TA1 has a reserved value.
    fi: Option<u16>,
    di: Option<u8>,
    max_frequency_khz: Option<u16>,
    extra_guard_time: u8,
    /// The protocol that TA2 forces.
    #[serde(skip_serializing_if = "Option::is_none")]
    specific_mode: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    t1: Option<BlockProtocol>,
    interface_bytes: Vec<InterfaceByte>,
    historical_bytes: String,
    historical: Vec<HistoricalObject>,
    tck: Option<String>,
    findings: Vec<Finding>,
    #[serde(skip)]
    spaced: String,
    #[serde(skip)]
    historical_spaced: String,
}

#[derive(Serialize)]
struct BlockProtocol {
    information_field_size: u8,
    block_waiting_time_integer: u8,
    character_waiting_time_integer: u8,
    error_detection: &'static str,
}

#[derive(Serialize)]
struct InterfaceByte {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct HistoricalObject {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
}

#[derive(Serialize)]
struct Finding {
    offset: usize,
    message: String,
}

impl From<&Atr> for Decoded {
    fn from(atr: &Atr) -> Self {
        let historical = atr.historical();
        let own = atr.findings().iter().copied();
        let inner = historical.findings().iter();
        let findings = own.chain(inner.map(|error| error.nested(atr.historical_offset())));
        Self {
            atr: Hex(atr.bytes()).to_string(),
            convention: match atr.convention() {
                Convention::Direct => "direct",
                Convention::Inverse => "inverse",
            },
            protocols: atr.offered_protocols(),
            fi: atr.fi(),
            di: atr.di(),
            max_frequency_khz: atr.max_frequency_khz(),
            extra_guard_time: atr.extra_guard_time(),
            specific_mode: atr.specific_mode().map(|mode| mode.protocol),
            t1: block_protocol(atr),
            interface_bytes: interface_bytes(atr),
            historical_bytes: Hex(atr.historical_bytes()).to_string(),
            historical: objects(&historical),
            tck: atr.tck().map(|tck| format!("{tck:02X}")),
            findings: findings
                .map(|error| Finding {
                    offset: error.offset(),
                    message: error.kind().to_string(),
                })
                .collect(),
            spaced: SpacedHex(atr.bytes()).to_string(),
            historical_spaced: SpacedHex(atr.historical_bytes()).to_string(),
        }
    }
}

fn block_protocol(atr: &Atr) -> Option<BlockProtocol> {
    Some(BlockProtocol {
        information_field_size: atr.information_field_size()?,
        block_waiting_time_integer: atr.block_waiting_time_integer()?,
        character_waiting_time_integer: atr.character_waiting_time_integer()?,
        error_detection: match atr.error_detection()? {
            ErrorDetection::Lrc => "LRC",
            ErrorDetection::Crc => "CRC",
        },
    })
}

fn interface_bytes(atr: &Atr) -> Vec<InterfaceByte> {
    let mut bytes = Vec::new();
    for group in atr.interfaces() {
        let named = [
            ("TA", group.ta),
            ("TB", group.tb),
            ("TC", group.tc),
            ("TD", group.td),
        ];
        for (name, byte) in named {
            bytes.extend(byte.map(|byte| InterfaceByte {
                name: format!("{name}{}", group.index),
                value: format!("{byte:02X}"),
            }));
        }
    }
    bytes
}

fn objects(historical: &Historical<'_>) -> Vec<HistoricalObject> {
    let mut objects: Vec<_> = historical
        .category()
        .map(|category| HistoricalObject {
            name: "category indicator".to_owned(),
            value: Hex(historical.bytes().get(..1).unwrap_or_default()).to_string(),
            meaning: Some(category.to_string()),
        })
        .into_iter()
        .collect();
    for object in historical.compact_tlvs() {
        objects.push(HistoricalObject {
            name: object.name().to_owned(),
            value: Hex(object.value).to_string(),
            meaning: meaning(&object.object()),
        });
    }
    if let Some(Category::CompactTlvThenStatus) = historical.category() {
        objects.extend(historical.status_indicator().map(|status| {
            HistoricalObject {
                name: "status indicator".to_owned(),
                value: status
                    .status
                    .map(|status| status.to_string())
                    .unwrap_or_default(),
                meaning: status
                    .life_cycle
                    .map(|state| format!("life cycle: {state}")),
            }
        }));
    }
    objects
}

fn meaning(object: &Object<'_>) -> Option<String> {
    match object {
        Object::Services(services) => Some(services_text(*services)),
        Object::Capabilities(capabilities) => Some(capabilities_text(*capabilities)),
        Object::Status(status) => {
            let state = status
                .life_cycle
                .map(|state| format!("life cycle: {state}"));
            let word = status
                .status
                .map(|word| format!("{word} ({})", word.meaning()));
            let parts: Vec<_> = state.into_iter().chain(word).collect();
            (!parts.is_empty()).then(|| parts.join(", "))
        }
        _ => None,
    }
}

fn services_text(services: CardServices) -> String {
    let yes = |condition: bool, text: &'static str| condition.then_some(text);
    let mut parts: Vec<_> = [
        yes(services.select_by_full_name(), "select by full DF name"),
        yes(services.select_by_partial_name(), "by partial DF name"),
        yes(services.objects_in_ef_dir(), "data objects in EF.DIR"),
        yes(services.objects_in_ef_atr(), "data objects in EF.ATR"),
        yes(!services.has_mf(), "no MF"),
    ]
    .into_iter()
    .flatten()
    .map(str::to_owned)
    .collect();
    parts.push(format!("read with {}", services.access()));
    parts.join(", ")
}

fn capabilities_text(capabilities: CardCapabilities) -> String {
    let yes =
        |condition: Option<bool>, text: &'static str| (condition == Some(true)).then_some(text);
    let parts: Vec<_> = [
        yes(Some(capabilities.select_by_path()), "select by path"),
        yes(
            Some(capabilities.select_by_file_identifier()),
            "by file identifier",
        ),
        yes(
            Some(capabilities.short_ef_identifier()),
            "short EF identifiers",
        ),
        yes(capabilities.command_chaining(), "command chaining"),
        yes(capabilities.extended_length(), "extended length"),
    ]
    .into_iter()
    .flatten()
    .map(str::to_owned)
    .chain(
        capabilities
            .logical_channels()
            .map(|count| format!("{count} logical channels")),
    )
    .collect();
    if parts.is_empty() {
        return "none of those that are known".to_owned();
    }
    parts.join(", ")
}

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::plain();
        table.row(["ATR".into(), self.spaced.clone().into()]);
        table.row(["Convention".into(), self.convention.into()]);
        let protocols: Vec<_> = self.protocols.iter().map(|t| format!("T={t}")).collect();
        table.row(["Protocols".into(), protocols.join(", ").into()]);
        if let Some(protocol) = self.specific_mode {
            table.row([
                "Specific mode".into(),
                format!("T={protocol} is forced").into(),
            ]);
        }
        let speed = match (self.fi, self.di, self.max_frequency_khz) {
            (Some(fi), Some(di), Some(khz)) => format!(
                "Fi {fi}, Di {di}: {} cycles a bit, at most {} MHz",
                fi / u16::from(di).max(1),
                f64::from(khz) / 1000.0
            ),
            _ => "TA1 has a reserved value".to_owned(),
        };
        table.row(["Speed".into(), speed.into()]);
        table.row([
            "Extra guard time".into(),
            self.extra_guard_time.to_string().into(),
        ]);
        if let Some(t1) = &self.t1 {
            let text = format!(
                "IFSC {}, BWI {}, CWI {}, {}",
                t1.information_field_size,
                t1.block_waiting_time_integer,
                t1.character_waiting_time_integer,
                t1.error_detection
            );
            table.row(["T=1".into(), text.into()]);
        }
        let bytes: Vec<_> = self
            .interface_bytes
            .iter()
            .map(|byte| format!("{} {}", byte.name, byte.value))
            .collect();
        table.row(["Interface bytes".into(), bytes.join(", ").into()]);
        table.row([
            "Historical bytes".into(),
            self.historical_spaced.clone().into(),
        ]);
        for object in &self.historical {
            let meaning = object.meaning.as_deref().map(|text| format!(": {text}"));
            let text = format!(
                "{} {}{}",
                object.name,
                object.value,
                meaning.unwrap_or_default()
            );
            table.row([Cell::default(), text.into()]);
        }
        table.row([
            "TCK".into(),
            self.tck.clone().unwrap_or_else(|| "none".to_owned()).into(),
        ]);
        for finding in &self.findings {
            let text = format!("at byte {}: {}", finding.offset, finding.message);
            table.row(["Finding".into(), Cell::from(text).styled(WARNING)]);
        }
        table.fmt(f)
    }
}
