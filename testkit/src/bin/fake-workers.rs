//! Many workers in one process that make their measurements up: the load of the fleet benchmark.
//!
//! In: `fake-workers PORT WORKERS NAMES REQUESTS`. Out: on stdout, how many requests the master has acknowledged.

use anyhow::{Context, Result};
use katydid_testkit::FakeWorker;
use tokio::task::JoinSet;

/// Connections opened at the same time.
const AT_ONCE: usize = 50;

#[expect(clippy::print_stdout, reason = "its result is what it prints")]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |what: &str| -> Result<u32> {
        let text = arguments.next().with_context(|| format!("{what} is missing"))?;
        text.parse().with_context(|| format!("{what}: {text}"))
    };
    let port = u16::try_from(number("the port")?)?;
    let (workers, names, requests) = (number("workers")?, number("names")?, number("requests")?);
    katydid_testkit::raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let acknowledged: u64 = runtime.block_on(async {
        let mut all = JoinSet::new();
        for worker in 0..workers {
            let fake = FakeWorker {
                name: format!("fake-{worker}"),
                port,
                names,
                requests,
                window_bytes: FakeWorker::WINDOW_BYTES,
            };
            all.spawn(fake.work());
            if all.len().is_multiple_of(AT_ONCE) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        let mut sum = 0;
        while let Some(worker) = all.join_next().await {
            sum += worker??;
        }
        anyhow::Ok(sum)
    })?;
    println!("{acknowledged}");
    Ok(())
}
