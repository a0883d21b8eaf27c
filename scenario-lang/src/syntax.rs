//! The scenario's text and syntax tree: how it is prepared for the script engine, and what is wrong with it before it runs.
//!
//! In: a file's text. Out, in this order: the text with `http.get(` and `group(` spelled as the engine takes them
//! ([`desugar`]), the tree ([`parse`]), findings about unknown names and shared variables ([`check`]), whether response
//! bodies and headers are read at all ([`reads`]), and what functions will ask the outside for ([`mentions`]).

pub(crate) mod check;
pub(crate) mod check_imports;
pub(crate) mod check_names;
pub(crate) mod desugar;
pub(crate) mod imports;
pub(crate) mod mentions;
pub(crate) mod parse;
pub(crate) mod reads;
pub(crate) mod vocabulary;
