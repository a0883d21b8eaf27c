//! The threads that serve connections.
//!
//! In: accepted streams, dealt out in turn. Out: HTTP/1.1 and, for clients that begin with its preface, HTTP/2. Each
//! thread has a runtime of its own, so nothing moves between cores while a connection lives.

use std::convert::Infallible;
use std::net::TcpStream as StdStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::error::TargetError;
use crate::ledger::Shard;
use crate::routes::{App, respond};

/// Streams that may wait for a thread; when it is full, further ones wait in the listener's backlog.
const HAND_OVER: usize = 1_024;

/// How long requests in flight may take once serving ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// All serving threads. Dropping this lets them end by themselves.
#[derive(Debug)]
pub(crate) struct Workers {
    threads: Vec<Worker>,
    next: usize,
    /// Closed once every thread has ended.
    all_gone: mpsc::Receiver<Infallible>,
}

#[derive(Debug)]
struct Worker {
    streams: mpsc::Sender<StdStream>,
    thread: JoinHandle<()>,
}

impl Workers {
    /// Starts `count` threads.
    pub(crate) fn start(count: usize, app: &Arc<App>) -> Result<Self, TargetError> {
        let (alive, all_gone) = mpsc::channel(1);
        let mut threads = Vec::with_capacity(count);
        for index in 0..count {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|source| TargetError::Thread { source })?;
            let (streams, incoming) = mpsc::channel(HAND_OVER);
            let serving = Serving {
                app: Arc::clone(app),
                shard: app.ledger.shard(index),
            };
            let alive = alive.clone();
            let thread = std::thread::Builder::new()
                .name(format!("target-{index}"))
                .spawn(move || {
                    runtime.block_on(serving.run(incoming));
                    drop(alive);
                })
                .map_err(|source| TargetError::Thread { source })?;
            threads.push(Worker { streams, thread });
        }
        Ok(Self {
            threads,
            next: 0,
            all_gone,
        })
    }

    /// Gives a stream to the next thread.
    pub(crate) async fn hand_over(&mut self, stream: TcpStream) -> Result<(), TargetError> {
        let worker = &self.threads[self.next];
        self.next = (self.next + 1) % self.threads.len();
        match stream.into_std() {
            Ok(stream) => worker
                .streams
                .send(stream)
                .await
                .map_err(|_| TargetError::ThreadLost),
            Err(error) => {
                tracing::debug!(%error, "a connection was lost before it was served");
                Ok(())
            }
        }
    }

    /// Lets all threads finish.
    pub(crate) async fn stop(mut self) -> Result<(), TargetError> {
        let threads: Vec<_> = self.threads.drain(..).map(|worker| worker.thread).collect();
        let _closed = self.all_gone.recv().await;
        let ended_well = threads.into_iter().all(|thread| thread.join().is_ok());
        if ended_well {
            Ok(())
        } else {
            Err(TargetError::ThreadLost)
        }
    }
}

/// What one thread needs.
struct Serving {
    app: Arc<App>,
    shard: Arc<Shard>,
}

impl Serving {
    async fn run(self, mut incoming: mpsc::Receiver<StdStream>) {
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                stream = incoming.recv() => match stream {
                    Some(stream) => {
                        connections.spawn(self.serve(stream, stopping.clone()));
                    }
                    None => break,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        stop.send_replace(true);
        let all_closed = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all_closed).await.is_err() {
            tracing::debug!("requests still in flight were cut off");
        }
    }

    fn serve(&self, stream: StdStream, stopping: watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
        let (app, shard) = (Arc::clone(&self.app), Arc::clone(&self.shard));
        async move {
            if let Err(error) = serve_connection(stream, app, shard, stopping).await {
                tracing::debug!(%error, "a connection ended");
            }
        }
    }
}

async fn serve_connection(
    stream: StdStream,
    app: Arc<App>,
    shard: Arc<Shard>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let stream = TokioIo::new(TcpStream::from_std(stream)?);
    let service = service_fn(|request: Request<Incoming>| {
        let answer = respond(Arc::clone(&app), Arc::clone(&shard), request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    // Clients of a load test keep idle connections for as long as they like.
    builder.http1().header_read_timeout(None);
    let connection = builder.serve_connection(stream, service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stopping.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}
