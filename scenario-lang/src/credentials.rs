//! Who a user is to a server, as a script says it.
//!
//! In: the `auth` option, checked. Out: plain values, which are never shown.

use std::fmt;

/// Credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// HTTP Basic: user and password.
    Basic(String, String),
    /// A bearer token.
    Bearer(String),
    /// HTTP Digest (RFC 7616): user and password.
    Digest(String, String),
    /// AWS Signature Version 4.
    Aws(Box<AwsKeys>),
}

/// What signs a request to a service of Amazon's, or to one that speaks as those do.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// The id of the access key.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// Of temporary credentials.
    pub session_token: Option<String>,
    /// Where the service is, such as `us-east-1`.
    pub region: String,
    /// Its name as signatures have it, such as `s3` or `execute-api`.
    pub service: String,
}

impl fmt::Debug for AwsKeys {
    /// Never shows the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKeys")
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Auth {
    /// Never shows the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic(..) => "Basic(***)",
            Self::Bearer(_) => "Bearer(***)",
            Self::Digest(..) => "Digest(***)",
            Self::Aws(_) => "Aws(***)",
        })
    }
}
