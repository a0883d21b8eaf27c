//! Pages in the hands of a script: `html(text)` and `response.html()`, `.css(selector)`, `.first(selector)`, elements.
//!
//! In: a text or a response, and selectors. Out: handles of a page that has been parsed once, however many elements of it a
//! script keeps; values copied from it only when they are asked for.

use std::any::TypeId;
use std::rc::Rc;

use ego_tree::NodeId;
use rhai::{Dynamic, EvalAltResult, ImmutableString};

use super::response::Reply;
use super::text::Patterns;
use super::{Registrar, argument, failure, interrupted};
use crate::convert::describe;
use crate::host::Interrupt;
use crate::html::{Document, Pause, Refusal, Selector};

/// A page.
#[derive(Debug, Clone)]
pub(crate) struct Page(Rc<Document>);

/// An element of a page.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    page: Rc<Document>,
    node: NodeId,
}

impl Page {
    /// Parses a page; `what` says what it is, for messages.
    pub(super) fn parse(what: &str, text: &str, pause: Pause<'_>) -> Result<Self, Box<EvalAltResult>> {
        match Document::parse(text, pause) {
            Ok(document) => Ok(Self(Rc::new(document))),
            Err(Refusal::Wrong(why)) => Err(failure(format!("{what} cannot be read as HTML: {why}"))),
            Err(Refusal::Interrupted(interrupt)) => Err(interrupted(interrupt)),
        }
    }
}

/// The page and the node a method was called on.
fn place(value: &Dynamic) -> Option<(Rc<Document>, NodeId)> {
    if let Some(page) = value.read_lock::<Page>() {
        return Some((page.0.clone(), page.0.root()));
    }
    let element = value.read_lock::<Element>()?;
    Some((element.page.clone(), element.node))
}

pub(super) fn register(registrar: &mut Registrar<'_>) {
    let host = registrar.world.host.clone();
    // Declarations run before there is anybody to make room for.
    let patient = registrar.declaring.is_none();
    let pause: Rc<dyn Fn() -> Result<(), Interrupt>> =
        Rc::new(move || if patient { host.progress() } else { Ok(()) });

    let parsing = pause.clone();
    registrar.function("html", 1, move |_, args| {
        let source = argument(args, 0);
        if let Some(reply) = source.read_lock::<Reply>() {
            return reply.page().map(Dynamic::from);
        }
        let Ok(text) = source.as_immutable_string_ref() else {
            return Err(failure(format!(
                "`html` takes a text or a response, not {}",
                describe(&source)
            )));
        };
        Page::parse("the text", &text, &*parsing).map(Dynamic::from)
    });

    let selectors = Rc::new(Patterns::<Selector>::new());
    let any = TypeId::of::<Dynamic>();
    for receiver in [TypeId::of::<Page>(), TypeId::of::<Element>()] {
        for (name, most) in [("css", usize::MAX), ("first", 1)] {
            let (selectors, pause) = (selectors.clone(), pause.clone());
            registrar.typed(name, &[receiver, any], move |_, args| {
                let (on, selector) = (argument(args, 0), argument(args, 1));
                let selector = compiled(&selectors, name, &selector)?;
                let Some((page, node)) = place(&on) else {
                    return Ok(Dynamic::UNIT);
                };
                let found = page.select(node, &selector, most, &*pause).map_err(interrupted)?;
                let mut elements = found.into_iter().map(|node| {
                    let page = page.clone();
                    Dynamic::from(Element { page, node })
                });
                Ok(match most {
                    1 => elements.next().unwrap_or(Dynamic::UNIT),
                    _ => Dynamic::from_array(elements.collect()),
                })
            });
        }
    }
    registrar.typed("attr", &[TypeId::of::<Element>(), any], |_, args| {
        let (on, name) = (argument(args, 0), argument(args, 1));
        let Ok(name) = name.as_immutable_string_ref() else {
            return Err(failure(format!(
                "`attr` takes the name of an attribute, which is a text, not {}",
                describe(&name)
            )));
        };
        let value = place(&on).and_then(|(page, node)| Some(as_value(page.attribute(node, &name)?)));
        Ok(value.unwrap_or(Dynamic::UNIT))
    });
    properties(registrar);
}

fn properties(registrar: &mut Registrar<'_>) {
    let page_text = |page: &mut Page| page.0.text(page.0.root());
    let element_text = |element: &mut Element| element.page.text(element.node);
    let inner = |element: &mut Element| element.page.inner_html(element.node);
    registrar
        .engine
        .register_type_with_name::<Page>("HTML page")
        .register_get("text", page_text)
        .register_fn("text", page_text)
        .register_get("html", |page: &mut Page| page.0.inner_html(page.0.root()))
        .register_fn("to_string", |_: &mut Page| "an HTML page".to_owned())
        .register_type_with_name::<Element>("HTML element")
        .register_get("text", element_text)
        .register_fn("text", element_text)
        .register_get("html", inner)
        .register_fn("html", inner)
        .register_get("name", |element: &mut Element| {
            element.page.name(element.node).to_owned()
        })
        .register_fn("to_string", |element: &mut Element| {
            format!("<{}>", element.page.name(element.node))
        });
}

fn compiled(
    selectors: &Patterns<Selector>,
    function: &str,
    selector: &Dynamic,
) -> Result<Rc<Selector>, Box<EvalAltResult>> {
    let Ok(text) = selector.as_immutable_string_ref() else {
        return Err(failure(format!(
            "`{function}` takes a CSS selector, which is a text, not {}",
            describe(selector)
        )));
    };
    selectors
        .get(&text, |text| {
            Selector::parse(text).map_err(|why| {
                let short: String = text.chars().take(100).collect();
                let more = if short.len() < text.len() { "…" } else { "" };
                format!("`{function}`: `{short}{more}` is not a CSS selector: {why}")
            })
        })
        .map_err(failure)
}

fn as_value(text: &str) -> Dynamic {
    ImmutableString::from(text).into()
}
