//! The flags of the page.

use std::path::PathBuf;

use clap::{ArgAction, Args};

/// The page.
#[derive(Debug, Args)]
#[command(next_help_heading = "Web UI")]
pub(crate) struct WebArgs {
    /// Address the page is served on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) web_host: Option<String>,
    /// Its port, 0 for any free one [default: 8089]
    #[arg(short = 'P', long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) web_port: Option<String>,
    /// Ask who is there: users and API tokens from FILE, which `katydid passwd` writes
    #[arg(long, value_name = "FILE")]
    pub(crate) web_login: Option<PathBuf>,
    /// Certificate chain of the page, PEM: serves it over https
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A name by which browsers may call a page on loopback, as behind a proxy; repeatable
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    pub(crate) web_allowed_host: Vec<String>,
    /// Prefix of all its URLs, such as /load, behind a proxy
    #[arg(long, value_name = "PATH")]
    pub(crate) web_base_path: Option<String>,
    /// Start the test at once, without waiting for somebody on the page
    #[arg(long)]
    pub(crate) autostart: bool,
    /// End this process so many seconds after the test
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub(crate) autoquit: Option<String>,
    /// Let people choose user classes on the page
    #[arg(long)]
    pub(crate) class_picker: bool,
    /// Let people edit the scenario on a page that others than this machine can reach
    #[arg(long)]
    pub(crate) allow_edit: bool,
}
