//! Whether a scenario reads response bodies and headers at all: hosts that know it does not need not keep them.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

/// Names that lead to a body.
const BODY_READERS: &[&str] = &["text", "json", "bytes", "extract", "json_path", "html"];

/// The names that lead to headers.
const HEADERS: &[&str] = &["headers", "trailers"];

/// What any code of a file reads of responses; errs on the side of yes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Bodies.
    pub(crate) bodies: bool,
    /// Headers, but those that redirects, cookies and encodings need.
    pub(crate) headers: bool,
}

impl Reads {
    /// What a file reads.
    pub(crate) fn of(ast: &AST) -> Self {
        let mut reads = Self::default();
        ast.walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Expr(Expr::MethodCall(call, _) | Expr::FnCall(call, _))) => reads.called(call),
                Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => reads.called(call),
                Some(ASTNode::Expr(Expr::Property(property, _))) => reads.named(property.2.as_str()),
                // `r["bytes"]` and `Fn("json")`.
                Some(ASTNode::Expr(Expr::StringConstant(text, _))) => reads.named(text.as_str()),
                _ => {}
            }
            !(reads.bodies && reads.headers)
        });
        reads
    }

    /// What this and another file read.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            bodies: self.bodies || other.bodies,
            headers: self.headers || other.headers,
        }
    }

    fn named(&mut self, name: &str) {
        self.bodies |= BODY_READERS.contains(&name);
        self.headers |= HEADERS.contains(&name);
    }

    fn called(&mut self, call: &FnCallExpr) {
        self.named(call.name.as_str());
    }
}
