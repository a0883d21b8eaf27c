//! HTML as a browser reads it, and what CSS selectors find in it.
//!
//! In: a text, and [`Selector`]s. Out: a [`Document`] and the nodes of its elements. What a server sends is not trusted: size,
//! number of nodes and depth are bounded, nothing here recurses with the depth of a page but the matching of `:has`, and
//! whoever asks gives a `pause` that is called all along, so that a large page holds up nobody and can be stopped.

use ego_tree::{NodeId, NodeRef};
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{ElementRef, Html, HtmlTreeSink, Node};
use selectors::matching::SelectorCaches;

use crate::host::Interrupt;

mod selector;

pub(crate) use selector::Selector;

/// Longer texts are no pages; bodies of responses end there too.
const LARGEST_MIB: usize = 8;
/// A page of more nodes would take hundreds of MiB.
const MOST_NODES: usize = 500_000;
/// Deeper pages are attacks or broken; browsers flatten them from 512 on.
const DEEPEST: usize = 256;
/// How much is parsed between two looks at what has become of it, in bytes. A few bytes can make many nodes, where formatting
/// that is still open is repeated in each paragraph.
const CHUNK: usize = 512;

/// Lets others run, or says that this must end.
pub(crate) type Pause<'a> = &'a dyn Fn() -> Result<(), Interrupt>;

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// What is wrong with the text, for a person.
    Wrong(String),
    /// The one who asked has to stop.
    Interrupted(Interrupt),
}

impl From<Interrupt> for Refusal {
    fn from(interrupt: Interrupt) -> Self {
        Self::Interrupted(interrupt)
    }
}

/// A page.
#[derive(Debug)]
pub(crate) struct Document(Html);

impl Document {
    /// Reads a page. Any text is one: what is missing is added, as browsers do.
    pub(crate) fn parse(text: &str, pause: Pause<'_>) -> Result<Self, Refusal> {
        if text.len() > LARGEST_MIB << 20 {
            return Err(Refusal::Wrong(format!(
                "the text has {} MiB and the limit for HTML is {LARGEST_MIB} MiB",
                text.len() >> 20
            )));
        }
        let sink = HtmlTreeSink::new(Html::new_document());
        let mut parser = html5ever::parse_document(sink, html5ever::ParseOpts::default());
        let mut rest = text;
        while !rest.is_empty() {
            pause()?;
            let end = (0..=CHUNK.min(rest.len()))
                .rev()
                .find(|at| rest.is_char_boundary(*at));
            let (chunk, after) = rest.split_at(end.unwrap_or(rest.len()));
            parser.process(StrTendril::from(chunk));
            rest = after;
            let html = parser.tokenizer.sink.sink.0.borrow();
            let nodes = html.tree.nodes();
            if nodes.len() > MOST_NODES {
                return Err(Refusal::Wrong(format!(
                    "the HTML has more than {MOST_NODES} elements and texts, which is the limit"
                )));
            }
            // The newest element is as deep as the page is at this place.
            let newest = html.tree.nodes().rev().find(|node| node.value().is_element());
            if newest.is_some_and(|node| node.ancestors().nth(DEEPEST).is_some()) {
                return Err(too_deep());
            }
        }
        let document = Self(parser.finish());
        document.check_depth(pause)?;
        Ok(document)
    }

    /// Elements may have been moved below others, so in the end every one counts.
    fn check_depth(&self, pause: Pause<'_>) -> Result<(), Refusal> {
        let mut depth = 0_usize;
        for edge in self.0.tree.root().traverse() {
            match edge {
                ego_tree::iter::Edge::Open(_) => {
                    pause()?;
                    depth += 1;
                    // The document itself, and a text in the deepest element.
                    if depth > DEEPEST + 2 {
                        return Err(too_deep());
                    }
                }
                ego_tree::iter::Edge::Close(_) => depth -= 1,
            }
        }
        Ok(())
    }

    /// The node that holds everything.
    pub(crate) fn root(&self) -> NodeId {
        self.0.tree.root().id()
    }

    fn node(&self, id: NodeId) -> Option<NodeRef<'_, Node>> {
        self.0.tree.get(id)
    }

    fn element(&self, id: NodeId) -> Option<ElementRef<'_>> {
        self.node(id).and_then(ElementRef::wrap)
    }

    /// The elements below a node that match, in the order of the page, up to `most`.
    pub(crate) fn select(
        &self,
        within: NodeId,
        selector: &Selector,
        most: usize,
        pause: Pause<'_>,
    ) -> Result<Vec<NodeId>, Interrupt> {
        let mut found = Vec::new();
        let Some(within) = self.node(within) else {
            return Ok(found);
        };
        let scope = ElementRef::wrap(within);
        let mut caches = SelectorCaches::default();
        for node in within.descendants().skip(1) {
            pause()?;
            let Some(element) = ElementRef::wrap(node) else {
                continue;
            };
            if selector.matches(&element, scope.as_ref(), &mut caches) {
                found.push(element.id());
                if found.len() >= most {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// All text in a node, without the white space around it.
    pub(crate) fn text(&self, id: NodeId) -> String {
        let Some(node) = self.node(id) else {
            return String::new();
        };
        let parts = node.descendants().filter_map(|node| match node.value() {
            Node::Text(text) => Some(&**text),
            _ => None,
        });
        let text: String = parts.collect();
        text.trim().to_owned()
    }

    /// What is written inside a node.
    pub(crate) fn inner_html(&self, id: NodeId) -> String {
        match self.element(id) {
            Some(element) => element.inner_html(),
            None => self.0.html(),
        }
    }

    /// The name of an element's tag, in lower case.
    pub(crate) fn name(&self, id: NodeId) -> &str {
        self.element(id).map_or("", |element| element.value().name())
    }

    /// An attribute of an element. Names of attributes are in lower case, whatever the page says.
    pub(crate) fn attribute(&self, id: NodeId, name: &str) -> Option<&str> {
        let element = self.element(id)?;
        let lower = name.to_ascii_lowercase();
        element.attr(&lower).or_else(|| element.attr(name))
    }
}

fn too_deep() -> Refusal {
    Refusal::Wrong(format!(
        "the elements of the HTML nest more than {DEEPEST} deep, which is the limit"
    ))
}

#[cfg(test)]
mod tests;
