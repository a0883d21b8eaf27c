//! `http.get` and its relatives: a script's request, checked and handed to the host.
//!
//! Each exists twice: as the function `http_get`, which the usual spelling turns into (see `syntax::desugar`), and as a
//! method of the value `http`, for whoever passes that around.

use std::any::TypeId;
use std::rc::Rc;

use http::Method;
use rhai::{Dynamic, ImmutableString, Map};

use super::option_values::options;
use super::request_options::RequestTemplate;
use super::response::Reply;
use super::{Answer, Args, Registrar, World, argument, failure, interrupted};
use crate::convert::describe;
use crate::host::RequestSpec;

/// The value of `http`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpHandle;

const METHODS: &[(&str, &str, Method)] = &[
    ("get", "http_get", Method::GET),
    ("post", "http_post", Method::POST),
    ("put", "http_put", Method::PUT),
    ("patch", "http_patch", Method::PATCH),
    ("delete", "http_delete", Method::DELETE),
    ("head", "http_head", Method::HEAD),
    ("options", "http_options", Method::OPTIONS),
];

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.engine.register_type_with_name::<HttpHandle>("http");
    if registrar.declaring.is_some() {
        for (_, name, _) in METHODS {
            registrar.acting_only(name, 1);
            registrar.acting_only(name, 2);
        }
        registrar.acting_only("http_request", 2);
        registrar.acting_only("http_request", 3);
        return;
    }
    let (text, map, any) = (
        TypeId::of::<ImmutableString>(),
        TypeId::of::<Map>(),
        TypeId::of::<Dynamic>(),
    );
    let object = TypeId::of::<HttpHandle>();
    for (method_name, function_name, method) in METHODS {
        for types in [vec![text], vec![text, map], vec![any], vec![any, any]] {
            let (world, verb) = (registrar.world.clone(), method.clone());
            registrar.typed(function_name, &types, move |_, args| {
                send(&world, method_name, verb.clone(), args, 0)
            });
        }
        for types in [vec![object, any], vec![object, any, any]] {
            let (world, verb) = (registrar.world.clone(), method.clone());
            registrar.typed(method_name, &types, move |_, args| {
                send(&world, method_name, verb.clone(), args, 1)
            });
        }
    }
    for (name, types, skip) in [
        ("http_request", vec![any; 2], 0),
        ("http_request", vec![any; 3], 0),
        ("request", vec![object, any, any], 1),
        ("request", vec![object, any, any, any], 1),
    ] {
        let world = registrar.world.clone();
        registrar.typed(name, &types, move |_, args| {
            let verb = verb(&argument(args, skip)).map_err(|why| failure(format!("http.request: {why}")))?;
            send(&world, "request", verb, args, skip + 1)
        });
    }
}

/// Registers a function of `http` with so many arguments of any type in both spellings: as `function`, and as a method of
/// the value `http`. `call` is told how many arguments to skip.
pub(super) fn both_spellings(
    registrar: &mut Registrar<'_>,
    function: &'static str,
    method: &str,
    arguments: usize,
    call: impl Fn(Args<'_, '_>, usize) -> Answer + Clone + 'static,
) {
    if registrar.declaring.is_some() {
        return registrar.acting_only(function, arguments);
    }
    let as_method = call.clone();
    registrar.function(function, arguments, move |_, args| call(args, 0));
    let mut types = vec![TypeId::of::<HttpHandle>()];
    types.resize(arguments + 1, TypeId::of::<Dynamic>());
    registrar.typed(method, &types, move |_, args| as_method(args, 1));
}

/// A method as a script wrote it.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn verb(value: &Dynamic) -> Result<Method, String> {
    let wrong = || format!("the method is a text such as \"GET\", not {}", describe(value));
    let text = value.as_immutable_string_ref().map_err(|_| wrong())?;
    Method::from_bytes(text.to_ascii_uppercase().as_bytes()).map_err(|_| wrong())
}

/// Sends the request whose URL is the argument at `first`, with the options after it.
fn send(world: &Rc<World>, name: &str, method: Method, args: Args<'_, '_>, first: usize) -> Answer {
    let url = argument(args, first);
    let options = match args.len() {
        len if len > first + 1 => argument(args, first + 1),
        _ => Dynamic::UNIT,
    };
    let spec =
        spec(world, method, url, options).map_err(|problem| failure(format!("http.{name}: {problem}")))?;
    let asked = spec.url.clone();
    let response = world.host.send(spec).map_err(interrupted)?;
    Ok(Dynamic::from(Reply::new(response, asked, world.clone())))
}

/// A request as a script wrote it, checked; its options may be `()`.
///
/// # Errors
///
/// What is wrong with it, in one line.
pub(super) fn spec(
    world: &World,
    method: Method,
    url: Dynamic,
    given: Dynamic,
) -> Result<RequestSpec, String> {
    if !url.is_string() {
        return Err(format!("the URL is a text, not {}", describe(&url)));
    }
    // The text itself, not a copy: hosts recognise literals by their identity.
    let url = url.into_immutable_string().unwrap_or_default();
    if url.is_empty() {
        return Err("the URL is empty".to_owned());
    }
    let template = if given.is_unit() {
        RequestTemplate::default()
    } else {
        options("a request", given)
            .and_then(RequestTemplate::parse)
            .map_err(|problem| problem.line())?
    };
    let mut spec = template.into_spec(method, url);
    if world.data.secrets.any() {
        hide(world, &mut spec);
    }
    Ok(spec)
}

/// Sees to it that a secret does not become the name or a tag of a request.
fn hide(world: &World, spec: &mut RequestSpec) {
    if let Some(options) = &mut spec.options {
        options.tags.iter_mut().for_each(|tag| tag.hide(&world.data));
    }
    if let Some(name) = &mut spec.name {
        mask(world, name);
    } else {
        spec.stand_in = stand_in(world, spec);
    }
}

/// Path and query without the secrets in them; `None` if there are none.
fn stand_in(world: &World, spec: &RequestSpec) -> Option<ImmutableString> {
    let mut shown: ImmutableString = {
        let path = spec.url.split_once("://").map_or(spec.url.as_str(), |(_, rest)| {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        });
        let mut name = path.to_owned();
        for (key, value) in &spec.query {
            name.push(if name.contains('?') { '&' } else { '?' });
            name.push_str(&format!("{key}={value}"));
        }
        name.into()
    };
    mask(world, &mut shown).then_some(shown)
}

/// Hides secrets in a text; `false` if there are none.
fn mask(world: &World, text: &mut ImmutableString) -> bool {
    let masked = world.data.mask(text);
    let has_secrets = masked != text.as_str();
    if has_secrets {
        let masked = masked.as_ref().into();
        *text = masked;
    }
    has_secrets
}
