//! The part of the check that judges names: does this function exist, how many arguments does it take, what was meant?

use rhai::{Expr, FnCallExpr, Position};

use super::check::Checker;
use super::vocabulary::{self, CLASS_METHODS, Function, HTTP, ME};
use crate::api::option_values::Problem;
use crate::api::request_options::KNOWN;
use crate::api::{batch, cookies};
use crate::suggestion::did_you_mean;

impl Checker<'_> {
    /// The name and the number of arguments of a call in function style.
    pub(super) fn call_name(&mut self, call: &FnCallExpr, position: Position) {
        if call.op_token.is_some() || call.is_qualified() {
            return;
        }
        let name = call.name.as_str();
        match name {
            "curry" => return self.captured(call.args.get(1..).unwrap_or_default()),
            "Fn" => return self.pointer(call),
            _ => {}
        }
        if self.imported_call(name, call.args.len(), position, false) {
            return;
        }
        if let Some(function) = name.strip_prefix("http_").and_then(|name| find(HTTP, name)) {
            self.http_options(function, call);
            return self.arguments(
                function,
                &format!("http.{}", function.name),
                call.args.len(),
                position,
            );
        }
        if let Some(arities) = self.functions.get(name) {
            if arities.contains(&call.args.len()) {
                self.needs_this(name, call.args.len(), position);
            } else if vocabulary::own(name).is_none() && !vocabulary::in_library(name) {
                let wanted = arities
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" or ");
                let message = format!(
                    "function `{name}` takes {wanted} arguments, and this call has {}",
                    call.args.len()
                );
                self.error(position, message);
            }
            return;
        }
        match vocabulary::own(name) {
            Some(function) if !vocabulary::shares_its_name(name) => {
                self.arguments(function, name, call.args.len(), position);
            }
            Some(_) => {}
            None if vocabulary::in_library(name) || vocabulary::methods().any(|method| method == name) => {}
            None => self.unknown_function(name, position),
        }
    }

    /// The options of a request or a cookie, where they are written out.
    fn http_options(&mut self, function: &Function, call: &FnCallExpr) {
        let (what, known) = match function.name {
            "set_cookie" => ("a cookie", cookies::OPTIONS),
            // The only argument is the requests.
            "batch" if call.args.len() < 2 => return,
            "batch" => ("a batch", batch::OPTIONS),
            _ => ("a request", KNOWN),
        };
        let Some(Expr::Map(parts, _)) = call.args.last() else {
            return;
        };
        for (key, _) in &parts.0 {
            if !known.contains(&key.name.as_str()) {
                let problem = Problem::unknown(what, &key.name, known);
                self.error(key.pos, problem.message).label = problem.guess;
            }
        }
    }

    /// The name of a call in method style.
    pub(super) fn method_name(&mut self, call: &FnCallExpr, position: Position) {
        let name = call.name.as_str();
        if self.imported_call(name, call.args.len(), position, true) {
            return;
        }
        if let Some(method) = find(CLASS_METHODS, name) {
            if !self.functions.contains_key(name) && !self.possible_methods.contains(name) {
                self.arguments(method, name, call.args.len(), position);
            }
            return;
        }
        let known = vocabulary::methods()
            .chain(vocabulary::callable())
            .any(|known| known == name)
            || self.functions.contains_key(name)
            || self.possible_methods.contains(name)
            || HTTP.iter().any(|function| function.name == name);
        if !known {
            let label = did_you_mean(name, vocabulary::methods().chain(self.function_names()))
                .or_else(|| did_you_mean(name, vocabulary::callable()));
            self.findings.unknown.insert(name.to_owned());
            self.error(position, format!("unknown function `{name}`")).label = label;
        }
    }

    /// `http.` and `me.`; whether it was one of them.
    pub(super) fn object(&mut self, object: &Expr, member: &Expr) -> bool {
        let Expr::Variable(parts, ..) = object else {
            return false;
        };
        let first = match member {
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => &pair.lhs,
            whole => whole,
        };
        match (parts.1.as_str(), first) {
            ("http", Expr::MethodCall(call, _)) if find(HTTP, &call.name).is_none() => {
                let label = http_suggestion(&call.name);
                self.findings.unknown.insert(call.name.to_string());
                self.error(
                    object.position(),
                    format!("unknown function `http.{}`", call.name),
                )
                .label = label;
                true
            }
            ("http", Expr::Property(property, _)) => {
                let name = &property.2;
                let label = find(HTTP, name).map(|function| format!("it is a function: {}", function.usage));
                let label = label.or_else(|| http_suggestion(name));
                let names: Vec<&str> = HTTP.iter().map(|function| function.name).collect();
                let error = self.error(object.position(), format!("`http` has no property `{name}`"));
                error.label = label;
                error.help = Some(format!("`http` has the functions {}", names.join(", ")));
                true
            }
            ("me", Expr::Property(property, position)) if !ME.contains(&property.2.as_str()) => {
                let label = did_you_mean(&property.2, ME.iter().copied());
                let help = format!("`me` has {}", ME.join(", "));
                let error = self.error(*position, format!("`me` has no property `{}`", property.2));
                error.label = label;
                error.help = Some(help);
                true
            }
            ("http" | "me", _) => true,
            _ => false,
        }
    }

    /// A variable of the declarations used by users.
    pub(super) fn shared(&mut self, name: &str, position: Position) {
        let error = self.error(
            position,
            format!("`{name}` would be shared by all users; use `this.{name}`"),
        );
        error.help = Some(format!(
            "if it never changes, declare it with `const {name} = ...`"
        ));
    }

    /// A name that stands for nothing, read as a variable.
    pub(super) fn unknown_name(&mut self, name: &str, position: Position) {
        let dotted = crate::source::Place::of(position).and_then(|place| self.source.dotted_call(place));
        let label = did_you_mean(name, self.names()).or_else(|| {
            let callable = vocabulary::callable().any(|known| known == name);
            callable.then(|| format!("it is a function: `{name}(...)`"))
        });
        let label = if name == crate::setup::NAME {
            Some("it exists only in the functions of users and hooks".to_owned())
        } else {
            label
        };
        let message = match dotted.filter(|dotted| dotted.split('.').next() == Some(name)) {
            Some(dotted) => format!("unknown function `{dotted}`"),
            None => format!("unknown variable `{name}`"),
        };
        self.findings.unknown.insert(name.to_owned());
        self.error(position, message).label = label;
    }

    fn unknown_function(&mut self, name: &str, position: Position) {
        let holds_function = self.names().any(|known| known == name);
        let label = if holds_function {
            Some(format!("`{name}` holds a function: `{name}.call(...)`"))
        } else {
            let request = find(HTTP, name).map(|_| format!("did you mean `http.{name}`?"));
            request
                .or_else(|| did_you_mean(name, self.function_names().chain(vocabulary::own_names())))
                .or_else(|| did_you_mean(name, vocabulary::callable()))
        };
        self.findings.unknown.insert(name.to_owned());
        self.error(position, format!("unknown function `{name}`")).label = label;
    }

    /// `Fn("name")`.
    fn pointer(&mut self, call: &FnCallExpr) {
        let [Expr::StringConstant(name, position)] = &call.args[..] else {
            return;
        };
        let known = self.functions.contains_key(name.as_str())
            || vocabulary::callable()
                .chain(vocabulary::methods())
                .any(|known| known == name.as_str());
        if !known {
            let label = if name.contains("::") {
                Some(format!("write `|| {name}(...)`"))
            } else {
                did_you_mean(name, self.function_names())
            };
            self.findings.unknown.insert(name.to_string());
            self.error(*position, format!("unknown function `{name}`")).label = label;
        }
    }

    /// A function that uses `this`, called so that it has none.
    fn needs_this(&mut self, name: &str, arguments: usize, position: Position) {
        if self.methods_of_this.contains(&(name.to_owned(), arguments)) && self.in_function() {
            let error = self.error(
                position,
                format!("function `{name}` uses `this`, so it must be called on it"),
            );
            error.label = Some(format!("write `this.{name}(...)`"));
        }
    }

    fn arguments(&mut self, function: &Function, name: &str, given: usize, position: Position) {
        let (least, most) = function.arguments;
        if (least..=most).contains(&given) {
            return;
        }
        let wanted = match (least, most) {
            (0, 0) => "no arguments".to_owned(),
            (1, 1) => "1 argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        let error = self.error(
            position,
            format!("`{name}` takes {wanted}, and this call has {given}"),
        );
        error.help = Some(function.usage.to_owned());
    }

    fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }
}

fn find<'a>(functions: &'a [Function], name: &str) -> Option<&'a Function> {
    functions.iter().find(|function| function.name == name)
}

fn http_suggestion(name: &str) -> Option<String> {
    crate::suggestion::closest(name, HTTP.iter().map(|function| function.name))
        .map(|name| format!("did you mean `http.{name}`?"))
}
