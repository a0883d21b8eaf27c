//! A batch: several requests of one user side by side, as a browser loads a page.
//!
//! In: requests, and how many of them may be under way, in all and per host. Out: an [`Exchange`] for each, in their order;
//! none for those that were never begun. They share the user's connections and cookies.

use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use katydid_scenario_lang::host::{BatchLimits, RequestSpec};
use tokio::time::Instant;

use super::client::HttpClient;
use super::exchange::Exchange;
use super::origin::Origin;
use super::user_http::{Lane, Prepared, UserHttp};

/// The batch under way.
#[derive(Debug, Default)]
pub(super) struct Batch {
    slots: Vec<Slot>,
}

/// A request of a batch.
#[derive(Debug, Default)]
struct Slot {
    lane: Lane,
    done: Option<Box<Exchange>>,
}

/// A request that has not begun.
struct Waiting<'a> {
    prepared: Prepared,
    slot: &'a mut Slot,
}

impl HttpClient {
    /// Makes requests side by side, new ones only while `may_begin` says so. [`HttpClient::finish_batch`] gives their
    /// exchanges, also when the future is dropped before it is done.
    ///
    /// With reqwest, which measures one request at a time, and while somebody watches, they go one after the other.
    pub(crate) async fn batch(
        &mut self,
        requests: Vec<RequestSpec>,
        limits: BatchLimits,
        may_begin: impl Fn() -> bool,
    ) {
        let Self { http, lane, batch } = self;
        let slots = &mut batch.insert(Box::default()).slots;
        slots.resize_with(requests.len(), Slot::default);
        let is_serial = http.is_reqwest() || http.thread.tracer().is_some();
        let mut waiting = Vec::new();
        for (request, slot) in requests.into_iter().zip(slots) {
            match http.prepare(request) {
                Err(failed) => slot.done = Some(failed),
                Ok(prepared) if is_serial => {
                    if may_begin() {
                        slot.done = Some(http.exchange(lane, prepared, Instant::now()).await);
                    }
                }
                Ok(prepared) => waiting.push(Waiting { prepared, slot }),
            }
        }
        side_by_side(http, waiting, limits, may_begin).await;
    }

    /// The exchanges of the batch, as far as they were begun, each with its place; what was cut off is a failure for this
    /// reason if any of it was written.
    pub(crate) fn finish_batch(&mut self, why: &str) -> Vec<Option<Box<Exchange>>> {
        let cut_off = self.lane.abandon(why);
        let slots = self.batch.take().map(|batch| batch.slots).unwrap_or_default();
        let mut exchanges: Vec<_> = slots
            .into_iter()
            .map(|mut slot| slot.done.take().or_else(|| slot.lane.abandon(why)))
            .collect();
        // Of requests that go one after the other, it is the first that is not done.
        if cut_off.is_some()
            && let Some(place) = exchanges.iter_mut().find(|exchange| exchange.is_none())
        {
            *place = cut_off;
        }
        exchanges
    }
}

async fn side_by_side(
    http: &UserHttp,
    mut waiting: Vec<Waiting<'_>>,
    limits: BatchLimits,
    may_begin: impl Fn() -> bool,
) {
    let mut running = FuturesUnordered::new();
    let mut busy: Vec<Rc<Origin>> = Vec::new();
    loop {
        let mut place = 0;
        while running.len() < limits.parallel && place < waiting.len() && may_begin() {
            let origin = waiting[place].prepared.origin();
            if is_full(origin, &busy, limits) {
                place += 1;
                continue;
            }
            let origin = Rc::clone(origin);
            busy.push(Rc::clone(&origin));
            let Waiting { prepared, slot } = waiting.remove(place);
            running.push(async move {
                slot.done = Some(http.exchange(&mut slot.lane, prepared, Instant::now()).await);
                origin
            });
        }
        let Some(origin) = running.next().await else {
            return;
        };
        if let Some(place) = busy.iter().position(|other| Rc::ptr_eq(other, &origin)) {
            busy.swap_remove(place);
        }
    }
}

/// Whether an origin has as many requests as it may. One that speaks HTTP/2 takes them all over one connection.
fn is_full(origin: &Rc<Origin>, busy: &[Rc<Origin>], limits: BatchLimits) -> bool {
    let same = busy.iter().filter(|other| Origin::same(other, origin));
    !origin.is_http2() && same.count() >= limits.per_host
}
