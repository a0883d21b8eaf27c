//! The wait times: `constant`, `between`, `constant_pacing`, `constant_throughput`, `poisson`.

use std::time::Duration;

use rhai::Dynamic;

use crate::api::option_values::rate;
use crate::api::{Registrar, argument, failure};
use crate::declarations::WaitTime;
use crate::duration::duration;

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.engine.register_type_with_name::<WaitTime>("wait time");
    for (name, arguments) in [
        ("constant", 1),
        ("between", 2),
        ("constant_pacing", 1),
        ("constant_throughput", 1),
        ("poisson", 1),
    ] {
        registrar.declaring_only(name, arguments);
    }
    if registrar.declaring.is_none() {
        return;
    }
    one(registrar, "constant", |value| {
        duration(value).map(WaitTime::Constant)
    });
    one(registrar, "constant_pacing", |value| match duration(value)? {
        Duration::ZERO => Err("the time between two starts must be above 0".to_owned()),
        time => Ok(WaitTime::Pacing(time)),
    });
    one(registrar, "constant_throughput", |value| {
        let pace = rate(value).map(f64::recip)?;
        let time = Duration::try_from_secs_f64(pace)
            .ok()
            .filter(|time| !time.is_zero());
        time.map(WaitTime::Pacing)
            .ok_or_else(|| "this rate is out of range".to_owned())
    });
    one(registrar, "poisson", |value| {
        rate(value).map(|per_sec| WaitTime::Poisson { per_sec })
    });
    registrar.function("between", 2, |_, args| {
        let wrong = |error: String| failure(format!("`between`: {error}"));
        let least = duration(&argument(args, 0)).map_err(wrong)?;
        let most = duration(&argument(args, 1)).map_err(wrong)?;
        if least > most {
            let (least, most) = (least.as_secs_f64(), most.as_secs_f64());
            return Err(wrong(format!(
                "the least time comes first, and {least} s is more than {most} s"
            )));
        }
        Ok(Dynamic::from(WaitTime::Between(least, most)))
    });
}

fn one(registrar: &mut Registrar<'_>, name: &'static str, wait: fn(&Dynamic) -> Result<WaitTime, String>) {
    registrar.function(name, 1, move |_, args| {
        wait(&argument(args, 0))
            .map(Dynamic::from)
            .map_err(|error| failure(format!("`{name}`: {error}")))
    });
}
