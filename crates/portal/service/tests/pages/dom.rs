//! Pages as html5ever reads them, a parser that follows the HTML standard.

use std::collections::BTreeMap;

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// An element, in the order of the document.
#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    /// The text inside, white space joined.
    pub text: String,
    /// The names of the elements around it, outermost first.
    pub around: Vec<String>,
    /// Its place among all elements.
    pub index: usize,
    /// The places of the elements around it.
    pub ancestors: Vec<usize>,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// A page.
#[derive(Clone, Debug)]
pub struct Dom {
    pub elements: Vec<Element>,
    /// What the parser complains about.
    pub errors: Vec<String>,
}

impl Dom {
    pub fn parse(html: &str) -> Self {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
        let errors = dom.errors.borrow().iter().map(|e| e.to_string()).collect();
        let mut elements = Vec::new();
        walk(&dom.document, &mut Vec::new(), &mut elements);
        Self { elements, errors }
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |one| one.name == name)
    }

    pub fn by_id(&self, id: &str) -> Option<&Element> {
        self.elements
            .iter()
            .find(|one| one.attribute("id") == Some(id))
    }

    pub fn inside<'a>(&'a self, outer: &Element) -> impl Iterator<Item = &'a Element> {
        let outer = outer.index;
        self.elements
            .iter()
            .filter(move |one| one.ancestors.contains(&outer))
    }

    /// The fields of the first form with this action.
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        let form = self
            .all("form")
            .find(|form| form.attribute("action") == Some(action));
        let form = form.unwrap_or_else(|| panic!("no form to {action}"));
        self.inside(form)
            .filter(|one| one.name == "input")
            .filter(|one| one.attribute("type") == Some("hidden"))
            .map(|one| {
                let value = |name: &str| one.attribute(name).unwrap_or_default().to_owned();
                (value("name"), value("value"))
            })
            .collect()
    }

    pub fn h1(&self) -> String {
        self.all("h1").next().map(|one| one.text.clone()).unwrap()
    }

    pub fn text(&self) -> String {
        let body = self.all("body").next().unwrap();
        body.text.clone()
    }
}

fn walk(node: &Handle, around: &mut Vec<(String, usize)>, elements: &mut Vec<Element>) {
    let mut pushed = false;
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let index = elements.len();
        elements.push(Element {
            name: name.local.to_string(),
            attributes: attrs
                .borrow()
                .iter()
                .map(|one| (one.name.local.to_string(), one.value.to_string()))
                .collect(),
            text: text(node),
            around: around.iter().map(|(name, _)| name.clone()).collect(),
            ancestors: around.iter().map(|(_, index)| *index).collect(),
            index,
        });
        around.push((name.local.to_string(), index));
        pushed = true;
    }
    for child in node.children.borrow().iter() {
        walk(child, around, elements);
    }
    if pushed {
        around.pop();
    }
}

fn text(node: &Handle) -> String {
    let mut all = String::new();
    collect(node, &mut all);
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn collect(node: &Handle, all: &mut String) {
    if let NodeData::Text { contents } = &node.data {
        all.push_str(&contents.borrow());
        all.push(' ');
    }
    for child in node.children.borrow().iter() {
        collect(child, all);
    }
}
