//! From a text to a syntax tree, or to a diagnostic a person can act on.

use rhai::{
    AST, ASTNode, Engine, Expr, LexError, Module, ParseError, ParseErrorType, ScriptFuncDef, Shared, Stmt,
};

use super::desugar::{self, desugar};
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceText};

/// Parses a file. The engine must not optimise: everything written must still be there to be checked.
pub(crate) fn parse(engine: &Engine, source: &SourceText, text: &str) -> Result<AST, Box<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut ast = engine
        .compile(desugar(text))
        .map_err(|error| Box::new(explain(source, &error)))?;
    ast.set_source(source.name.as_str());
    Ok(ast)
}

/// A function's statements.
pub(crate) fn body(def: &Shared<ScriptFuncDef>) -> Vec<Stmt> {
    // The engine shows bodies to a visitor only.
    let mut lib = Module::new();
    lib.set_script_fn(def.clone());
    let mut statements = Vec::new();
    AST::new([], lib).walk(&mut |path: &[ASTNode<'_>]| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    statements
}

/// Whether a function's own code mentions `this`.
pub(crate) fn uses_this(def: &Shared<ScriptFuncDef>) -> bool {
    let mut found = false;
    let ast = AST::new(body(def), Module::new());
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        found |= matches!(path.last(), Some(ASTNode::Expr(Expr::ThisPtr(_))));
        !found
    });
    found
}

/// The functions of a tree.
pub(crate) fn functions(lib: &Module) -> impl Iterator<Item = &Shared<ScriptFuncDef>> {
    lib.iter_script_fn_info().map(|(.., def)| def)
}

/// Whether a function was written as `|...| ...`.
pub(crate) fn is_closure(name: &str) -> bool {
    name.starts_with("anon$")
}

fn explain(source: &SourceText, error: &ParseError) -> Diagnostic {
    let (message, help) = words(error.err_type());
    let mut place = Place::of(error.position());
    let is_nowhere = place.is_none_or(|place| source.line(place.line).trim().is_empty());
    if matches!(error.err_type(), ParseErrorType::UnexpectedEOF) || is_nowhere {
        place = Some(end_of(source));
    }
    Diagnostic::at(source, place, message).helped(help.map(str::to_owned))
}

/// The last place of a text with anything on it.
fn end_of(source: &SourceText) -> Place {
    let last = (1..=source.line_count())
        .rev()
        .find(|line| !source.line(*line).trim().is_empty())
        .unwrap_or(1);
    Place {
        line: last,
        column: source.line(last).trim_end().chars().count().max(1),
    }
}

fn words(error: &ParseErrorType) -> (String, Option<&'static str>) {
    use ParseErrorType as E;
    let plain = |text: &str| (text.to_owned(), None);
    match error {
        E::UnexpectedEOF => {
            plain("the file ends in the middle of something; is a bracket or a quote not closed?")
        }
        E::BadInput(LexError::UnterminatedString) => plain("this text is not closed by a quote"),
        E::BadInput(LexError::UnexpectedInput(sign)) => plain(&format!("unexpected `{}`", original(sign))),
        E::BadInput(LexError::ImproperSymbol(symbol, reason)) => match symbol.as_str() {
            "this" => plain("`this` is a user's own state, so it exists in functions only"),
            _ if reason.is_empty() => plain(&format!("unexpected `{}`", original(symbol))),
            _ => without(symbol).unwrap_or_else(|| plain(&lower_first(&original(reason)))),
        },
        E::Reserved(word) => without(word).unwrap_or_else(|| plain(&format!("`{word}` is a reserved word"))),
        E::MissingToken(_, purpose) if purpose.contains(desugar::GROUP) => {
            plain("`group` takes a name and a function: group(name, || { ... })")
        }
        E::MissingToken(token, purpose) => {
            plain(format!("expected `{}` {}", original(token), original(purpose)).trim_end())
        }
        E::ExprTooDeep => (
            "this is nested too deeply".to_owned(),
            Some("split it into functions, or end a long chain of calls"),
        ),
        E::FnDuplicatedDefinition(name, parameters) => plain(&format!(
            "function `{name}` with {parameters} parameters is defined twice"
        )),
        E::AssignmentToConstant(name) => plain(&format!("`{name}` is a constant and cannot be assigned to")),
        other => plain(&lower_first(&original(&other.to_string()))),
    }
}

/// Words of the script engine that scenarios do without, and what to do instead.
fn without(word: &str) -> Option<(String, Option<&'static str>)> {
    let instead = match word {
        "eval" => "write the code where it is needed, or pass a closure",
        "export" => "a file that imports this one can use all of its functions and constants anyway",
        _ => return None,
    };
    Some((
        format!("`{word}` is not part of the scenario language"),
        Some(instead),
    ))
}

/// Words of the script engine in the spelling of the scenario.
fn original(text: &str) -> String {
    text.replace(desugar::GROUP, "group")
        .replace("http_", "http.")
        .replace('\'', "`")
}

/// A message in the middle of a line, as ours begin.
pub(crate) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let second_is_lower = text.chars().nth(1).is_some_and(char::is_lowercase);
    match chars.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}
