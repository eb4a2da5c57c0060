//! Broken cards, made of good ones as `vectors/diagnose` says.

use std::fs;

use serde_json::Value;

/// The broken cards of `vectors/diagnose`.
pub fn vectors() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../vectors/diagnose/broken.json"
    );
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn find<'a>(file: &'a mut Value, fid: &str) -> Option<&'a mut Value> {
    if file["fid"] == fid {
        return Some(file);
    }
    let files = file["files"].as_array_mut()?.iter_mut();
    files.filter_map(|file| find(file, fid)).next()
}

fn remove(file: &mut Value, fid: &str) {
    if let Some(files) = file["files"].as_array_mut() {
        files.retain(|file| file["fid"] != fid);
        files.iter_mut().for_each(|file| remove(file, fid));
    }
}

/// Where each object of a directory starts, and where the last one ends.
pub fn starts(data: &[u8]) -> Vec<usize> {
    let mut at = 0;
    let mut starts = vec![0];
    while data.get(at).is_some_and(|tag| *tag != 0) {
        let object = kortlab_apdu::tlv::read_one(&data[at..]).unwrap();
        at += object.raw.len();
        starts.push(at);
    }
    starts
}

/// Does to an image what a vector says.
pub fn change(image: &mut Value, step: &Value) {
    if let Some(fields) = step["card"].as_object() {
        image.as_object_mut().unwrap().extend(fields.clone());
        return;
    }
    if let Some(reference) = step["pin"].as_str() {
        let pins = image["pins"].as_array_mut().unwrap();
        let pin = pins
            .iter_mut()
            .find(|pin| pin["reference"] == reference)
            .unwrap();
        let fields = step["set"].as_object().unwrap().clone();
        pin.as_object_mut().unwrap().extend(fields);
        return;
    }
    if step["add"].is_object() {
        let df = find(&mut image["master_file"], "5015").unwrap();
        df["files"]
            .as_array_mut()
            .unwrap()
            .push(step["add"].clone());
        return;
    }
    let fid = step["file"].as_str().unwrap();
    if step["remove"] == true {
        remove(&mut image["master_file"], fid);
        return;
    }
    let file = find(&mut image["master_file"], fid).unwrap();
    if let Some(fields) = step["set"].as_object() {
        file.as_object_mut().unwrap().extend(fields.clone());
        return;
    }
    let mut data = hex::decode(file["data"].as_str().unwrap_or_default()).unwrap();
    let text = |name: &str| step[name].as_str().map(|text| hex::decode(text).unwrap());
    if let Some(wanted) = text("find") {
        let at = data
            .windows(wanted.len())
            .position(|window| window == wanted);
        let at = at.unwrap_or_else(|| panic!("{step}: not in {}", hex::encode_upper(&data)));
        data.splice(at..at + wanted.len(), text("with").unwrap());
    }
    if let Some(content) = text("data") {
        data = content;
        file["size"] = data.len().into();
    }
    data.extend(text("append").unwrap_or_default());
    if let Some(tag) = text("wrap") {
        data = kortlab_apdu::tlv::object(tag[0], &data);
    }
    if let Some(cut) = step["cut"].as_u64() {
        data.truncate(data.len() - cut as usize);
        file["size"] = data.len().into();
    }
    if let Some(index) = step["cut-object"].as_u64() {
        let starts = starts(&data);
        let index = index as usize;
        data.drain(starts[index]..starts[index + 1]);
    }
    if step["records"] == true {
        data.push(0);
        let starts = starts(&data);
        let records = starts.windows(2).map(|ends| &data[ends[0]..ends[1]]);
        let records: Vec<_> = records.map(hex::encode_upper).collect();
        let longest = starts.windows(2).map(|ends| ends[1] - ends[0]).max();
        let fields = file.as_object_mut().unwrap();
        fields.remove("data");
        fields.insert("kind".into(), "linear-variable".into());
        fields.insert("record_length".into(), longest.into());
        fields.insert("record_count".into(), records.len().into());
        fields.insert("records".into(), records.into());
        return;
    }
    if step["flip-last"] == true {
        *data.last_mut().unwrap() ^= 1;
    }
    let size = file["size"].as_u64().unwrap();
    file["size"] = size.max(data.len() as u64).into();
    file["data"] = hex::encode_upper(data).into();
}

/// In which file a step changes bytes, and at which: computed from the bytes, not from a finding.
pub fn place(image: &mut Value, step: &Value) -> Option<(String, usize)> {
    let fid = step["file"].as_str()?;
    let file = find(&mut image["master_file"], fid)?;
    let data = hex::decode(file["data"].as_str()?).unwrap();
    let at = if let Some(wanted) = step["find"].as_str() {
        let (wanted, with) = (
            hex::decode(wanted).unwrap(),
            hex::decode(step["with"].as_str()?).unwrap(),
        );
        let start = data
            .windows(wanted.len())
            .position(|window| window == wanted)?;
        let same = wanted
            .iter()
            .zip(&with)
            .take_while(|(one, other)| one == other);
        start + same.count()
    } else if step["append"].is_string() {
        data.len()
    } else if step["wrap"].is_string() {
        0
    } else {
        return None;
    };
    Some((fid.to_owned(), at))
}

/// Breaks an image as the vector with this name says.
pub fn break_as(image: &mut Value, name: &str) {
    let vectors = vectors();
    let mut all = vectors["vectors"].as_array().unwrap().iter();
    let vector = all.find(|vector| vector["name"] == name);
    let vector = vector.unwrap_or_else(|| panic!("there is no vector {name}"));
    let steps = vector["change"].as_array().unwrap();
    steps.iter().for_each(|step| change(image, step));
}
