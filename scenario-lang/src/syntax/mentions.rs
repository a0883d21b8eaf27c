//! What functions will ask the outside for, as far as their text tells: data files and environment variables; and what they
//! will measure.
//!
//! In: a file's tree. Out: the names that stand in its calls as plain texts. Declarations ask when they are evaluated;
//! this is for functions, which may ask later, on another machine.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

use crate::threshold::{MetricNames, OwnKind};

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// Paths given to `csv`, `json_file`, `lines` and `file`.
    pub(crate) data: Vec<String>,
    /// Names given to `env`.
    pub(crate) variables: Vec<String>,
    /// Names given to `secret`.
    pub(crate) secrets: Vec<String>,
    /// Names given to `counter`, `gauge`, `rate` and `trend`.
    pub(crate) metrics: MetricNames,
}

/// Finds them.
pub(crate) fn mentions(ast: &AST) -> Mentions {
    let mut found = Mentions::default();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _))) => found.look(call),
            Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => found.look(call),
            _ => {}
        }
        true
    });
    found
}

impl Mentions {
    fn look(&mut self, call: &FnCallExpr) {
        if let Some(kind) = own_kind(call.name.as_str()) {
            match call.args.first() {
                Some(Expr::StringConstant(name, _)) => {
                    self.metrics.known.entry(name.to_string()).or_insert(kind);
                }
                _ => self.metrics.has_others = true,
            }
            return;
        }
        let Some(Expr::StringConstant(text, _)) = call.args.first() else {
            return;
        };
        let names = match call.name.as_str() {
            "csv" | "json_file" | "lines" | "file" => &mut self.data,
            "env" => &mut self.variables,
            "secret" => &mut self.secrets,
            _ => return,
        };
        names.push(text.to_string());
    }
}

fn own_kind(function: &str) -> Option<OwnKind> {
    Some(match function {
        "counter" => OwnKind::Counter,
        "gauge" => OwnKind::Gauge,
        "rate" => OwnKind::Rate,
        "trend" => OwnKind::Trend,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_in_functions_and_closures() {
        let text = r#"
            fn rows() { csv("a.csv") }
            let f = || { let x = `${env("URL", "-")}`; lines("b.txt").next(); secret("KEY"); csv(x); other("c") };
        "#;
        let found = mentions(&rhai::Engine::new_raw().compile(text).unwrap());
        assert_eq!(found.data.len(), 2);
        assert!(found.data.contains(&"a.csv".to_owned()) && found.data.contains(&"b.txt".to_owned()));
        assert_eq!(found.metrics, MetricNames::default());
        assert_eq!(
            (found.variables, found.secrets),
            (vec!["URL".to_owned()], vec!["KEY".to_owned()])
        );
    }
    #[test]
    fn finds_metrics() {
        let found = |text: &str| mentions(&rhai::Engine::new_raw().compile(text).unwrap()).metrics;
        let plain = found(
            r#"let f = || { counter("a").add(1); trend("t", #{ time: true }).add(2); rate("r").add(true) };"#,
        );
        assert!(!plain.has_others);
        let kinds: Vec<_> = plain
            .known
            .iter()
            .map(|(name, kind)| (name.as_str(), *kind))
            .collect();
        assert_eq!(
            kinds,
            [
                ("a", OwnKind::Counter),
                ("r", OwnKind::Rate),
                ("t", OwnKind::Trend)
            ]
        );
        assert!(found("let f = |x| { gauge(`q ${x}`).set(1) };").has_others);
    }
}
