//! `host(url)` and `plan(#{ ... })`: where the load goes, and how much of it.

use std::rc::Rc;

use rhai::{Dynamic, Position};

use super::poison::Poison;
use super::state::{Declaring, FileHost};
use crate::api::option_values::{self as values, Problem};
use crate::api::{Registrar, argument, failure};
use crate::declarations::PlanDecl;
use crate::duration::duration;

pub(super) const KNOWN: &[&str] = &["users", "spawn_rate", "run_time"];

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.declaring_only("host", 1);
    registrar.declaring_only("plan", 1);
    let Some(declaring) = registrar.declaring.cloned() else {
        return;
    };
    let declared = declaring.clone();
    registrar.function("host", 1, move |_, args| {
        let url = values::host(&argument(args, 0)).map_err(failure)?;
        let mut hosts = declared.shared.hosts.borrow_mut();
        if hosts.iter().any(|host| host.unit == declared.unit) {
            return Err(failure(
                "this file has a host already; a user class may have its own: user(name, #{ host: url })",
            ));
        }
        hosts.push(FileHost {
            unit: declared.unit,
            url,
        });
        Ok(Dynamic::UNIT)
    });
    registrar.function("plan", 1, move |context, args| {
        plan(&declaring, context.call_position(), argument(args, 0));
        Ok(Dynamic::UNIT)
    });
}

fn plan(declaring: &Rc<Declaring>, call: Position, given: Dynamic) {
    if declaring.shared.plan_is_set.replace(true) {
        declaring.report(Some(call), "there is a plan already; a test has one");
        return;
    }
    let options = match values::options("a plan", given) {
        Ok(options) => options,
        Err(problem) => return declaring.problem(call, problem),
    };
    let mut plan = PlanDecl::default();
    for (key, value) in options {
        if value.is_unit() || value.is::<Poison>() {
            continue;
        }
        let result = match key.as_str() {
            "users" => values::users(&value, 1).map(|users| plan.users = Some(users)),
            "spawn_rate" => values::rate(&value).map(|rate| plan.spawn_rate = Some(rate)),
            "run_time" => match duration(&value) {
                Ok(time) if time.is_zero() => Err("a run must last longer than 0 s".to_owned()),
                other => other.map(|time| plan.run_time = Some(time)),
            },
            _ => {
                declaring.problem(call, Problem::unknown("a plan", &key, KNOWN));
                continue;
            }
        };
        if let Err(message) = result {
            declaring.problem(call, Problem::option(&key, message));
        }
    }
    *declaring.shared.plan.borrow_mut() = plan;
}
