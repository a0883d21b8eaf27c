//! Where metrics are pushed to, and as whose: the flag, and the variables all programs with OpenTelemetry know.
//!
//! In: [`OtlpArgs`] and the environment. Out: [`OtlpSettings`], or nothing when nobody asked for metrics.

use std::collections::HashMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{Reader, values};
use crate::args::OtlpArgs;
use crate::problem::Problem;

/// Time between two pushes, unless `OTEL_METRIC_EXPORT_INTERVAL` says otherwise.
const EVERY: Duration = Duration::from_secs(10);
/// How long one may take, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Neither is shorter, or longer.
const SPANS: std::ops::RangeInclusive<u64> = 100..=3_600_000;
/// What a collector calls the place for metrics.
const PATH: &str = "v1/metrics";
/// Who we are unless somebody says otherwise.
const SERVICE: &str = "katydid";

/// How metrics are pushed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct OtlpSettings {
    /// Where to.
    pub(crate) url: Url,
    /// Headers to send along; they may hold credentials.
    pub(crate) headers: HeaderMap,
    /// Who we are.
    pub(crate) resource: Vec<(String, String)>,
    /// Whether messages are compressed, by gzip.
    pub(crate) compressed: bool,
    /// Time between two pushes.
    pub(crate) every: Duration,
    /// How long one may take.
    pub(crate) timeout: Duration,
}

impl OtlpSettings {
    /// Reads them.
    pub(super) fn read(
        args: &OtlpArgs,
        environment: &HashMap<String, String>,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let mut variables = Variables { environment, reader };
        let url = match &args.otlp_endpoint {
            Some(text) => match place(text) {
                Ok(url) => url,
                Err(why) => {
                    variables.reader.refuse("otlp_endpoint", why);
                    return None;
                }
            },
            None => variables.endpoint()?,
        };
        variables.protocol();
        let compressed = variables.compressed(args.otlp_compression.as_deref());
        Some(Self {
            url,
            compressed,
            headers: variables.headers(),
            resource: variables.resource(),
            every: variables.time(&["OTEL_METRIC_EXPORT_INTERVAL"]).unwrap_or(EVERY),
            timeout: variables
                .time(&["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"])
                .unwrap_or(TIMEOUT),
        })
    }
}

impl std::fmt::Debug for OtlpSettings {
    /// Never shows the headers' values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpSettings")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

/// The variables, and where to say what is wrong with them.
struct Variables<'a, 'b> {
    environment: &'a HashMap<String, String>,
    reader: &'a mut Reader<'b>,
}

impl<'a> Variables<'a, '_> {
    /// The first of these that is there and not empty: those for metrics alone come before those for everything.
    fn first(&self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        let environment = self.environment;
        let value = |name: &&'static str| {
            let value = environment.get(*name)?.trim();
            (!value.is_empty()).then_some((*name, value))
        };
        names.iter().find_map(value)
    }

    fn refuse(&mut self, name: &str, why: &str) {
        self.reader.problems.add(Problem::new(format!("{name}: {why}")));
    }

    fn endpoint(&mut self) -> Option<Url> {
        let is_off = |(_, value): (&str, &str)| matches!(value, "true" | "none");
        let switches = ["OTEL_SDK_DISABLED", "OTEL_METRICS_EXPORTER"];
        if switches
            .into_iter()
            .filter_map(|name| self.first(&[name]))
            .any(is_off)
        {
            return None;
        }
        let (name, text) = self.first(&[
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ])?;
        // What is for metrics alone is taken as it is.
        let read = if name.contains("METRICS") {
            base(text)
        } else {
            place(text)
        };
        match read {
            Ok(url) => Some(url),
            Err(why) => {
                self.refuse(name, &why);
                None
            }
        }
    }

    fn protocol(&mut self) {
        let names = [
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ];
        if let Some((name, other)) = self.first(&names)
            && other != "http/protobuf"
        {
            let why = format!(
                "`{other}` is not spoken here: only http/protobuf is, at a collector's port 4318 usually"
            );
            self.refuse(name, &why);
        }
    }

    fn compressed(&mut self, flag: Option<&str>) -> bool {
        let names = [
            "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
            "OTEL_EXPORTER_OTLP_COMPRESSION",
        ];
        let why = |other: &str| format!("`{other}` is not known here: gzip and none are");
        match (flag, self.first(&names)) {
            (Some("gzip"), _) | (None, Some((_, "gzip"))) => true,
            (Some("none"), _) | (None, Some((_, "none")) | None) => false,
            (Some(other), _) => {
                self.reader.refuse("otlp_compression", why(other));
                false
            }
            (None, Some((name, other))) => {
                self.refuse(name, &why(other));
                false
            }
        }
    }

    fn headers(&mut self) -> HeaderMap {
        let names = ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
        let mut headers = HeaderMap::new();
        let Some((name, text)) = self.first(&names) else {
            return headers;
        };
        for (key, value) in self.pairs(name, text) {
            match (HeaderName::try_from(&key), HeaderValue::try_from(&value)) {
                (Ok(key), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.append(key, value);
                }
                _ => self.refuse(name, &format!("`{key}` cannot be sent as a header")),
            }
        }
        headers
    }

    fn resource(&mut self) -> Vec<(String, String)> {
        let mut pairs = match self.first(&["OTEL_RESOURCE_ATTRIBUTES"]) {
            Some((name, text)) => self.pairs(name, text),
            None => Vec::new(),
        };
        let own = self
            .first(&["OTEL_SERVICE_NAME"])
            .map(|(_, name)| name.to_owned());
        let given = pairs.iter().position(|(key, _)| key == "service.name");
        let given = given.map(|place| pairs.remove(place).1);
        let service = own.or(given).unwrap_or_else(|| SERVICE.to_owned());
        pairs.insert(0, ("service.name".to_owned(), service));
        if !pairs.iter().any(|(key, _)| key == "service.version") {
            pairs.push(("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
        }
        pairs
    }

    fn time(&mut self, names: &[&'static str]) -> Option<Duration> {
        let (name, text) = self.first(names)?;
        match text.parse() {
            Ok(ms) if SPANS.contains(&ms) => Some(Duration::from_millis(ms)),
            _ => {
                let why = format!(
                    "`{text}` is not a number of milliseconds from {} to {}",
                    SPANS.start(),
                    SPANS.end()
                );
                self.refuse(name, &why);
                None
            }
        }
    }

    /// `key=value,key=value`, values percent-encoded. Values are not repeated in messages.
    fn pairs(&mut self, name: &str, text: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let decoded = pair.split_once('=').and_then(|(key, value)| {
                let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                let key = key.trim();
                (!key.is_empty()).then(|| (key.to_owned(), value.into_owned()))
            });
            match decoded {
                Some(pair) => pairs.push(pair),
                None => self.refuse(
                    name,
                    "it is a list like name=value,other=value, values percent-encoded",
                ),
            }
        }
        pairs
    }
}

/// Where metrics go at a collector.
fn place(text: &str) -> Result<Url, String> {
    let mut url = base(text)?;
    let path = url.path().trim_end_matches('/');
    if !path.ends_with(PATH) {
        let path = format!("{path}/{PATH}");
        url.set_path(&path);
    }
    Ok(url)
}

fn base(text: &str) -> Result<Url, String> {
    let text = values::host(text)?;
    Url::parse(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Origins;

    fn read(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<OtlpSettings>, String> {
        let origins = Origins::default();
        let mut reader = Reader::new(&origins);
        let args = OtlpArgs {
            otlp_endpoint: flag.map(str::to_owned),
            otlp_compression: None,
        };
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment = variables.iter().map(own).collect();
        let settings = OtlpSettings::read(&args, &environment, &mut reader);
        reader.finish(settings).map_err(|problems| problems.to_string())
    }

    fn url(flag: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        read(flag, variables).unwrap().map(|settings| settings.url.into())
    }

    #[test]
    fn the_flag_wins_over_variables_and_metrics_over_everything() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/otel/");
        let own = (
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "http://own:9090/api/v1/otlp",
        );
        assert_eq!(url(None, &[]), None);
        assert_eq!(
            url(None, &[all]).as_deref(),
            Some("http://all:4318/otel/v1/metrics")
        );
        assert_eq!(
            url(None, &[all, own]).as_deref(),
            Some("http://own:9090/api/v1/otlp")
        );
        assert_eq!(
            url(Some("https://flag"), &[all, own]).as_deref(),
            Some("https://flag/v1/metrics")
        );
        assert_eq!(
            url(Some("http://flag:4318/v1/metrics"), &[]).as_deref(),
            Some("http://flag:4318/v1/metrics")
        );
        for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_METRICS_EXPORTER", "none")] {
            assert_eq!(url(None, &[all, off]), None);
            assert!(
                url(Some("http://flag"), &[off]).is_some(),
                "who says so here means it"
            );
        }
    }

    #[test]
    fn who_we_are_and_what_goes_along() {
        let settings = read(
            Some("http://h"),
            &[
                ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=1"),
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,team=load"),
                ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
            ],
        )
        .unwrap()
        .unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            (&settings.headers["api-key"], &settings.headers["x"]),
            (&"a b".parse().unwrap(), &"1".parse().unwrap())
        );
        assert_eq!(
            settings.resource[..2],
            [pair("service.name", "other"), pair("team", "load")]
        );
        assert_eq!(
            (settings.every, settings.timeout),
            (Duration::from_millis(500), TIMEOUT)
        );
        let named = read(
            Some("http://h"),
            &[
                ("OTEL_SERVICE_NAME", "mine"),
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other"),
            ],
        );
        assert_eq!(named.unwrap().unwrap().resource[0], pair("service.name", "mine"));
        assert!(!format!("{settings:?}").contains("a b"));
    }

    #[test]
    fn what_makes_no_sense_is_said_without_repeating_secrets() {
        for (flag, variables, said) in [
            (Some("collector:4318"), &[][..], "--otlp-endpoint"),
            (
                None,
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")][..],
                "OTEL_EXPORTER_OTLP_ENDPOINT: ",
            ),
            (
                Some("http://h"),
                &[("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")][..],
                "OTEL_EXPORTER_OTLP_HEADERS: it is a list",
            ),
            (
                Some("http://h"),
                &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")][..],
                "`grpc` is not spoken here",
            ),
            (
                Some("http://h"),
                &[("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd")][..],
                "OTEL_EXPORTER_OTLP_COMPRESSION: `zstd` is not known here",
            ),
            (
                Some("http://h"),
                &[("OTEL_METRIC_EXPORT_INTERVAL", "10s")][..],
                "OTEL_METRIC_EXPORT_INTERVAL: `10s` is not a number of milliseconds",
            ),
        ] {
            let error = read(flag, variables).unwrap_err();
            assert!(error.contains(said) && !error.contains("hunter2"), "{error}");
        }
    }
}
