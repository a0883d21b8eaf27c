//! A load thread: an event loop of its own, its users, its recorder.
//!
//! In: commands from the agent. Out: once a second what was measured and how many users run. If the agent is behind,
//! measurements stay in the recorder and go out with the next second's: nothing queues up.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::directive::Share;
use katydid_protocol::plan::ArrivalPlan;
use katydid_protocol::report::WorkerStatus;
use katydid_protocol::stats::Delta;
use katydid_scenario_lang::Program;
use katydid_scenario_lang::host::Host;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::clock::{RunClock, span_us};
use crate::error::WorkerError;
use crate::rows::RowStore;
use crate::uplink::Lag;
use crate::user::class::Class;
use crate::user::context::ThreadShared;
use crate::user::pool::UserPool;
use crate::user::script_host::ScriptHost;
use crate::user::sending::KILL_GRACE;

/// Time between two looks whether the thread is late.
const PROBE_EVERY: Duration = Duration::from_millis(50);
/// A timer is due at the end of its millisecond.
const TIMER_SLACK: Duration = Duration::from_millis(1);
/// Time after the kill within which every user must have ended; what is left then is abandoned.
const LAST_RESORT: Duration = Duration::from_secs(3);

/// What a load thread is told.
#[derive(Debug)]
pub(crate) enum ThreadCommand {
    /// The run's clock, and what `on_test_start` returned, as JSON; comes before any share.
    Begin {
        clock: RunClock,
        setup: Option<Arc<str>>,
        /// When iterations start, if not whenever a user is done with the last one.
        arrivals: Option<Arc<ArrivalPlan>>,
    },
    /// The thread's part of the worker's share.
    Share(Share),
    /// Forget what was measured.
    Reset { generation: u32 },
    /// Stop all users.
    Stop { grace: Duration },
}

/// What a load thread tells.
#[derive(Debug)]
pub(crate) struct ThreadReport {
    pub(crate) thread: usize,
    pub(crate) event: ThreadEvent,
}

#[derive(Debug)]
pub(crate) enum ThreadEvent {
    /// A second's measurements and the users at its end.
    Second { delta: Box<Delta>, status: WorkerStatus },
    /// A script asks for the end of the test.
    StopRequested(String),
    /// All users have ended. The last measurements are with it.
    Stopped {
        delta: Box<Delta>,
        status: WorkerStatus,
        abandoned: u32,
    },
}

/// What a load thread is started with.
#[derive(Debug)]
pub(crate) struct ThreadSettings {
    pub(crate) index: usize,
    pub(crate) threads: usize,
    pub(crate) program: Program,
    pub(crate) worker_name: String,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) rows: Arc<RowStore>,
    pub(crate) commands: mpsc::Receiver<ThreadCommand>,
    pub(crate) reports: mpsc::Sender<ThreadReport>,
    pub(crate) lag: Lag,
}

struct LoadThread {
    index: usize,
    shared: Rc<ThreadShared>,
    pool: UserPool,
    clock: RunClock,
    commands: mpsc::Receiver<ThreadCommand>,
    reports: mpsc::Sender<ThreadReport>,
    /// When users that outlive everything are abandoned, once a stop has been asked for.
    last_resort: Option<Instant>,
    reported: WorkerStatus,
    lag: Lag,
    /// When the thread next looks whether it is late.
    probe: Instant,
}

/// Runs a load thread to its end. `ready` is told once whether the thread could start.
pub(crate) fn run(settings: ThreadSettings, ready: impl FnOnce(Result<(), WorkerError>)) {
    let index = settings.index;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default());
    match runtime {
        Err(source) => ready(Err(WorkerError::Thread {
            thread: index,
            source,
        })),
        Ok(runtime) => runtime.block_on(async move {
            match LoadThread::new(settings) {
                Err(error) => ready(Err(error)),
                Ok(thread) => {
                    ready(Ok(()));
                    thread.run().await;
                }
            }
        }),
    }
}

impl LoadThread {
    fn new(settings: ThreadSettings) -> Result<Self, WorkerError> {
        let host: Rc<dyn Host> = Rc::new(ScriptHost::new(settings.rows));
        let scenario = settings.program.load(host).map_err(WorkerError::Scenario)?;
        let declared = scenario.declarations();
        let classes: Vec<Rc<Class>> = declared
            .classes
            .iter()
            .map(Class::new)
            .collect::<Result<_, _>>()?;
        let clock = RunClock::reading(Duration::ZERO);
        let shared = Rc::new(ThreadShared::new(
            scenario,
            settings.tls,
            settings.threads,
            &settings.worker_name,
        ));
        for class in &classes {
            class.prepare_link(&shared.http)?;
        }
        let first_id = settings.index as u64 + 1;
        let pool = UserPool::new(Rc::clone(&shared), &classes, first_id, settings.threads as u64);
        let reported = pool.status();
        Ok(Self {
            index: settings.index,
            shared,
            pool,
            clock,
            commands: settings.commands,
            reports: settings.reports,
            last_resort: None,
            reported,
            lag: settings.lag,
            probe: Instant::now() + PROBE_EVERY,
        })
    }

    async fn run(mut self) {
        let mut tick = self.clock.next_second(Instant::now());
        loop {
            let due = self
                .pool
                .next_due()
                .into_iter()
                .chain(self.last_resort)
                .fold(tick.min(self.probe), Instant::min);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => {
                        if matches!(command, ThreadCommand::Begin { .. }) {
                            self.obey(command);
                            tick = self.clock.next_second(Instant::now());
                        } else {
                            self.obey(command);
                        }
                    }
                    // The agent is gone: nobody is left to count for.
                    None => return,
                },
                () = self.pool.user_ended() => {}
                () = sleep_until(due) => {}
            }
            let now = Instant::now();
            if self.probe <= now {
                self.lag.note(span_us(self.probe + TIMER_SLACK, now));
                self.probe = now + PROBE_EVERY;
            }
            self.pool.advance(now);
            for reason in self.pool.bury(now) {
                self.tell(ThreadEvent::StopRequested(reason)).await;
            }
            if self.pool.has_stopped() || self.last_resort.is_some_and(|last| last <= now) {
                self.finish().await;
                return;
            }
            if now >= tick {
                tick = self.clock.next_second(now);
                self.tell_second();
            } else if self.pool.status().settled != self.reported.settled {
                // Whoever waits for the ramp to be over need not wait for the second to be.
                self.tell_second();
            }
        }
    }

    fn obey(&mut self, command: ThreadCommand) {
        match command {
            ThreadCommand::Begin {
                clock,
                setup,
                arrivals,
            } => {
                self.clock = clock;
                if let Some(plan) = arrivals {
                    self.pool.admit_arrivals(&plan, clock);
                }
                self.shared.recorder.set_clock(clock);
                if let Err(why) = self.shared.scenario.set_setup(setup.as_deref()) {
                    tracing::error!("users have no `setup`, it cannot be read: {why}");
                }
            }
            ThreadCommand::Share(share) => self.pool.share(&share, self.clock),
            ThreadCommand::Reset { generation } => {
                if generation > self.shared.recorder.generation() {
                    self.shared.recorder.reset(generation);
                    self.pool.count_waiting_anew(Instant::now());
                }
            }
            ThreadCommand::Stop { grace } => {
                let now = Instant::now();
                self.pool.stop(grace, now);
                self.last_resort = Some(now + grace + KILL_GRACE + LAST_RESORT);
            }
        }
    }

    /// Sends the second's measurements if the agent takes them; otherwise they wait for the next second.
    fn tell_second(&mut self) {
        if let Ok(place) = self.reports.try_reserve() {
            let status = self.pool.status();
            self.reported = status.clone();
            let delta = Box::new(self.shared.recorder.drain());
            place.send(ThreadReport {
                thread: self.index,
                event: ThreadEvent::Second { delta, status },
            });
        }
    }

    async fn finish(&mut self) {
        let status = self.pool.status();
        let abandoned = status.total_users();
        let delta = Box::new(self.shared.recorder.drain());
        self.tell(ThreadEvent::Stopped {
            delta,
            status,
            abandoned,
        })
        .await;
    }

    /// Sends what must arrive. The agent always reads; if it is gone there is nobody to tell.
    async fn tell(&self, event: ThreadEvent) {
        let _ = self
            .reports
            .send(ThreadReport {
                thread: self.index,
                event,
            })
            .await;
    }
}
