//! A worker put together: load threads that are ready, and the agent that commands them.

use std::sync::Arc;
use std::thread::JoinHandle;

use katydid_protocol::directive::Directive;
use katydid_protocol::report::WorkerReport;
use tokio::sync::mpsc;

use crate::agent::Agent;
use crate::error::WorkerError;
use crate::http::tls_config;
use crate::rows::RowStore;
use crate::settings::WorkerSettings;
use crate::thread::{self, ThreadReport, ThreadSettings};
use crate::uplink::Lag;

/// Reports the run may be behind by; deltas beyond are merged into one.
const REPORTS_WAITING: usize = 16;
/// Directives a worker may be behind by. The sender waits when they are more.
const DIRECTIVES_WAITING: usize = 64;

/// Starts workers.
#[derive(Debug)]
pub struct Worker;

/// A running worker. Dropping it ends its users at once.
#[derive(Debug)]
pub struct WorkerHandle {
    /// Where the run's directives go.
    pub directives: mpsc::Sender<Directive>,
    /// Where the worker's reports come from; ends after [`WorkerReport::Stopped`].
    pub reports: mpsc::Receiver<WorkerReport>,
    /// How late the load threads are.
    pub(crate) lag: Lag,
    threads: Vec<JoinHandle<()>>,
    control: JoinHandle<()>,
}

impl Worker {
    /// Starts the load threads, each with the scenario compiled, and the control thread. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// [`WorkerError`] when the scenario, TLS or the system refuse; nothing is left running then.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a worker is made of its settings; callers keep none"
    )]
    pub fn start(settings: WorkerSettings) -> Result<WorkerHandle, WorkerError> {
        let count = settings.thread_count();
        let tls = tls_config().map_err(|error| WorkerError::Tls(error.to_string()))?;
        let rows = Arc::new(RowStore::default());
        // Each thread sends two reports a second at most; if the agent is behind, the thread keeps its numbers.
        let lag = Lag::default();
        let (events_sender, events) = mpsc::channel::<ThreadReport>(count * 4);
        let (ready_sender, ready) = std::sync::mpsc::sync_channel(count);
        let mut commands = Vec::with_capacity(count);
        let mut threads = Vec::with_capacity(count);
        for index in 0..count {
            let (sender, receiver) = mpsc::channel(DIRECTIVES_WAITING);
            commands.push(sender);
            let thread = ThreadSettings {
                index,
                threads: count,
                program: settings.program.clone(),
                worker_name: settings.name.clone(),
                tls: Arc::clone(&tls),
                rows: Arc::clone(&rows),
                commands: receiver,
                reports: events_sender.clone(),
                lag: lag.clone(),
            };
            let ready = ready_sender.clone();
            threads.push(spawn(&format!("katydid-load-{index}"), index, move || {
                // The starter may have given up over another thread's error.
                thread::run(thread, |result| drop(ready.send(result)));
            })?);
        }
        drop((ready_sender, events_sender));
        for thread in 0..count {
            ready.recv().map_err(|_| WorkerError::ThreadLost { thread })??;
        }
        let (directives, directives_receiver) = mpsc::channel(DIRECTIVES_WAITING);
        let (reports_sender, reports) = mpsc::channel(REPORTS_WAITING);
        let control =
            spawn(
                "katydid-control",
                count,
                move || match tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                {
                    Ok(runtime) => {
                        runtime.block_on(Agent::new(commands, rows).run(
                            directives_receiver,
                            events,
                            reports_sender,
                        ));
                    }
                    Err(error) => tracing::error!("the worker's control cannot start: {error}"),
                },
            )?;
        Ok(WorkerHandle {
            directives,
            reports,
            lag,
            threads,
            control,
        })
    }
}

impl WorkerHandle {
    /// Number of load threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Waits for all threads to end, which they do after [`Directive::Stop`] or when the handle's channels are
    /// dropped, as they are here.
    pub fn join(self) {
        drop((self.directives, self.reports));
        for thread in self.threads.into_iter().chain([self.control]) {
            if thread.join().is_err() {
                tracing::error!("a thread of the worker panicked; please report it");
            }
        }
    }
}

fn spawn(
    name: &str,
    index: usize,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, WorkerError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|source| WorkerError::Thread {
            thread: index,
            source,
        })
}
