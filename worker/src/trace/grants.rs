//! Rows for `unique()` in a trace: there is no master to hand them out, so they are handed out here, in order.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use crate::rows::RowStore;

/// Answers every request for rows, for as long as it is polled.
pub(super) async fn grant(store: &RowStore) -> Infallible {
    let mut handed_out: HashMap<Arc<str>, u64> = HashMap::new();
    loop {
        while let Some(request) = store.next_request() {
            let start = handed_out.get(&request.data).copied().unwrap_or(0);
            let end = request.len.min(start + u64::from(request.count));
            handed_out.insert(Arc::clone(&request.data), end);
            let rows = (start < end).then_some(start..end);
            store.granted(&request.data, rows.into_iter().collect(), end == request.len);
        }
        store.asked().await;
    }
}
