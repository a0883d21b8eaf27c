//! Chance and time: `random_int`, `random_choice`, `uuid`, `now_ms`.

use rhai::{Dynamic, ImmutableString};

use super::data_handle::DataHandle;
use super::{Registrar, argument, failure};
use crate::convert::{describe, kind};
use crate::host::Host;

pub(super) fn register(registrar: &mut Registrar<'_>) {
    let host = registrar.world.host.clone();
    let int = std::any::TypeId::of::<i64>();
    registrar.typed("random_int", &[int, int], move |_, args| {
        let (least, most) = (
            argument(args, 0).as_int().unwrap_or(0),
            argument(args, 1).as_int().unwrap_or(0),
        );
        if least > most {
            return Err(failure(format!(
                "`random_int` takes the least number first, and {least} is more than {most}"
            )));
        }
        // The span fits into 65 bits at most; `None` stands for all 2^64 numbers.
        let span = most.abs_diff(least).checked_add(1);
        let offset = span.map_or_else(|| host.random(), |span| below(&*host, span));
        Ok(Dynamic::from_int(least.wrapping_add_unsigned(offset)))
    });
    registrar.function("random_int", 2, |_, args| {
        let (least, most) = (argument(args, 0), argument(args, 1));
        let wrong = if least.is_int() { most } else { least };
        Err(failure(format!(
            "`random_int` takes two whole numbers, not {}",
            describe(&wrong)
        )))
    });

    let host = registrar.world.host.clone();
    registrar.function("random_choice", 1, move |_, args| {
        let Some(items) = args.first() else {
            return Ok(Dynamic::UNIT);
        };
        if let Some(data) = items.read_lock::<DataHandle>() {
            return data.random(&*host);
        }
        let Ok(items) = items.as_array_ref() else {
            return Err(failure(format!(
                "`random_choice` takes an array, not {}",
                kind(items)
            )));
        };
        match index(&*host, items.len()).and_then(|index| items.get(index)) {
            Some(item) => Ok(item.flatten_clone()),
            None => Err(failure("`random_choice` cannot choose from an empty array")),
        }
    });

    let host = registrar.world.host.clone();
    registrar.function("uuid", 0, move |_, _| {
        Ok(uuid(host.random(), host.random()).into())
    });

    let host = registrar.world.host.clone();
    registrar.function("now_ms", 0, move |_, _| {
        Ok(Dynamic::from_int(host.now_us().div_euclid(1000)))
    });
}

/// A uniformly distributed number below a bound above 0, by multiplication, without bias.
fn below(host: &dyn Host, bound: u64) -> u64 {
    let biased = bound.wrapping_neg() % bound;
    // Each turn succeeds with a probability above one half; the bound on turns only guards against a broken source.
    for _ in 0..128 {
        let wide = u128::from(host.random()) * u128::from(bound);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the halves of the product are what is wanted"
        )]
        let (high, low) = ((wide >> 64) as u64, wide as u64);
        if low >= biased {
            return high;
        }
    }
    0
}

/// A random index into so many items; `None` when there are none.
pub(crate) fn index(host: &dyn Host, len: usize) -> Option<usize> {
    let bound = u64::try_from(len).ok().filter(|bound| *bound > 0)?;
    usize::try_from(below(host, bound)).ok()
}

/// A random UUID, version 4.
fn uuid(high: u64, low: u64) -> ImmutableString {
    let high = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
    let low = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::null_host::NullHost;

    #[test]
    fn uuids_are_of_version_4() {
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    proptest::proptest! {
        #[test]
        fn stays_below_its_bound(bound in 1_u64..) {
            proptest::prop_assert!(below(&NullHost::default(), bound) < bound);
        }
    }
}
