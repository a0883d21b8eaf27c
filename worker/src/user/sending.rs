//! What a script sends: performed by its user's client, measured when it has ended.
//!
//! In: a request, or a batch of them. Out: what the script gets to see of the answers. The sample of a request is taken
//! here, so that no script can forget it.

use std::pin::pin;
use std::time::Duration;

use katydid_scenario_lang::host::{BatchLimits, RequestSpec, Response, SampleRef, TagSet};
use tokio::time::{Instant, timeout};

use super::fiber::Answer;
use super::session::Session;
use super::stop::StopLevel;
use crate::clock::span_us;
use crate::http::Exchange;
use crate::recorder::Sample;

/// How long a request that is under way when its user is killed may still take: the target has received it, and what
/// it counts is to be what we count.
pub(crate) const KILL_GRACE: Duration = Duration::from_secs(1);

/// What is said of a request that was cut off.
const CUT_OFF: &str = "no response when the stop timeout was over";

impl Session {
    pub(super) async fn send(&mut self, request: RequestSpec) -> Answer {
        if self.user.stop.level() == StopLevel::Kill {
            return Answer::Stop;
        }
        let tags = self.tags.of(&request, &self.user.shared.recorder);
        let exchange = {
            let mut exchange = pin!(self.client.exchange(request));
            match self.user.stop.unless(StopLevel::Kill, exchange.as_mut()).await {
                Some(exchange) => Some(exchange),
                None => timeout(KILL_GRACE, exchange).await.ok(),
            }
        };
        let exchange = exchange.or_else(|| self.client.abandon(CUT_OFF));
        let Some(exchange) = exchange else {
            return Answer::Stop;
        };
        self.user.slice_began.set(exchange.ended);
        let lateness_us = self.user.lateness_us.take();
        let sample = self
            .user
            .finish_request(self.sample(&exchange, tags, lateness_us));
        let response = Box::new(self.response(exchange, sample));
        if self.user.stop.level() == StopLevel::Kill {
            self.user.commit();
            return Answer::Stop;
        }
        Answer::Response(response)
    }

    /// Sends requests side by side.
    pub(super) async fn send_all(&mut self, requests: Vec<RequestSpec>, limits: BatchLimits) -> Answer {
        if self.user.stop.level() == StopLevel::Kill {
            return Answer::Stop;
        }
        let recorder = &self.user.shared.recorder;
        let tags: Vec<TagSet> = requests
            .iter()
            .map(|request| self.tags.of(request, recorder))
            .collect();
        {
            let stop = &self.user.stop;
            let may_begin = || stop.level() < StopLevel::Kill;
            let mut work = pin!(self.client.batch(requests, limits, may_begin));
            if stop.unless(StopLevel::Kill, work.as_mut()).await.is_none() {
                // What is not over by then is cut off.
                let _in_time = timeout(KILL_GRACE, work).await;
            }
        }
        self.user.slice_began.set(Instant::now());
        let exchanges = self.client.finish_batch(CUT_OFF);
        // All of them were to start when the iteration was.
        let lateness_us = self.user.lateness_us.take();
        self.user.commit();
        let count = exchanges.len();
        let mut responses = Vec::with_capacity(count);
        for (exchange, tags) in exchanges.into_iter().zip(tags) {
            let Some(exchange) = exchange else {
                continue;
            };
            let sample = self
                .user
                .finish_another(self.sample(&exchange, tags, lateness_us));
            responses.push(self.response(exchange, sample));
        }
        if self.user.stop.level() == StopLevel::Kill || responses.len() < count {
            self.user.commit();
            return Answer::Stop;
        }
        Answer::Responses(responses)
    }

    /// The sample of a finished exchange of an iteration that began so late.
    fn sample(&self, exchange: &Exchange, tags: TagSet, lateness_us: u64) -> Sample {
        let service_us = span_us(exchange.started, exchange.ended);
        let recorder = &self.user.shared.recorder;
        Sample {
            request: recorder.request_id(&exchange.method, &exchange.name),
            tags,
            status: exchange.status,
            error: exchange.error.clone(),
            response_us: service_us.saturating_add(lateness_us),
            service_us,
            phases: exchange.phases,
            connections: exchange.connections,
            bytes_in: exchange.bytes_in,
            bytes_out: exchange.bytes_out,
            ended: exchange.ended,
        }
    }

    /// What a script gets to see.
    fn response(&self, exchange: Box<Exchange>, sample: SampleRef) -> Response {
        let service_us = span_us(exchange.started, exchange.ended);
        let timings = exchange.timings(service_us);
        let exchange = *exchange;
        let response = Response {
            status: exchange.status,
            headers: exchange.headers,
            trailers: exchange.trailers,
            body: exchange.body,
            url: exchange.url,
            error: exchange.error,
            timings,
            trace_id: exchange.trace_id,
            sample,
        };
        if let Some(tracer) = self.user.shared.http.tracer() {
            tracer.response(&exchange.method, &exchange.name, &response);
        }
        response
    }
}
