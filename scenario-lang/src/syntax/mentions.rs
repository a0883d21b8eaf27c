//! What functions will ask the outside for, as far as their text tells: data files and environment variables.
//!
//! In: a file's tree. Out: the names that stand in its calls as plain texts. Declarations ask when they are evaluated;
//! this is for functions, which may ask later, on another machine.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// Paths given to `csv`, `json_file`, `lines` and `file`.
    pub(crate) data: Vec<String>,
    /// Names given to `env`.
    pub(crate) variables: Vec<String>,
    /// Names given to `secret`.
    pub(crate) secrets: Vec<String>,
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
        assert_eq!(
            (found.variables, found.secrets),
            (vec!["URL".to_owned()], vec!["KEY".to_owned()])
        );
    }
}
