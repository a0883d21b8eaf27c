//! A collector of OpenTelemetry that keeps what it is told.
//!
//! In: how it behaves. Out: a server on loopback until dropped, and the messages it has received.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint};
use prost::Message;

/// Longest message it takes.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// How long it waits for the rest of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectorManners {
    /// It takes everything.
    Takes,
    /// It answers with this status.
    Refuses(u16),
    /// It reads and never answers.
    Hangs,
}

/// A message and what came with it.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// Path of the request.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// What it says.
    pub request: ExportMetricsServiceRequest,
}

/// The collector.
#[derive(Debug)]
pub struct Collector {
    url: String,
    pushed: Arc<Mutex<Vec<Pushed>>>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Collector {
    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn start(manners: CollectorManners) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let pushed: Arc<Mutex<Vec<Pushed>>> = Arc::default();
        let stop: Arc<AtomicBool> = Arc::default();
        let (notes, over) = (Arc::clone(&pushed), Arc::clone(&stop));
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (notes, over) = (Arc::clone(&notes), Arc::clone(&over));
                // One that hangs is left behind; it ends with the test's process at the latest.
                drop(std::thread::spawn(move || serve(stream, manners, &notes, &over)));
            }
        });
        Ok(Self {
            url,
            pushed,
            stop,
            accepting: Some(accepting),
        })
    }

    /// Where it is, without a path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it has received so far.
    #[must_use]
    pub fn pushed(&self) -> Vec<Pushed> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes whoever accepts.
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
        if let Some(accepting) = self.accepting.take() {
            let _panicked = accepting.join();
        }
    }
}

impl Pushed {
    /// A metric by its name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn metric(&self, name: &str) -> Result<&Metric> {
        self.request
            .resource_metrics
            .iter()
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
            .find(|metric| metric.name == name)
            .with_context(|| format!("no metric {name}"))
    }

    /// The numbers of a gauge or a sum, with their attributes as `key=value`, sorted.
    ///
    /// # Errors
    ///
    /// When there is no such metric, or it is something else.
    pub fn numbers(&self, name: &str) -> Result<Vec<(String, i64)>> {
        let points: &[NumberDataPoint] = match &self.metric(name)?.data {
            Some(Data::Gauge(gauge)) => &gauge.data_points,
            Some(Data::Sum(sum)) => {
                ensure!(
                    sum.is_monotonic && sum.aggregation_temporality == 2,
                    "{name} is no running sum"
                );
                &sum.data_points
            }
            other => anyhow::bail!("{name} is {other:?}"),
        };
        points
            .iter()
            .map(|point| match point.value {
                Some(Value::AsInt(value)) => Ok((attributes(&point.attributes), value)),
                _ => anyhow::bail!("{name} is no whole number"),
            })
            .collect()
    }

    /// The histograms of a metric, with their attributes.
    ///
    /// # Errors
    ///
    /// When there is no such metric, or it is something else.
    pub fn histograms(&self, name: &str) -> Result<Vec<(String, HistogramDataPoint)>> {
        match &self.metric(name)?.data {
            Some(Data::Histogram(histogram)) => Ok(histogram
                .data_points
                .iter()
                .map(|point| (attributes(&point.attributes), point.clone()))
                .collect()),
            other => anyhow::bail!("{name} is {other:?}"),
        }
    }

    /// Who says so, as `key=value`.
    #[must_use]
    pub fn resource(&self) -> String {
        let resources = self.request.resource_metrics.iter();
        let texts: Vec<String> = resources
            .filter_map(|metrics| metrics.resource.as_ref())
            .map(|resource| attributes(&resource.attributes))
            .collect();
        texts.join(" ")
    }
}

fn attributes(pairs: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let text = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        let value = pair.value.as_ref().and_then(|value| value.value.clone());
        match value {
            Some(Value::StringValue(value)) => format!("{}={value}", pair.key),
            other => format!("{}={other:?}", pair.key),
        }
    };
    pairs.iter().map(text).collect::<Vec<_>>().join(",")
}

/// Serves a connection until its end.
fn serve(mut stream: TcpStream, manners: CollectorManners, notes: &Mutex<Vec<Pushed>>, over: &AtomicBool) {
    drop(stream.set_read_timeout(Some(PATIENCE)));
    while let Ok(Some(pushed)) = read(&mut stream) {
        notes.lock().unwrap_or_else(PoisonError::into_inner).push(pushed);
        let status = match manners {
            CollectorManners::Takes => 200,
            CollectorManners::Refuses(status) => status,
            CollectorManners::Hangs => {
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return;
            }
        };
        let answer = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// One request; `None` at the end of the connection.
fn read(stream: &mut TcpStream) -> Result<Option<Pushed>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
        ensure!(head.len() < 64 * 1024, "too long a head");
    }
    let head = String::from_utf8(head)?;
    let mut lines = head.lines();
    let first = lines.next().context("no request line")?;
    let path = first.split(' ').nth(1).context("no path")?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").context("no length")?.parse()?;
    ensure!(length < MAX_MESSAGE, "too long a message");
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    if headers
        .get("content-encoding")
        .is_some_and(|encoding| encoding == "gzip")
    {
        let packed = std::mem::take(&mut body);
        GzDecoder::new(&*packed)
            .take(MAX_MESSAGE as u64)
            .read_to_end(&mut body)?;
    }
    let request = ExportMetricsServiceRequest::decode(&*body)?;
    Ok(Some(Pushed {
        path,
        headers,
        request,
    }))
}
