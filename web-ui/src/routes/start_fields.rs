//! What the fields of a form ask for.
//!
//! In: names and values as a browser, or a script written for Locust, posts them. Out: a [`StartRequest`], or what is
//! wrong with each field.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use katydid_protocol::format::parse_duration;
use katydid_protocol::plan::MAX_USERS;
use katydid_protocol::stage::{ParameterInfo, Refusal, StartField, StartRequest};

/// The prefix of fields that are the scenario's parameters.
pub(crate) const PARAMETER: &str = "param.";
/// The fields that are the form's own: a parameter of such a name needs its prefix.
const OWN: [&str; 9] = [
    "user_count",
    "spawn_rate",
    "host",
    "run_time",
    "stop_timeout",
    "user_classes",
    "in_dialog",
    // Locust's, without a meaning here.
    "shape_class",
    "profile",
];
/// What Locust says about times it cannot read.
const RUN_TIME_FORMATS: &str = "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.";

/// The fields of a form, in order; a name may come more than once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = (StatusCode, String);

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| (error.status(), format!("{}\n", error.body_text())))?;
        Ok(Self::parse(&body))
    }
}

impl Fields {
    /// Reads a form, percent-encoded.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    /// The value of a field that comes once; the last one if it does not.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().rev().find(|(field, _)| field == name)?;
        Some(&field.1)
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let of_name = self.0.iter().filter(|(field, _)| field == name);
        of_name.map(|(_, value)| value.clone()).collect()
    }

    /// The scenario's parameters among the fields.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(|(field, value)| Some((field.strip_prefix(PARAMETER)?, value.as_str())))
    }

    /// Those of a scenario's parameters that come without the prefix, as Locust's page and scripts post them.
    fn bare_parameters(&self, known: &[ParameterInfo]) -> impl Iterator<Item = (&str, &str)> {
        let is_one =
            |field: &str| !OWN.contains(&field) && known.iter().any(|parameter| parameter.name == field);
        let fields = self.0.iter().filter(move |(field, _)| is_one(field));
        fields.map(|(field, value)| (field.as_str(), value.as_str()))
    }

    /// What they ask for of a scenario with these `parameters`, as far as it can be read, and what is wrong.
    ///
    /// An empty stop timeout is none; an empty run time is no end, an empty host the scenario's own.
    pub(crate) fn request(
        &self,
        class_picker: bool,
        parameters: &[ParameterInfo],
    ) -> (StartRequest, Vec<Refusal>) {
        let mut refusals = Vec::new();
        let mut request = StartRequest {
            host: self.one("host").map(|_| self.filled("host").map(str::to_owned)),
            // Of a name that comes twice the last one counts: the one with the prefix.
            parameters: self
                .bare_parameters(parameters)
                .chain(self.parameters())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            ..StartRequest::default()
        };
        if let Some(text) = self.one("user_count") {
            match users(text) {
                Ok(users) => request.users = Some(users),
                Err(why) => refusals.push(Refusal::of(StartField::Users, why)),
            }
        }
        if let Some(text) = self.one("spawn_rate") {
            match rate(text) {
                Ok(rate) => request.spawn_rate = Some(rate),
                Err(why) => refusals.push(Refusal::of(StartField::SpawnRate, why)),
            }
        }
        if let Some(text) = self.one("run_time") {
            match text.trim() {
                "" => request.run_time = Some(None),
                text => match parse_duration(text) {
                    Ok(time) if !time.is_zero() => request.run_time = Some(Some(time)),
                    _ => refusals.push(Refusal::of(StartField::RunTime, RUN_TIME_FORMATS)),
                },
            }
        }
        if let Some(text) = self.filled("stop_timeout") {
            match parse_duration(text) {
                Ok(time) => request.stop_timeout = Some(time),
                Err(why) => refusals.push(Refusal::of(StartField::StopTimeout, why)),
            }
        }
        let classes = self.all("user_classes");
        if class_picker && !classes.is_empty() {
            request.classes = Some(classes);
        }
        (request, refusals)
    }

    fn filled(&self, name: &str) -> Option<&str> {
        self.one(name).map(str::trim).filter(|text| !text.is_empty())
    }
}

fn users(text: &str) -> Result<u32, String> {
    let shown = shown(text);
    // Locust's own page sends `10`, scripts also `10.0`.
    let text = text.trim();
    let whole = text.strip_suffix(".0").unwrap_or(text);
    match whole.parse::<u64>() {
        Ok(0) => Err("at least 1 user is needed".to_owned()),
        Ok(users) if users > u64::from(MAX_USERS) => {
            let most = katydid_protocol::format::count(u64::from(MAX_USERS));
            Err(format!("a run has {most} users at most"))
        }
        Ok(users) => u32::try_from(users).map_err(|error| error.to_string()),
        Err(_) => Err(format!("{shown} is not a whole number of users, such as 100")),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        Ok(_) => Err(format!("{} is not above 0", shown(text))),
        Err(_) => Err(format!(
            "{} is not a number of users per second, such as 10 or 0.5",
            shown(text)
        )),
    }
}

/// What was typed, short enough to be said back.
fn shown(text: &str) -> String {
    const CHARACTERS: usize = 40;
    let text = text.trim();
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let short: String = text.chars().take(CHARACTERS).collect();
    if short.len() < text.len() {
        format!("`{short}…`")
    } else {
        format!("`{short}`")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(body: &str) -> (StartRequest, Vec<String>) {
        let known = ["color", "host"].map(|name| ParameterInfo {
            name: name.to_owned(),
            default: None,
        });
        let (request, refusals) = Fields::parse(body.as_bytes()).request(true, &known);
        let messages = refusals.into_iter().map(|refusal| refusal.message);
        (request, messages.collect())
    }

    #[test]
    fn a_form_is_read() {
        let body = "user_count=10&spawn_rate=0.5&host=http%3A%2F%2Fx&run_time=1h30m&stop_timeout=5s&user_classes=A&\
                    user_classes=B&param.color=red+hot";
        let (request, refusals) = request(body);
        assert_eq!(refusals, [""; 0]);
        let wanted = StartRequest {
            users: Some(10),
            spawn_rate: Some(0.5),
            host: Some(Some("http://x".to_owned())),
            run_time: Some(Some(Duration::from_secs(5_400))),
            stop_timeout: Some(Duration::from_secs(5)),
            classes: Some(vec!["A".to_owned(), "B".to_owned()]),
            parameters: [("color".to_owned(), "red hot".to_owned())].into(),
        };
        assert_eq!(request, wanted);
    }

    #[test]
    fn what_is_absent_stays_and_what_is_empty_is_none() {
        assert_eq!(request("").0, StartRequest::default());
        let (request, refusals) = request("host=&run_time=&stop_timeout=");
        assert_eq!(refusals, [""; 0]);
        assert_eq!((request.host, request.run_time), (Some(None), Some(None)));
        assert_eq!(request.stop_timeout, None);
    }

    #[test]
    fn parameters_come_with_their_prefix_or_as_locust_posts_them() {
        let color = |body: &str| request(body).0.parameters.get("color").cloned();
        assert_eq!(color("color=red").as_deref(), Some("red"));
        assert_eq!(color("color=red&color=blue").as_deref(), Some("blue"));
        assert_eq!(color("param.color=red&color=blue").as_deref(), Some("red"));
        let (request, refusals) = request("colour=red&shape_class=Default&host=http%3A%2F%2Fx&param.host=y");
        assert_eq!(refusals, [""; 0]);
        assert_eq!(request.host, Some(Some("http://x".to_owned())));
        assert_eq!(request.parameters, [("host".to_owned(), "y".to_owned())].into());
    }

    #[test]
    fn everything_wrong_is_said() {
        let (_, refusals) = request("user_count=abc&spawn_rate=nan&run_time=bad&stop_timeout=-1");
        assert_eq!(refusals.len(), 4, "{refusals:?}");
        assert_eq!(refusals[2], RUN_TIME_FORMATS);
        for body in [
            "user_count=0",
            "user_count=-1",
            "user_count=1.5",
            "user_count=99999999999999999999999",
            "spawn_rate=0",
            "spawn_rate=-3",
            "spawn_rate=inf",
            "spawn_rate=",
            "run_time=0",
        ] {
            assert_eq!(request(body).1.len(), 1, "{body}");
        }
        assert!(request("user_count=10.0").1.is_empty());
    }
}
