//! The part of the check that judges names of imported files: `shared::login(...)`, `this.shared::login(...)`, `shared::URL`.

use rhai::Position;

use super::check::Checker;
use super::imports::{Exports, FUNCTION, METHOD};
use crate::source::Place;
use crate::suggestion::did_you_mean;

impl Checker<'_> {
    /// Judges a call if it is one of an imported file; whether it was one.
    pub(super) fn imported_call(&mut self, name: &str, given: usize, position: Position, on: bool) -> bool {
        let between = if on { METHOD } else { FUNCTION };
        let Some((alias, member)) = self.member(name, between, position) else {
            return false;
        };
        let Some(exports) = self.exports(name, &alias, position) else {
            return true;
        };
        let Some(arities) = exports.functions.get(&member) else {
            let candidates = exports.functions.keys().map(String::as_str);
            let label =
                did_you_mean(&member, candidates).map(|guess| guess.replacen('`', &format!("`{alias}::"), 1));
            let message = if exports.private.contains(&member) {
                format!("function `{member}` is private in {}", exports.file)
            } else if exports.constants.contains(&member) {
                format!("`{alias}::{member}` is a constant, not a function")
            } else {
                format!("there is no function `{member}` in {}", exports.file)
            };
            self.findings.unknown.insert(name.to_owned());
            self.error(position, message).label = label;
            return true;
        };
        if !arities.contains(&given) {
            let wanted = arities
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" or ");
            let message =
                format!("function `{alias}::{member}` takes {wanted} arguments, and this call has {given}");
            self.findings.unknown.insert(name.to_owned());
            self.error(position, message);
        } else if !on && self.in_function() && exports.methods_of_this.contains(&(member.clone(), given)) {
            let message = format!("function `{alias}::{member}` uses `this`, so it must be called on it");
            self.error(position, message).label = Some(format!("write `this.{alias}::{member}(...)`"));
        }
        true
    }

    /// Judges a name if it is one of an imported file; whether it was one.
    pub(super) fn imported_constant(&mut self, name: &str, position: Position) -> bool {
        let Some((alias, member)) = self.member(name, FUNCTION, position) else {
            return false;
        };
        let Some(exports) = self.exports(name, &alias, position) else {
            return true;
        };
        if exports.constants.contains(&member) {
            return true;
        }
        let candidates = exports.constants.iter().map(String::as_str);
        let mut label =
            did_you_mean(&member, candidates).map(|guess| guess.replacen('`', &format!("`{alias}::"), 1));
        let message = if exports.functions.contains_key(&member) {
            label = Some(format!("write `|| {alias}::{member}(...)`"));
            format!("`{alias}::{member}` is a function")
        } else if exports.held.contains(&member) {
            format!(
                "`{member}` of {} holds a function, which nobody else can see; write it as `fn`",
                exports.file
            )
        } else if exports.variables.contains(&member) {
            format!(
                "`{member}` is a variable of {}, and only constants can be seen from outside",
                exports.file
            )
        } else {
            format!("there is no constant `{member}` in {}", exports.file)
        };
        self.findings.unknown.insert(name.to_owned());
        self.error(position, message).label = label;
        true
    }

    /// The name of an import and what is wanted of it, when a name is made of the two.
    fn member(&self, name: &str, between: &str, position: Position) -> Option<(String, String)> {
        let imported = self.imports.keys().find_map(|alias| {
            let member = name.strip_prefix(alias.as_str())?.strip_prefix(between)?;
            Some((alias.clone(), member.to_owned()))
        });
        imported.or_else(|| {
            let (alias, member) = self.source.qualified(Place::of(position)?)?;
            (name == format!("{alias}{between}{member}")).then_some((alias, member))
        })
    }

    /// What an import has; `None` after a complaint, or when there has been one about the import itself.
    fn exports(&mut self, name: &str, alias: &str, position: Position) -> Option<std::rc::Rc<Exports>> {
        if let Some(exports) = self.imports.get(alias).cloned() {
            if exports.unknown {
                self.findings.unknown.insert(name.to_owned());
                return None;
            }
            return Some(exports);
        }
        let label = did_you_mean(alias, self.imports.keys().map(String::as_str));
        self.findings.unknown.insert(name.to_owned());
        let error = self.error(position, format!("nothing is imported as `{alias}`"));
        error.label = label;
        error.help = Some(format!("begin the file with import \"path/to/file\" as {alias};"));
        None
    }
}
