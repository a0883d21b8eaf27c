//! `user(name, options)` and what is chained to it: `.task`, `.sequence`, `.on_start`, `.on_stop`.
//!
//! In: the arguments as written. Out: a [`ClassDraft`]. A bad argument is reported and left out; the chain goes on.

use std::any::TypeId;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{Dynamic, Map, Position};

use super::connection;
use super::functions::function;
use super::http_client::TransportDraft;
use super::poison::Poison;
use super::state::{ClassDraft, Declaring};
use super::task_options::TaskOptions;
use crate::api::option_values::{self as values, Problem};
use crate::api::{Args, Registrar, argument};
use crate::convert::{describe, kind};
use crate::declarations::{ClassDecl, HttpDefaults, TaskDecl, WaitTime};
use crate::request_tags;
use crate::scenario::FunctionId;
use crate::trace_context;
use crate::transport::HttpTransport;

/// A user class in the hands of the declarations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClassHandle(usize);

pub(super) const CLASS_OPTIONS: &[&str] = &["weight", "fixed_count", "wait", "host", "tags", "http"];
pub(super) const HTTP_OPTIONS: &[&str] = &[
    "headers",
    "timeout",
    "redirects",
    "auth",
    "cookies",
    "response_body",
    "group_ids",
    "tags",
    "client",
    "proxy",
    "trace_context",
];

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.declaring_only("user", 1);
    registrar.declaring_only("user", 2);
    let Some(declaring) = registrar.declaring.cloned() else {
        return;
    };
    registrar
        .engine
        .register_type_with_name::<ClassHandle>("user class");
    for arguments in 1..=2 {
        let declaring = declaring.clone();
        // Not through the registrar: a poisoned option must not hide the others.
        let types = vec![TypeId::of::<Dynamic>(); arguments];
        registrar
            .engine
            .register_raw_fn("user", &types, move |context, args| {
                let given = (arguments == 2).then(|| argument(args, 1));
                Ok(Dynamic::from(user(
                    &declaring,
                    context.call_position(),
                    &argument(args, 0),
                    given,
                )))
            });
    }
    for (name, is_sequence) in [("task", false), ("sequence", true)] {
        for arguments in 2..=4 {
            let declaring = declaring.clone();
            method(registrar, name, arguments, move |position, handle, args| {
                task(&declaring, position, handle, is_sequence, args);
            });
        }
    }
    for (name, is_start) in [("on_start", true), ("on_stop", false)] {
        let declaring = declaring.clone();
        method(registrar, name, 1, move |position, handle, args| {
            hook(&declaring, position, handle, is_start, args)
        });
    }
}

/// A method of user classes that returns the class.
fn method(
    registrar: &mut Registrar<'_>,
    name: &str,
    arguments: usize,
    call: impl Fn(Position, ClassHandle, Args<'_, '_>) + 'static,
) {
    let mut types = vec![TypeId::of::<Dynamic>(); arguments + 1];
    types[0] = TypeId::of::<ClassHandle>();
    registrar
        .engine
        .register_raw_fn(name, &types, move |context, args| {
            let this = argument(args, 0);
            if let Some(handle) = this.clone().try_cast::<ClassHandle>() {
                call(context.call_position(), handle, args);
            }
            Ok(this)
        });
}

fn user(declaring: &Rc<Declaring>, call: Position, name: &Dynamic, given: Option<Dynamic>) -> ClassHandle {
    let mut classes = declaring.shared.classes.borrow_mut();
    let name = match values::text(name) {
        _ if name.is::<Poison>() => String::new(),
        Ok(name) => name.to_string(),
        Err(error) => {
            declaring.report(Some(call), format!("the name of a user class: {error}"));
            String::new()
        }
    };
    if !name.is_empty() && classes.iter().any(|draft| draft.class.name == name) {
        declaring.report(
            Some(call),
            format!("there is a user class `{name}` already; names are unique over all files"),
        );
    }
    let mut class = ClassDecl {
        name,
        weight: 1.0,
        fixed_count: 0,
        wait: WaitTime::default(),
        host: None,
        tags: Vec::new(),
        tasks: Vec::new(),
        on_start: None,
        on_stop: None,
        http: HttpDefaults::default(),
    };
    match given.map(|given| values::options("a user class", given)) {
        Some(Ok(options)) => class_options(declaring, call, &mut class, options),
        Some(Err(problem)) => declaring.problem(call, problem),
        None => {}
    }
    let declared = declaring.diagnostic(call, "");
    classes.push(ClassDraft {
        class,
        unit: declaring.unit,
        declared,
        incomplete: false,
    });
    ClassHandle(classes.len() - 1)
}

fn class_options(declaring: &Declaring, call: Position, class: &mut ClassDecl, options: Map) {
    for (key, value) in options {
        if value.is_unit() || value.is::<Poison>() {
            continue;
        }
        let result = match key.as_str() {
            "weight" => values::weight(&value).map(|weight| class.weight = weight),
            "fixed_count" => values::users(&value, 0).map(|count| class.fixed_count = count),
            "wait" => value
                .clone()
                .try_cast::<WaitTime>()
                .map(|wait| class.wait = wait)
                .ok_or_else(|| {
                    format!(
                        "it is a wait time such as between(1, 5) or constant(2), not {}",
                        describe(&value)
                    )
                }),
            "host" => values::host(&value).map(|host| class.host = Some(host)),
            "tags" if value.is_map() => Err(
                "it is an array of texts, by which tasks are chosen; those of requests are `http: #{ tags: #{ ... } }`"
                    .to_owned(),
            ),
            "tags" => values::texts(&value).map(|tags| class.tags = tags),
            "http" => {
                match values::options("`http`", value) {
                    Ok(options) => http_options(declaring, call, &mut class.http, options),
                    Err(problem) => declaring.problem(
                        call,
                        Problem {
                            key: Some("http".to_owned()),
                            ..problem
                        },
                    ),
                }
                continue;
            }
            _ => {
                declaring.problem(call, Problem::unknown("a user class", &key, CLASS_OPTIONS));
                continue;
            }
        };
        if let Err(message) = result {
            declaring.problem(call, Problem::option(&key, message));
        }
    }
}

fn http_options(declaring: &Declaring, call: Position, http: &mut HttpDefaults, options: Map) {
    let mut transport = TransportDraft::new(options.get("client").is_some_and(|client| !client.is_unit()));
    for (key, value) in options {
        if value.is_unit() || value.is::<Poison>() {
            continue;
        }
        let result = match key.as_str() {
            "headers" => values::headers(&value).map(|headers| http.headers = headers),
            "timeout" => values::timeout(&value).map(|timeout| http.timeout = Some(timeout)),
            "redirects" => values::redirects(&value).map(|redirects| http.redirects = Some(redirects)),
            "auth" => values::auth(&value).map(|auth| http.auth = Some(auth)),
            "cookies" => values::cookies(&value).map(|cookies| http.cookies = cookies),
            "response_body" => values::body_use(&value).map(|body_use| http.response_body = body_use),
            "tags" => request_tags::declared(&value).map(|tags| http.tags = tags),
            "group_ids" => values::truth(&value).map(|group| http.group_ids = group),
            "trace_context" => trace_context::option(&value).map(|share| http.trace_context = share),
            key if connection::OPTIONS.contains(&key) => {
                let settings = http.connection.get_or_insert_default();
                connection::option(Arc::make_mut(settings), key, &value)
            }
            "client" | "proxy" => {
                let read = if key == "client" {
                    transport.client(&value)
                } else {
                    transport.proxy(&value)
                };
                if let Err(problem) = read {
                    declaring.problem(call, problem);
                }
                continue;
            }
            _ => {
                let known = [HTTP_OPTIONS, connection::OPTIONS].concat();
                declaring.problem(call, Problem::unknown("`http`", &key, &known));
                continue;
            }
        };
        if let Err(message) = result {
            declaring.problem(call, Problem::option(&key, message));
        }
    }
    if let Some(Err(message)) = http.connection.as_deref().map(connection::check) {
        declaring.problem(call, Problem::new(message));
    }
    match transport.finish() {
        Ok(transport) if transport != HttpTransport::Direct && !http.is_for_any_transport() => {
            let message = "the reqwest client has connections, cookies and credentials of its own: it takes no digest and \
                           AWS credentials, no `cookies`, and none of the options that say how to connect";
            declaring.problem(call, Problem::option("client", message));
        }
        Ok(transport) => http.transport = transport,
        Err(problem) => declaring.problem(call, problem),
    }
}

/// The arguments of `.task` and `.sequence`: a name, perhaps a weight, the function or functions, perhaps options.
fn task(declaring: &Declaring, call: Position, handle: ClassHandle, is_sequence: bool, args: Args<'_, '_>) {
    let mut rest: Vec<Dynamic> = (1..args.len()).map(|index| argument(args, index)).collect();
    let mut ok = !rest.iter().any(Dynamic::is::<Poison>);
    let mut complain = |message: String| {
        ok = false;
        declaring.report(Some(call), message);
    };
    let what = if is_sequence { "sequence" } else { "task" };
    let name = match rest.remove(0) {
        name if name.is::<Poison>() => String::new(),
        name => values::text(&name)
            .map(|name| name.to_string())
            .unwrap_or_else(|error| {
                complain(format!("the name of a {what}: {error}"));
                String::new()
            }),
    };
    let mut weight = 1.0;
    if rest.len() > 1 && (rest[0].is_int() || rest[0].is_float() || !is_runnable(&rest[0])) {
        let given = rest.remove(0);
        match values::weight(&given) {
            _ if given.is::<Poison>() => {}
            Ok(given) => weight = given,
            Err(error) => complain(format!("{what} `{name}`: {error}")),
        }
    }
    let runs = rest.remove(0);
    let mut options = TaskOptions::default();
    if let Some(given) = rest.pop().filter(|given| !given.is::<Poison>()) {
        match TaskOptions::parse(what, given) {
            Ok(given) => options = given,
            Err(problem) => {
                declaring.problem(call, problem);
            }
        }
    }
    if let Some(extra) = rest.pop() {
        complain(format!(
            "{what} `{name}`: there is one argument too many, {}",
            kind(&extra)
        ));
    }
    let steps = match steps(declaring, &name, is_sequence, &runs) {
        Ok(steps) => steps,
        Err(_) if runs.is::<Poison>() => Vec::new(),
        Err(error) => {
            error.into_iter().for_each(&mut complain);
            Vec::new()
        }
    };
    let mut classes = declaring.shared.classes.borrow_mut();
    let Some(draft) = classes.get_mut(handle.0) else {
        return;
    };
    if !name.is_empty() && draft.class.tasks.iter().any(|task| task.name == name) {
        complain(format!(
            "user class `{}` has a task `{name}` already",
            draft.class.name
        ));
    }
    if let Err(error) = options.check(&draft.class.http.tags) {
        complain(format!("{what} `{name}`: {error}"));
    }
    draft.incomplete |= !ok;
    if ok {
        draft.class.tasks.push(TaskDecl {
            name,
            weight,
            tags: options.tags,
            request_tags: options.request_tags,
            steps,
            is_sequence,
        });
    }
}

/// Whether it stands where the function or functions of a task belong.
fn is_runnable(value: &Dynamic) -> bool {
    value.is_fnptr() || value.is_array() || value.is::<Poison>()
}

fn steps(
    declaring: &Declaring,
    name: &str,
    is_sequence: bool,
    runs: &Dynamic,
) -> Result<Vec<FunctionId>, Option<String>> {
    if !is_sequence {
        if runs.is_array() {
            return Err(Some(format!(
                "task `{name}` needs one function; for several in order there is .sequence(name, [...])"
            )));
        }
        return function(declaring, runs, name, &format!("task `{name}`")).map(|id| vec![id]);
    }
    let what = format!("sequence `{name}`");
    let Ok(items) = runs.as_array_ref() else {
        return Err(Some(format!(
            "{what} needs an array of functions, as in `[|| {{ ... }}, || {{ ... }}]`, not {}",
            kind(runs)
        )));
    };
    if items.is_empty() {
        return Err(Some(format!("{what} needs at least one function")));
    }
    items
        .iter()
        .map(|item| function(declaring, item, name, &what))
        .collect()
}

fn hook(declaring: &Declaring, call: Position, handle: ClassHandle, is_start: bool, args: Args<'_, '_>) {
    let name = if is_start { "on_start" } else { "on_stop" };
    let runs = argument(args, 1);
    if runs.is::<Poison>() {
        return;
    }
    let id = match function(declaring, &runs, name, &format!("`{name}`")) {
        Ok(id) => id,
        Err(error) => {
            return error
                .into_iter()
                .for_each(|error| declaring.report(Some(call), error));
        }
    };
    let mut classes = declaring.shared.classes.borrow_mut();
    let Some(draft) = classes.get_mut(handle.0) else {
        return;
    };
    let slot = if is_start {
        &mut draft.class.on_start
    } else {
        &mut draft.class.on_stop
    };
    if slot.replace(id).is_some() {
        declaring.report(
            Some(call),
            format!("user class `{}` has an `{name}` already", draft.class.name),
        );
    }
}
