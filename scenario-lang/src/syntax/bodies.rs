//! Whether a scenario reads response bodies at all: hosts that know it does not can throw bodies away.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

/// Names that lead to a body, when called.
const READERS: &[&str] = &["text", "json", "bytes", "extract", "json_path"];

/// Whether any code reads bodies; errs on the side of yes.
pub(crate) fn are_read(ast: &AST) -> bool {
    let mut read = false;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        read |= match path.last() {
            Some(ASTNode::Expr(Expr::MethodCall(call, _) | Expr::FnCall(call, _))) => reads(call),
            Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => reads(call),
            Some(ASTNode::Expr(Expr::Property(property, _))) => property.2.as_str() == "bytes",
            // `r["bytes"]` and `Fn("json")`.
            Some(ASTNode::Expr(Expr::StringConstant(text, _))) => READERS.contains(&text.as_str()),
            _ => false,
        };
        !read
    });
    read
}

fn reads(call: &FnCallExpr) -> bool {
    READERS.contains(&call.name.as_str())
}
