//! Certificates for TLS servers in tests, good and bad.
//!
//! In: what is to be wrong with them. Out: a fresh authority and a certificate for `localhost` and `127.0.0.1` in PEM.
//! Nothing trusts the authority until a test says so (`SSL_CERT_FILE`).

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing: valid for whoever trusts the authority.
    None,
    /// Signed by itself instead of the authority.
    SelfSigned,
    /// Its time is over.
    Expired,
    /// Made out for another name.
    WrongName,
}

/// An authority and a server's certificate, as PEM texts.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority's certificate, to be trusted by clients.
    pub authority: String,
    /// The server's certificate.
    pub certificate: String,
    /// The server's private key.
    pub key: String,
}

impl Certificates {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// When the keys cannot be made.
    pub fn new(flaw: Flaw) -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "katydid test authority");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let names = match flaw {
            Flaw::WrongName => vec!["elsewhere.example".to_owned()],
            Flaw::None | Flaw::SelfSigned | Flaw::Expired => {
                vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
            }
        };
        let mut server = CertificateParams::new(names)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "katydid test server");
        if flaw == Flaw::Expired {
            server.not_before = date_time_ymd(2001, 1, 1);
            server.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate()?;
        let certificate = match flaw {
            Flaw::SelfSigned => server.self_signed(&key)?,
            Flaw::None | Flaw::Expired | Flaw::WrongName => server.signed_by(&key, &authority)?,
        };
        Ok(Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}
