//! A worker that speaks the protocol and applies no load: it makes its measurements up, and knows how many.
//!
//! In: a master's port. Out: how many requests it has told of that the master has acknowledged. For tests of the wire
//! and of scale: a thousand of them fit into one process.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use katydid_protocol::directive::Directive;
use katydid_protocol::fleet::{Heartbeat, Hello, MasterMessage, PROTOCOL_VERSION, RunId, WorkerMessage};
use katydid_protocol::report::{WorkerReport, WorkerStatus};
use katydid_protocol::stats::{Delta, LatencyHistogram, RequestDelta, RequestKey, SecondCounts, TimesDelta};
use katydid_protocol::wire::proto;
use katydid_protocol::wire::proto::fleet_client::FleetClient;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

/// What it makes up.
#[derive(Debug, Clone)]
pub struct FakeWorker {
    /// Its name and process.
    pub name: String,
    /// The master's port on loopback.
    pub port: u16,
    /// Requests of different names in each second's delta.
    pub names: u32,
    /// Requests of each name in a second.
    pub requests: u32,
    /// Bytes its master may send it before it has read any. With few, one that does not read is soon found out.
    pub window_bytes: u32,
}

/// A connection that has said hello.
#[derive(Debug)]
pub struct FakeLink {
    /// To the master.
    pub outgoing: mpsc::Sender<WorkerMessage>,
    /// From it.
    pub incoming: Streaming<proto::MasterMessage>,
    /// The connection lives as long as its client.
    _client: FleetClient<Channel>,
}

/// What a fake worker knows of its run.
struct Life {
    outgoing: mpsc::Sender<WorkerMessage>,
    run: Option<RunId>,
    began: Option<Instant>,
    /// What it tells each second; making it up anew would keep a thousand workers busier than their master.
    template: Delta,
    told: u64,
    acknowledged: u64,
    sequence: u64,
    stopping: bool,
}

impl FakeWorker {
    /// The window that HTTP/2 begins with.
    pub const WINDOW_BYTES: u32 = 65_535;

    /// The hello it begins with.
    #[must_use]
    pub fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            version: "fake".to_owned(),
            name: self.name.clone(),
            instance: self.name.clone(),
            cores: 1,
            threads: 1,
            open_files: 1_000_000,
            running: None,
        }
    }

    /// A client of the master's service.
    ///
    /// # Errors
    ///
    /// When there is no master.
    pub async fn client(&self) -> Result<FleetClient<Channel>> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", self.port))?
            .initial_stream_window_size(self.window_bytes)
            // What is small and unread may fill half of this before our own side ends the connection.
            .initial_connection_window_size(256 * Self::WINDOW_BYTES);
        Ok(FleetClient::new(endpoint.connect().await.context("no master")?))
    }

    /// Joins, and says what it is told to say.
    ///
    /// # Errors
    ///
    /// When there is no master, or it refuses.
    pub async fn join(&self) -> Result<FakeLink> {
        let mut client = self.client().await?;
        let (outgoing, messages) = mpsc::channel(16);
        outgoing.try_send(WorkerMessage::Hello(self.hello()))?;
        let messages =
            ReceiverStream::new(messages).map(|message: WorkerMessage| proto::WorkerMessage::from(&message));
        let incoming = client.join(messages).await?.into_inner();
        Ok(FakeLink {
            outgoing,
            incoming,
            _client: client,
        })
    }

    /// Takes part in one run to its end; how many requests the master has acknowledged.
    ///
    /// # Errors
    ///
    /// When there is no master, it refuses, or ends before everything is acknowledged.
    pub async fn work(self) -> Result<u64> {
        let mut link = self.join().await?;
        let mut life = Life {
            template: self.delta(),
            outgoing: link.outgoing.clone(),
            run: None,
            began: None,
            told: 0,
            acknowledged: 0,
            sequence: 0,
            stopping: false,
        };
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = link.incoming.message() => match message? {
                    Some(message) => match MasterMessage::try_from(message)? {
                        MasterMessage::Goodbye | MasterMessage::Leave => break,
                        message => life.obey(message).await?,
                    },
                    None => break,
                },
                _ = second.tick() => life.tell().await?,
            }
        }
        if life.acknowledged != life.told {
            bail!("{} told, {} acknowledged", life.told, life.acknowledged);
        }
        Ok(life.acknowledged)
    }

    /// One second's measurements: `names` requests, each with its own times; [`at_second`] says which second's.
    fn delta(&self) -> Delta {
        let requests = (0..self.names)
            .map(|number| {
                let mut histogram = LatencyHistogram::new();
                let mut sum = 0;
                for request in 0..self.requests {
                    let time = 1_000 + u64::from(number * 37 + request * 911);
                    histogram.record(time);
                    sum += time;
                }
                let count = u64::from(self.requests);
                let first = 1_000 + u64::from(number * 37);
                let response = TimesDelta {
                    sum_us: sum,
                    min_us: first,
                    max_us: first + 911 * count.saturating_sub(1),
                    buckets: histogram.drain(),
                };
                let delta = RequestDelta {
                    requests: count,
                    bytes_in: count * 100,
                    bytes_out: count * 50,
                    statuses: [(200, count)].into(),
                    response,
                    seconds: vec![SecondCounts {
                        second: 0,
                        requests: count,
                        failures: 0,
                        late: 0,
                    }],
                    ..RequestDelta::default()
                };
                (RequestKey::new("GET", &format!("/page/{number}")), delta)
            })
            .collect();
        Delta {
            requests,
            iterations: u64::from(self.names * self.requests),
            ..Delta::default()
        }
    }
}

/// The same measurements in another second.
fn at_second(template: &Delta, second: u32) -> Delta {
    let mut delta = template.clone();
    for request in delta.requests.values_mut() {
        request.last_us = u64::from(second) * 1_000_000 + 999_000;
        for counts in &mut request.seconds {
            counts.second = second;
        }
    }
    delta
}

impl Life {
    async fn obey(&mut self, message: MasterMessage) -> Result<()> {
        match message {
            MasterMessage::Prepare(order) => {
                self.run = Some(order.run.clone());
                let run = order.run.clone();
                self.outgoing.send(WorkerMessage::Ready { run }).await?;
            }
            MasterMessage::Acknowledge { sequence, .. } => {
                if sequence == self.sequence {
                    self.acknowledged = self.told;
                }
                if self.stopping {
                    self.report(WorkerReport::Stopped).await?;
                }
            }
            MasterMessage::Directive { directive, .. } => match directive {
                Directive::Begin { elapsed, .. } => self.began = Some(Instant::now() - elapsed),
                Directive::Share(share) => {
                    let retired = vec![0; share.users.len()];
                    let status = WorkerStatus {
                        epoch: share.epoch,
                        users: share.users,
                        settled: true,
                        retired,
                    };
                    self.report(WorkerReport::Status(status)).await?;
                }
                Directive::Stop { .. } => {
                    self.tell().await?;
                    self.stopping = true;
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    /// A second has passed.
    async fn tell(&mut self) -> Result<()> {
        let heartbeat = Heartbeat::default();
        self.outgoing.send(WorkerMessage::Heartbeat(heartbeat)).await?;
        let Some(began) = self.began else {
            return Ok(());
        };
        if self.stopping {
            return Ok(());
        }
        let second = u32::try_from(began.elapsed().as_secs())?;
        let delta = at_second(&self.template, second);
        self.told += delta.iterations;
        self.sequence += 1;
        let report = WorkerReport::Delta {
            sequence: self.sequence,
            delta: Box::new(delta),
        };
        self.report(report).await
    }

    async fn report(&mut self, report: WorkerReport) -> Result<()> {
        if let Some(run) = self.run.clone() {
            self.outgoing.send(WorkerMessage::Report { run, report }).await?;
        }
        Ok(())
    }
}
