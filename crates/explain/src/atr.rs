//! Answers to reset (ISO/IEC 7816-3 §8, ISO/IEC 7816-4 §12.1.1).

use kortlab_apdu::Error;
use kortlab_apdu::atr::{Atr, ClockStop, Convention, ErrorDetection};
use kortlab_apdu::historical::{CardCapabilities, CardServices, Category, Historical, Object};
use kortlab_card::Problem;
use serde::Serialize;

use crate::hexadecimal::{Hex, SpacedHex};
use crate::node::{Explanation, NOT_DECODED, Node};
use crate::span::Span;

/// What whoever sees such a problem can do.
const NEXT: &str = "the card is at fault: readers and programs may refuse it, or read its ATR \
                    otherwise; read it again, and tell whoever made the card";

/// What an ATR says, in words and numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Words {
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
    /// `not-supported`, `low`, `high` or `either`.
    clock_stop: &'static str,
    /// The classes of operating conditions.
    classes: Vec<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    t1: Option<BlockProtocol>,
    interface_bytes: Vec<Node>,
    historical_bytes: String,
    historical: Vec<Node>,
    tck: Option<String>,
    findings: Vec<Problem>,
    #[serde(skip)]
    says_classes: bool,
    #[serde(skip)]
    spaced: String,
    #[serde(skip)]
    historical_spaced: String,
}

#[derive(Clone, Debug, Serialize)]
struct BlockProtocol {
    information_field_size: u8,
    block_waiting_time_integer: u8,
    character_waiting_time_integer: u8,
    error_detection: &'static str,
}

impl Words {
    /// What these bytes say.
    ///
    /// # Errors
    /// Nothing can be said of them: they are no ATR.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let atr = Atr::parse(bytes)?;
        Ok(Self {
            atr: Hex(atr.bytes()).to_string(),
            convention: convention(&atr),
            protocols: atr.offered_protocols(),
            fi: atr.fi(),
            di: atr.di(),
            max_frequency_khz: atr.max_frequency_khz(),
            extra_guard_time: atr.extra_guard_time(),
            specific_mode: atr.specific_mode().map(|mode| mode.protocol),
            clock_stop: match atr.clock_stop() {
                ClockStop::NotSupported => "not-supported",
                ClockStop::Low => "low",
                ClockStop::High => "high",
                ClockStop::Either => "either",
            },
            classes: atr.classes().letters().collect(),
            says_classes: atr.clock_stop_and_classes().is_some(),
            t1: block_protocol(&atr),
            interface_bytes: interface_bytes(&atr),
            historical_bytes: Hex(atr.historical_bytes()).to_string(),
            historical: objects(&atr, &atr.historical()),
            tck: atr.tck().map(|tck| format!("{tck:02X}")),
            findings: problems(&atr),
            spaced: SpacedHex(atr.bytes()).to_string(),
            historical_spaced: SpacedHex(atr.historical_bytes()).to_string(),
        })
    }

    /// What is wrong with it, in the order of its bytes.
    pub fn findings(&self) -> &[Problem] {
        &self.findings
    }

    /// What it says, as rows of a name and a text. The name is empty where a row goes on with the
    /// one before it.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let protocols: Vec<_> = self.protocols.iter().map(|t| format!("T={t}")).collect();
        let mut rows = vec![
            ("ATR", self.spaced.clone()),
            ("Convention", self.convention.to_owned()),
            ("Protocols", protocols.join(", ")),
        ];
        if let Some(protocol) = self.specific_mode {
            rows.push(("Specific mode", format!("T={protocol} is forced")));
        }
        rows.push(("Speed", self.speed()));
        rows.push(("Extra guard time", self.extra_guard_time.to_string()));
        if self.says_classes {
            let clock = match self.clock_stop {
                "not-supported" => "the clock must not be stopped".to_owned(),
                "either" => "the clock may be stopped in either state".to_owned(),
                state => format!("the clock may be stopped in the {state} state"),
            };
            let classes: Vec<_> = self.classes.iter().map(char::to_string).collect();
            rows.push(("T=15", format!("{clock}; classes {}", classes.join(", "))));
        }
        if let Some(t1) = &self.t1 {
            let text = format!(
                "IFSC {}, BWI {}, CWI {}, {}",
                t1.information_field_size,
                t1.block_waiting_time_integer,
                t1.character_waiting_time_integer,
                t1.error_detection
            );
            rows.push(("T=1", text));
        }
        let value = |node: &Node| node.value.clone().unwrap_or_default();
        let bytes: Vec<_> = self
            .interface_bytes
            .iter()
            .map(|byte| format!("{} {}", byte.name, value(byte)))
            .collect();
        rows.push(("Interface bytes", bytes.join(", ")));
        rows.push(("Historical bytes", self.historical_spaced.clone()));
        for object in &self.historical {
            let meaning = object.meaning.as_deref().map(|text| format!(": {text}"));
            let meaning = meaning.unwrap_or_default();
            rows.push(("", format!("{} {}{meaning}", object.name, value(object))));
        }
        let tck = self.tck.clone().unwrap_or_else(|| "none".to_owned());
        rows.push(("TCK", tck));
        rows
    }

    fn speed(&self) -> String {
        match (self.fi, self.di, self.max_frequency_khz) {
            (Some(fi), Some(di), Some(khz)) => format!(
                "Fi {fi}, Di {di}: {} cycles a bit, at most {} MHz",
                fi / u16::from(di).max(1),
                f64::from(khz) / 1000.0
            ),
            _ => "TA1 has a reserved value".to_owned(),
        }
    }
}

/// The historical bytes, if these are an ATR.
pub fn historical_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    let atr = Atr::parse(bytes).ok()?;
    Some(atr.historical_bytes().to_vec())
}

/// What an ATR says, byte by byte.
pub fn explain(bytes: &[u8]) -> Explanation {
    let what = "answer to reset";
    let atr = match Atr::parse(bytes) {
        Ok(atr) => atr,
        Err(error) => {
            let span = Span::new(0, bytes.len());
            let why = error.kind().to_string();
            return Explanation {
                what,
                nodes: vec![Node::not_decoded(span, bytes, &why)],
                problems: vec![problem(error)],
            };
        }
    };
    let mut nodes = vec![
        Node::new("TS", Span::new(0, 1), bytes).meaning(format!("{} convention", convention(&atr))),
        Node::new("T0", Span::new(1, 1), bytes).meaning(format!(
            "{} historical bytes",
            bytes.get(1).copied().unwrap_or_default() & 0x0F
        )),
    ];
    nodes.extend(interface_bytes(&atr));
    let historical = atr.historical_bytes().len();
    if historical > 0 {
        let span = Span::new(atr.historical_offset(), historical);
        let mut parts = objects(&atr, &atr.historical());
        fill(&mut parts, span, bytes);
        nodes.push(Node::without_value("historical bytes", span).with_parts(parts));
    }
    let at = atr.historical_offset() + historical;
    nodes.extend(
        atr.tck()
            .map(|_| Node::new("TCK", Span::new(at, 1), bytes).meaning("check byte")),
    );
    fill(&mut nodes, Span::new(0, bytes.len()), bytes);
    Explanation {
        what,
        nodes,
        problems: problems(&atr),
    }
}

/// Puts a node where `within` has bytes that none of the nodes has.
fn fill(nodes: &mut Vec<Node>, within: Span, all: &[u8]) {
    let mut filled = Vec::with_capacity(nodes.len());
    let mut at = within.offset;
    for node in nodes.drain(..) {
        if let Some(gap) = node.span.offset.checked_sub(at).filter(|gap| *gap > 0) {
            filled.push(Node::new(NOT_DECODED, Span::new(at, gap), all));
        }
        at = node.span.end();
        filled.push(node);
    }
    if let Some(gap) = within.end().checked_sub(at).filter(|gap| *gap > 0) {
        filled.push(Node::new(NOT_DECODED, Span::new(at, gap), all));
    }
    *nodes = filled;
}

fn problem(error: Error) -> Problem {
    Problem::of_bytes("ATR", error).hint(NEXT)
}

fn problems(atr: &Atr) -> Vec<Problem> {
    let historical = atr.historical();
    let own = atr.findings().iter().copied();
    let inner = historical.findings().iter();
    let inner = inner.map(|error| error.nested(atr.historical_offset()));
    own.chain(inner).map(problem).collect()
}

fn convention(atr: &Atr) -> &'static str {
    match atr.convention() {
        Convention::Direct => "direct",
        Convention::Inverse => "inverse",
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

/// TA1, TB1 and so on: they stand in this order from the third byte on.
fn interface_bytes(atr: &Atr) -> Vec<Node> {
    let mut bytes = Vec::new();
    for group in atr.interfaces() {
        let named = [
            ("TA", group.ta),
            ("TB", group.tb),
            ("TC", group.tc),
            ("TD", group.td),
        ];
        for (name, byte) in named {
            if byte.is_some() {
                let span = Span::new(2 + bytes.len(), 1);
                let name = format!("{name}{}", group.index);
                bytes.push(Node::new(name, span, atr.bytes()));
            }
        }
    }
    bytes
}

fn objects(atr: &Atr, historical: &Historical<'_>) -> Vec<Node> {
    let base = atr.historical_offset();
    let all = atr.bytes();
    let mut objects: Vec<_> = historical
        .category()
        .map(|category| {
            Node::new("category indicator", Span::new(base, 1), all).meaning(category.to_string())
        })
        .into_iter()
        .collect();
    for object in historical.compact_tlvs() {
        let span = Span::new(base + object.offset, 1 + object.value.len());
        let mut node = Node::without_value(object.name(), span).maybe(meaning(&object.object()));
        node.header = 1;
        node.value = Some(Hex(object.value).to_string());
        objects.push(node);
    }
    if let Some(Category::CompactTlvThenStatus) = historical.category() {
        let end = base + historical.bytes().len();
        objects.extend(historical.status_indicator().map(|status| {
            let meaning = status
                .life_cycle
                .map(|state| format!("life cycle: {state}"));
            let span = Span::new(end.saturating_sub(3), 3);
            let mut node = Node::without_value("status indicator", span).maybe(meaning);
            node.value = Some(
                status
                    .status
                    .map(|status| status.to_string())
                    .unwrap_or_default(),
            );
            node
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An ATR with TD1, T=1's bytes, historical bytes and TCK.
    const ATR: [u8; 17] = [
        0x3B, 0x7D, 0x96, 0x00, 0x00, 0x80, 0x31, 0x80, 0x65, 0xB0, 0x31, 0x11, 0x01, 0xF3, 0x83,
        0x00, 0x90,
    ];

    #[test]
    fn every_byte_of_an_atr_is_in_one_node() {
        for length in 0..ATR.len() {
            let bytes = &ATR[..length];
            let explained = explain(bytes);
            let mut at = 0;
            for node in &explained.nodes {
                assert_eq!(node.span.offset, at, "{explained}");
                at = node.span.end();
            }
            assert_eq!(at, length, "{explained}");
            assert!(!explained.is_clean(), "{length} of {} bytes", ATR.len());
        }
    }

    #[test]
    fn a_wrong_check_byte_is_named_with_its_place_and_a_stable_word() {
        let words = Words::new(&[0x3B, 0x80, 0x80, 0x01, 0xFF]).expect("an ATR");
        let [finding] = words.findings() else {
            panic!("{:?}", words.findings());
        };
        assert_eq!(finding.code(), "mismatch");
        assert_eq!(finding.offset(), Some(4));
        assert_eq!(finding.file(), "ATR");
        assert_eq!(finding.message(), "TCK is FF and should be 01");
    }
}
