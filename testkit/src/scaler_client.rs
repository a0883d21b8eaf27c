//! KEDA, as far as a master sees it: a client of the contract `externalscaler`.
//!
//! In: a master with a scaler's port, a trigger's metadata. Out: what it answers.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use katydid_protocol::scaler::proto::external_scaler_client::ExternalScalerClient;
use katydid_protocol::scaler::proto::{GetMetricsRequest, IsActiveResponse, ScaledObjectRef};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

use crate::autoscaler::Told;
use crate::eventually::{PATIENCE, retry};
use crate::running::Running;

/// A connection to a master's scaler.
#[derive(Debug)]
pub struct ScalerClient {
    /// With a thread of its own, so that pings are answered while a test does other things.
    runtime: Runtime,
    client: ExternalScalerClient<Channel>,
    asked_for: ScaledObjectRef,
}

/// What a scaler says by itself.
#[derive(Debug)]
pub struct ScalerStream(Streaming<IsActiveResponse>);

impl ScalerClient {
    /// Connects to the scaler of a master, where its log says it is.
    ///
    /// # Errors
    ///
    /// When the master does not say, or nobody answers there.
    pub fn of(master: &Running, metadata: &[(&str, &str)]) -> Result<Self> {
        let address = retry(PATIENCE, || {
            let log = master.stderr();
            log.lines()
                .find_map(|line| line.split_once("users are wanted on "))
                .map(|(_, address)| address.trim().to_owned())
                .ok_or_else(|| anyhow!("no scaler:\n{log}"))
        })?;
        Self::connect(&address, metadata)
    }

    /// Connects to an address.
    ///
    /// # Errors
    ///
    /// When nobody answers there.
    pub fn connect(address: &str, metadata: &[(&str, &str)]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let channel = runtime
            .block_on(endpoint.connect())
            .with_context(|| format!("the scaler at {address}"))?;
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Ok(Self {
            runtime,
            client: ExternalScalerClient::new(channel),
            asked_for: ScaledObjectRef {
                name: "katydid-worker".to_owned(),
                namespace: "katydid".to_owned(),
                scaler_metadata: metadata.iter().map(own).collect(),
            },
        })
    }

    /// `IsActive`.
    ///
    /// # Errors
    ///
    /// What the master answers instead.
    pub fn is_active(&self) -> Result<bool, Status> {
        let mut client = self.client.clone();
        let asked = self.asked_for.clone();
        self.answer(async move { client.is_active(asked).await })
            .map(|answer| answer.result)
    }

    /// `StreamIsActive`.
    ///
    /// # Errors
    ///
    /// What the master answers instead.
    pub fn stream_is_active(&self) -> Result<ScalerStream, Status> {
        let mut client = self.client.clone();
        let asked = self.asked_for.clone();
        self.answer(async move { client.stream_is_active(asked).await })
            .map(ScalerStream)
    }

    /// What a stream says next.
    ///
    /// # Errors
    ///
    /// When it says nothing within `patience`, or has ended.
    pub fn next(&self, stream: &mut ScalerStream, patience: Duration) -> Result<bool> {
        let next = self
            .runtime
            .block_on(async { timeout(patience, stream.0.message()).await })
            .context("nothing was said")??;
        Ok(next.context("the stream has ended")?.result)
    }

    /// `GetMetricSpec`: names and sizes.
    ///
    /// # Errors
    ///
    /// What the master answers instead.
    pub fn metric_spec(&self) -> Result<Vec<(String, f64)>, Status> {
        let mut client = self.client.clone();
        let asked = self.asked_for.clone();
        let answer = self.answer(async move { client.get_metric_spec(asked).await })?;
        let specs = answer.metric_specs.into_iter();
        Ok(specs
            .map(|spec| (spec.metric_name, spec.target_size_float))
            .collect())
    }

    /// `GetMetrics` of one metric: its value.
    ///
    /// # Errors
    ///
    /// What the master answers instead.
    pub fn metric(&self, name: &str) -> Result<f64, Status> {
        let mut client = self.client.clone();
        let request = GetMetricsRequest {
            scaled_object_ref: Some(self.asked_for.clone()),
            metric_name: name.to_owned(),
        };
        let answer = self.answer(async move { client.get_metrics(request).await })?;
        let values: Vec<f64> = answer
            .metric_values
            .iter()
            .map(|value| value.metric_value_float)
            .collect();
        match values[..] {
            [value] => Ok(value),
            _ => Err(Status::internal(format!("{} values", values.len()))),
        }
    }

    /// All of it, as KEDA asks for it.
    ///
    /// # Errors
    ///
    /// What the master answers instead.
    pub fn told(&self) -> Result<Told> {
        let specs = self.metric_spec()?;
        let (name, per_replica) = specs.first().context("no metric")?;
        Ok(Told {
            is_active: self.is_active()?,
            value: self.metric(name)?,
            per_replica: *per_replica,
        })
    }

    fn answer<T>(&self, call: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, Status> {
        let answer = self.runtime.block_on(async { timeout(PATIENCE, call).await });
        match answer {
            Ok(answer) => Ok(answer?.into_inner()),
            Err(_) => Err(Status::new(Code::DeadlineExceeded, "no answer within a minute")),
        }
    }
}
