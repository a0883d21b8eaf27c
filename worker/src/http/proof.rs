//! Credentials that depend on the request, or on what the server asks: HTTP Digest, and signatures as Amazon's services
//! want them.
//!
//! In: who a script says the user is, a message about to be sent, and perhaps the challenge of a server. Out: the
//! message with its `authorization`, and whatever headers belong to that.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use http::header::{self, HeaderName, HeaderValue};
use katydid_scenario_lang::host::{Auth, AwsKeys};

use super::message::Message;
use super::origin::{Origin, secret_header};
use super::response::Answer;

/// Who a user is, to servers that want more than a header that is always the same.
#[derive(Clone)]
pub(super) enum Proof {
    Digest(String, String),
    Aws(Box<AwsKeys>),
}

/// What a server has asked of a user, for its next requests too.
pub(super) struct Challenge {
    origin: Rc<Origin>,
    prompt: WwwAuthenticateHeader,
}

// === impl Proof ===

impl Proof {
    /// The proof these credentials ask for; `None` for those that are always the same header.
    pub(super) fn of(auth: &Auth) -> Option<Self> {
        match auth {
            Auth::Basic(..) | Auth::Bearer(_) => None,
            Auth::Digest(user, password) => Some(Self::Digest(user.clone(), password.clone())),
            Auth::Aws(keys) => Some(Self::Aws(keys.clone())),
        }
    }

    /// Puts the proof into a message, as far as it can be given: Digest needs a challenge first.
    ///
    /// # Errors
    ///
    /// What makes it impossible, for people.
    pub(super) fn apply(
        &self,
        challenge: Option<&mut Box<Challenge>>,
        message: &mut Message,
    ) -> Result<(), String> {
        match self {
            Self::Digest(user, password) => {
                let origin = &message.target.profile.origin;
                let Some(challenge) = challenge.filter(|known| Origin::same(&known.origin, origin)) else {
                    return Ok(());
                };
                message.auth = Some(answered(&mut challenge.prompt, user, password, message)?);
                Ok(())
            }
            Self::Aws(keys) => signed(keys, SystemTime::now(), message),
        }
    }

    /// What an answer asks for before it lets a user in; `None` when it asks for nothing we can give.
    pub(super) fn challenged(&self, message: &Message, answer: &Answer) -> Option<Box<Challenge>> {
        if answer.status != 401 || matches!(self, Self::Aws(_)) {
            return None;
        }
        // Servers name what they like best first.
        let prompt = answer
            .headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter(|text| {
                text.get(..7)
                    .is_some_and(|scheme| scheme.eq_ignore_ascii_case("digest "))
            })
            .find_map(|text| digest_auth::parse(text).ok())?;
        Some(Box::new(Challenge {
            origin: Rc::clone(&message.target.profile.origin),
            prompt,
        }))
    }
}

impl fmt::Debug for Proof {
    /// Never shows the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digest(..) => "Digest(***)",
            Self::Aws(_) => "Aws(***)",
        })
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// The answer to a challenge (RFC 7616); each gets a count of its own.
fn answered(
    prompt: &mut WwwAuthenticateHeader,
    user: &str,
    password: &str,
    message: &Message,
) -> Result<HeaderValue, String> {
    let body = message.body.as_ref().map(|body| body.whole());
    let body = body.as_deref().map(Cow::Borrowed);
    let context = AuthContext::new_with_method(
        user,
        password,
        message.target.path.as_str(),
        body,
        HttpMethod(Cow::Borrowed(message.method.as_str())),
    );
    let text = prompt
        .respond(&context)
        .map_err(|error| format!("the server's digest challenge cannot be answered: {error}"))?
        .to_header_string();
    secret_header(&text)
}

/// Signs a message with AWS Signature Version 4.
fn signed(keys: &AwsKeys, now: SystemTime, message: &mut Message) -> Result<(), String> {
    let impossible = |error: &dyn fmt::Display| format!("the request cannot be signed: {error}");
    let credentials = Credentials::new(
        keys.access_key.as_str(),
        keys.secret_key.as_str(),
        keys.session_token.clone(),
        None,
        "katydid",
    );
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    if keys.service == "s3" {
        // S3 takes paths as they are, and wants to know what the body is.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&keys.region)
        .name(&keys.service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| impossible(&error))?
        .into();
    let profile = &message.target.profile;
    let url = format!("{}{}", profile.origin.url(), message.target.path);
    let host = message
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or(&profile.origin.authority);
    let own = message.headers.iter().filter(|(name, _)| is_signed(name));
    let headers: Vec<(&str, &str)> = std::iter::once(("host", host))
        .chain(own.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))))
        .collect();
    let body = message.body.as_ref().map(|body| body.whole()).unwrap_or_default();
    let request = SignableRequest::new(
        message.method.as_str(),
        url,
        headers.into_iter(),
        SignableBody::Bytes(&body),
    )
    .map_err(|error| impossible(&error))?;
    let (instructions, _) = sign(request, &params)
        .map_err(|error| impossible(&error))?
        .into_parts();
    let (headers, _) = instructions.into_parts();
    for header in headers {
        let value = secret_header(header.value())?;
        if header.name() == header::AUTHORIZATION.as_str() {
            message.auth = Some(value);
        } else {
            let name =
                HeaderName::from_bytes(header.name().as_bytes()).map_err(|error| impossible(&error))?;
            message.headers.insert(name, value);
        }
    }
    Ok(())
}

/// What a signature covers besides the host: what says what the body is, and what is Amazon's own.
fn is_signed(name: &HeaderName) -> bool {
    *name == header::CONTENT_TYPE
        || name.as_str().starts_with("x-amz-")
            // Ours of an earlier attempt would be there twice.
            && !matches!(name.as_str(), "x-amz-date" | "x-amz-security-token" | "x-amz-content-sha256")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use katydid_scenario_lang::{HttpDefaults, LeanHeaders};

    use super::super::base::Base;
    use super::super::target::Target;
    use super::super::tests::support::thread;
    use super::*;

    fn message(url: &str, path: &str) -> Message {
        let thread = thread();
        let base = Base::parse(url).unwrap();
        Message {
            method: Method::GET,
            target: Target {
                profile: thread
                    .base_profile(&base, &Rc::new(HttpDefaults::default()))
                    .unwrap(),
                path: path.into(),
                auth: None,
            },
            headers: LeanHeaders::default(),
            auth: None,
            body: None,
            is_foreign: false,
            trace: None,
        }
    }

    /// The example of Amazon's documentation ("Create a signed AWS API request"), with its own secret.
    #[test]
    fn a_signature_is_the_documented_one() {
        let mut message = message(
            "https://iam.amazonaws.com",
            "/?Action=ListUsers&Version=2010-05-08",
        );
        message.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
        );
        let keys = AwsKeys {
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
            region: "us-east-1".into(),
            service: "iam".into(),
        };
        // 2015-08-30T12:36:00Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        signed(&keys, now, &mut message).unwrap();
        assert_eq!(
            message.auth.unwrap(),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
        assert_eq!(message.headers.get("x-amz-date").unwrap(), "20150830T123600Z");
    }

    /// The example of RFC 7616, 3.9.1.
    #[test]
    fn a_digest_is_the_documented_one() {
        let message = message("http://www.example.org", "/dir/index.html");
        let mut prompt = digest_auth::parse(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        )
        .unwrap();
        let text = answered(&mut prompt, "Mufasa", "Circle of Life", &message).unwrap();
        let text = text.to_str().unwrap();
        assert!(text.starts_with("Digest username=\"Mufasa\""), "{text}");
        assert!(
            text.contains("uri=\"/dir/index.html\"") && text.contains("nc=00000001"),
            "{text}"
        );
        let again = answered(&mut prompt, "Mufasa", "Circle of Life", &message).unwrap();
        assert!(again.to_str().unwrap().contains("nc=00000002"));
    }
}
