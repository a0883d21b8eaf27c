//! The life of a worker in a fleet: one loop over its connection, its run, its heart and the wish to leave.
//!
//! In: messages of the master, reports of the run's agent, time. Out: messages to the master, directives to the agent.
//! What must not get lost is in [`Courier`](super::courier::Courier); here is what waits.

mod patience;
mod standing;
mod words;

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::fleet::{
    Hello, LogLine, MasterMessage, PROTOCOL_VERSION, RunOrder, Welcome, WorkerMessage,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{info, warn};

use super::connect::{Address, Client, Connector, Link, NoLink, OUTGOING};
use super::error::UplinkError;
use super::prepare::{Cache, prepare};
use super::retry::Retry;
use super::settings::{Departure, FleetWorkerSettings};
use super::vitals::{Lag, Vitals};
use super::waits::{line, message, place, send, some, wanted};
use super::work::{Assignment, Work, WorkNews};
use crate::worker::WorkerHandle;
use standing::Standing;
use words::Words;

/// Places on the way to the master that log lines leave to everything else.
const NOT_FOR_LINES: usize = OUTGOING / 2;

/// An attempt to connect.
type Connecting = Pin<Box<dyn Future<Output = Result<Link, NoLink>> + Send>>;

/// A worker of a fleet.
#[derive(Debug)]
pub struct FleetWorker {
    settings: FleetWorkerSettings,
    connector: Connector,
    instance: String,
    cache: Cache,
    work: Work,
    vitals: Vitals,
    /// The shortest time a heartbeat took to come back.
    round_trip: Option<Duration>,
    heartbeat_sent: Option<(u64, Instant)>,
    welcome: Option<Welcome>,
    /// Whether the connection there is has brought a welcome.
    is_welcome: bool,
    draining_since: Option<Instant>,
    departure: Option<Departure>,
    words: Words,
    standing: Standing,
}

/// Something happened.
#[derive(Debug)]
enum News {
    Connected(Box<Result<Link, NoLink>>),
    Message(Result<Option<MasterMessage>, String>),
    Work(WorkNews),
    Sent,
    Heartbeat,
    Line(Option<LogLine>),
    Leave,
    Time,
}

impl FleetWorker {
    /// A worker that has not connected yet.
    ///
    /// # Errors
    ///
    /// When address, token or certificates make no sense.
    pub fn new(mut settings: FleetWorkerSettings) -> Result<Self, UplinkError> {
        let address = std::mem::replace(
            &mut settings.address,
            Address::Tcp {
                host: String::new(),
                port: 0,
                tls: None,
                token: None,
                files: Box::default(),
            },
        );
        let threads = thread_count(settings.threads);
        Ok(Self {
            connector: Connector::new(address)?,
            instance: uuid::Uuid::new_v4().to_string(),
            cache: Cache::default(),
            work: Work::Nothing,
            vitals: Vitals::new(Lag::default(), threads),
            round_trip: None,
            heartbeat_sent: None,
            welcome: None,
            is_welcome: false,
            draining_since: None,
            departure: None,
            words: Words::default(),
            standing: Standing::new(settings.vitals.take()),
            settings,
        })
    }

    /// Works until the master ends, or until it has left in order.
    ///
    /// # Errors
    ///
    /// When the master refuses it for good, or is gone for longer than a run goes on without it.
    pub async fn run(mut self) -> Result<Departure, UplinkError> {
        let mut link: Option<Link> = None;
        let mut connecting: Option<Connecting> = None;
        let mut retry = Retry::new();
        let mut heart = interval(Duration::from_secs(1));
        heart.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drain = self.settings.drain.clone();
        let mut log = self.settings.log.take();
        loop {
            if link.is_none() && connecting.is_none() && retry.is_due() {
                connecting = Some(Box::pin(self.connector.connect(self.hello())));
            }
            let has_next = link.is_some() && self.has_next();
            let takes_lines = link.as_ref().is_some_and(|link| self.takes_lines(link));
            let wakes = self.wakes(link.is_none() && connecting.is_none(), &retry);
            let is_draining = self.draining_since.is_some();
            let outgoing = link.as_ref().map(|link| link.outgoing.clone());
            let news = tokio::select! {
                result = some(&mut connecting), if connecting.is_some() => News::Connected(Box::new(result)),
                message = message(&mut link), if link.is_some() => News::Message(message),
                place = place(outgoing), if has_next => match place {
                    Some(place) => { if let Some(message) = self.next_message() { place.send(message); } News::Sent }
                    None => News::Message(Ok(None)),
                },
                news = self.work.news() => News::Work(news),
                _ = heart.tick() => News::Heartbeat,
                line = line(&mut log), if takes_lines && log.is_some() => News::Line(line),
                () = wanted(&mut drain), if !is_draining => News::Leave,
                () = sleep_until(wakes.unwrap_or_else(Instant::now)), if wakes.is_some() => News::Time,
            };
            match news {
                News::Connected(result) => {
                    connecting = None;
                    match *result {
                        Ok(new) => link = Some(new),
                        Err(failure) => self.not_connected(failure, &mut retry)?,
                    }
                }
                News::Message(Ok(Some(message))) => {
                    self.obey(message, &mut link, &mut retry).await?;
                    if self.is_welcome {
                        retry.succeeded();
                    }
                }
                News::Message(ended) => {
                    link = None;
                    self.welcome_ended();
                    if !self.connector.may_return() {
                        return Ok(self.departure.unwrap_or(Departure::MasterEnded));
                    }
                    retry.lost(ended.err());
                }
                News::Work(WorkNews::Prepared(result)) => self.prepared(result),
                News::Work(WorkNews::Report(report)) => self.work.take(report),
                News::Heartbeat => self.beat(link.as_ref()),
                News::Line(Some(line)) => {
                    if let Some(link) = &link {
                        drop(link.outgoing.try_send(WorkerMessage::Log(line)));
                    }
                }
                News::Line(None) => log = None,
                News::Leave => self.leave(link.is_none()),
                News::Sent | News::Time => {}
            }
            if link.is_none() {
                self.work.end_as_planned().await;
            }
            self.check_patience(link.is_some(), &retry).await?;
            if let Some(departure) = self.departure {
                self.work.replace(Work::Nothing).await;
                return Ok(departure);
            }
        }
    }

    fn hello(&self) -> Hello {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Hello {
            protocol: PROTOCOL_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: self.settings.name.clone(),
            instance: self.instance.clone(),
            cores: u32::try_from(cores).unwrap_or(1),
            threads: u32::try_from(thread_count(self.settings.threads)).unwrap_or(1),
            open_files: self.settings.open_files,
            running: self.work.running(),
        }
    }

    async fn obey(
        &mut self,
        message: MasterMessage,
        link: &mut Option<Link>,
        retry: &mut Retry,
    ) -> Result<(), UplinkError> {
        match message {
            MasterMessage::Welcome(welcome) => self.welcomed(welcome, link.as_ref()).await,
            MasterMessage::Refused { why, retry: again } => {
                let master = self.connector.name.clone();
                if !again {
                    return Err(UplinkError::Refused { master, why });
                }
                retry.failed(&format!(
                    "the master at {master} has no place for this worker: {why}"
                ));
                *link = None;
                self.welcome_ended();
            }
            MasterMessage::Prepare(order) => {
                if let Some(client) = link.as_ref().map(|link| link.client.clone()) {
                    self.prepare(order, client).await;
                }
            }
            MasterMessage::Directive { run, directive } => {
                let late = self.round_trip.unwrap_or_default() / 2;
                self.work.direct(&run, directive, late).await;
            }
            MasterMessage::Acknowledge { run, sequence } => {
                if let Work::Run(work) = &mut self.work
                    && work.run == run
                {
                    work.courier.acknowledged(sequence);
                }
            }
            MasterMessage::HeartbeatReply { number, .. } => {
                if let Some((sent, at)) = self.heartbeat_sent
                    && sent == number
                {
                    let took = at.elapsed();
                    self.round_trip = Some(self.round_trip.map_or(took, |best| best.min(took)));
                }
            }
            MasterMessage::Dismiss { run } => {
                let is_ours = match &self.work {
                    Work::Run(work) => work.run == run,
                    Work::Preparing { run: ours, .. } => *ours == run,
                    Work::Nothing => false,
                };
                if is_ours {
                    self.work.replace(Work::Nothing).await;
                }
                if self.draining_since.is_some() {
                    self.departure = Some(Departure::Drained);
                }
            }
            MasterMessage::Leave => self.departure = Some(Departure::Drained),
            MasterMessage::Goodbye => {
                info!("The master has ended");
                self.departure = Some(if self.draining_since.is_some() {
                    Departure::Drained
                } else {
                    Departure::MasterEnded
                });
            }
        }
        Ok(())
    }

    /// It belongs to the fleet (again): what may not have arrived is said again.
    async fn welcomed(&mut self, welcome: Welcome, link: Option<&Link>) {
        if self.connector.may_return() {
            info!(
                "Connected to the master at {} as {}",
                self.connector.name, welcome.name
            );
        }
        self.welcome = Some(welcome);
        self.is_welcome = true;
        self.standing.connected();
        let again = match &mut self.work {
            Work::Run(work) => work.courier.reconnected().map(|report| WorkerMessage::Report {
                run: Arc::clone(&work.run),
                report,
            }),
            _ => None,
        };
        if let Some(again) = again {
            send(link, again).await;
        }
        if self.draining_since.is_some() {
            self.words.say(WorkerMessage::Draining);
        }
    }

    /// Makes ready for a run, unless that has been done already.
    async fn prepare(&mut self, order: Arc<RunOrder>, client: Client) {
        let run = Arc::clone(&order.run);
        match &self.work {
            Work::Preparing { run: ours, .. } if *ours == run => return,
            // What has begun goes on: to begin anew would lose what is not acknowledged.
            Work::Run(work) if work.run == run && work.begun => return,
            Work::Run(work) if work.run == run => {
                self.words.say(WorkerMessage::Ready { run });
                return;
            }
            _ => {}
        }
        let name = self
            .welcome
            .as_ref()
            .map_or_else(|| self.settings.name.clone(), |welcome| welcome.name.clone());
        let (cache, threads) = (self.cache.clone(), self.settings.threads);
        let task = tokio::spawn(prepare(order, client, cache, name, threads));
        self.work.replace(Work::Preparing { run, task }).await;
    }

    fn prepared(&mut self, result: Result<WorkerHandle, String>) {
        let Work::Preparing { run, .. } = &self.work else {
            return;
        };
        let run = Arc::clone(run);
        let message = match result {
            Ok(worker) => {
                self.vitals = Vitals::new(worker.lag.clone(), worker.threads());
                self.work = Work::Run(Box::new(Assignment::new(Arc::clone(&run), worker)));
                WorkerMessage::Ready { run }
            }
            Err(why) => {
                warn!("This worker cannot run the scenario: {why}");
                self.work = Work::Nothing;
                WorkerMessage::Unable { run, why }
            }
        };
        // If the connection is gone, the master asks again on the next.
        if self.is_welcome {
            self.words.say(message);
        }
    }

    /// Whether the master can be told something, and there is something to tell.
    fn has_next(&self) -> bool {
        self.is_welcome && (!self.words.is_empty() || self.work.has_next())
    }

    /// Whether there is room for what matters least.
    fn takes_lines(&self, link: &Link) -> bool {
        self.is_welcome && self.words.is_empty() && link.outgoing.capacity() > NOT_FOR_LINES
    }

    fn next_message(&mut self) -> Option<WorkerMessage> {
        self.words.next().or_else(|| self.work.next_message())
    }

    fn beat(&mut self, link: Option<&Link>) {
        let heartbeat = self.vitals.read(self.work.users());
        self.standing.beat(&heartbeat, &self.work);
        if let Some(link) = link.filter(|_| self.is_welcome) {
            self.heartbeat_sent = Some((heartbeat.number, Instant::now()));
            drop(link.outgoing.try_send(WorkerMessage::Heartbeat(heartbeat)));
        }
    }

    fn leave(&mut self, is_alone: bool) {
        self.draining_since = Some(Instant::now());
        self.standing.leaving();
        if self.work.begun().is_some() {
            info!("Leaving the fleet: others take over the users of this worker");
        } else if is_alone {
            self.departure = Some(Departure::Drained);
        }
        if self.is_welcome {
            self.words.say(WorkerMessage::Draining);
        }
    }

    /// Its terms still hold while the master is gone.
    fn welcome_ended(&mut self) {
        self.is_welcome = false;
        self.standing.disconnected();
        self.heartbeat_sent = None;
        self.words.forget();
    }
}

fn thread_count(threads: Option<NonZeroUsize>) -> usize {
    threads
        .or_else(|| std::thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
}
