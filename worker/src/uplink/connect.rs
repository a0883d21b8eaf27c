//! The way to the master: an address, what is presented there, and the stream over it.
//!
//! In: an [`Address`]. Out: a [`Link`], or an error that says whether trying again may help.

use std::time::Duration;

use katydid_protocol::fleet::{Hello, MasterMessage, WorkerMessage};
use katydid_protocol::wire::MAX_MESSAGE_BYTES;
use katydid_protocol::wire::proto;
use katydid_protocol::wire::proto::fleet_client::FleetClient;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status, Streaming};

use super::credentials::{ClientTls, CredentialFiles, Credentials, Way, Ways};
use super::error::UplinkError;

/// Messages under way to the master; more wait where they are made.
pub(super) const OUTGOING: usize = 16;
/// Time for a connection to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Time between two pings of a quiet connection, and the time an answer may take.
const PING_EVERY: Duration = Duration::from_secs(3);

/// Where the master is.
#[derive(Debug)]
pub enum Address {
    /// Over the network.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// TLS; `None` is plain text.
        tls: Option<ClientTls>,
        /// What lets this worker in.
        token: Option<String>,
        /// Where token and certificates were read from, if they are to be read again.
        files: Box<CredentialFiles>,
    },
    /// In this process. Such a connection is never replaced.
    Pipe(DuplexStream),
}

/// A client that presents the token.
pub(super) type Client = FleetClient<InterceptedService<Channel, Present>>;

/// Puts the token on each call.
#[derive(Debug, Clone)]
pub(super) struct Present(Option<MetadataValue<Ascii>>);

impl Interceptor for Present {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A stream to the master.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) outgoing: mpsc::Sender<WorkerMessage>,
    pub(super) incoming: Streaming<proto::MasterMessage>,
    pub(super) client: Client,
}

/// Why there is no link.
#[derive(Debug)]
pub(super) struct NoLink {
    /// For a person.
    pub(super) why: String,
    /// Whether it is no use to try again.
    pub(super) is_final: bool,
    /// Whether the master did not like the token, which comes from a file and may be another one soon.
    pub(super) is_refusal: bool,
}

/// Makes connections to one master.
#[derive(Debug)]
pub(super) struct Connector {
    ways: Ways,
    pipe: Option<DuplexStream>,
    is_pipe: bool,
    /// For people.
    pub(super) name: String,
}

impl Connector {
    pub(super) fn new(address: Address) -> Result<Self, UplinkError> {
        let nothing = Credentials {
            token: None,
            tls: None,
        };
        let (host, port, first, files, pipe) = match address {
            Address::Tcp {
                host,
                port,
                tls,
                token,
                files,
            } => (host, port, Credentials { token, tls }, files, None),
            Address::Pipe(pipe) => ("localhost".to_owned(), 0, nothing, Box::default(), Some(pipe)),
        };
        let bracketed = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let scheme = if first.tls.is_some() { "https" } else { "http" };
        let name = format!("{bracketed}:{port}");
        let uri: Uri = format!("{scheme}://{name}")
            .parse()
            .map_err(|_| UplinkError::Settings(format!("`{host}` is no host name: see --master-host")))?;
        let base = Endpoint::from(uri)
            .connect_timeout(CONNECT_WITHIN)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_EVERY)
            .keep_alive_while_idle(true);
        Ok(Self {
            ways: Ways::new(base, first, *files).map_err(UplinkError::Settings)?,
            is_pipe: pipe.is_some(),
            pipe,
            name,
        })
    }

    /// Whether a connection that broke may be replaced.
    pub(super) fn may_return(&self) -> bool {
        !self.is_pipe
    }

    /// Connects and says hello.
    pub(super) fn connect(
        &mut self,
        hello: Hello,
    ) -> impl Future<Output = Result<Link, NoLink>> + Send + use<> {
        let (ways, pipe) = (self.ways.clone(), self.pipe.take());
        let (name, is_pipe) = (self.name.clone(), self.is_pipe);
        async move {
            let Way { endpoint, token } = ways.newest().await;
            let channel = match pipe {
                Some(pipe) => {
                    let mut pipe = Some(hyper_util::rt::TokioIo::new(pipe));
                    let connector = tower::service_fn(move |_: Uri| {
                        let pipe = pipe.take();
                        async { pipe.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected)) }
                    });
                    endpoint.connect_with_connector(connector).await
                }
                None if is_pipe => {
                    return Err(NoLink {
                        why: "the master in this process is gone".to_owned(),
                        is_final: true,
                        is_refusal: false,
                    });
                }
                None => endpoint.connect().await,
            };
            let channel = channel.map_err(|error| NoLink {
                why: format!("cannot connect to the master at {name}: {}", reasons(&error)),
                is_final: false,
                is_refusal: false,
            })?;
            let joined = join(channel, Present(token), hello).await;
            joined.map_err(|failure| match ways.token_file() {
                Some(file) if failure.is_refusal => NoLink {
                    why: format!(
                        "{}; it is read from {} before each attempt",
                        failure.why,
                        file.display()
                    ),
                    is_final: false,
                    is_refusal: true,
                },
                _ => failure,
            })
        }
    }
}

async fn join(channel: Channel, present: Present, hello: Hello) -> Result<Link, NoLink> {
    let mut client = FleetClient::with_interceptor(channel, present)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let (outgoing, messages) = mpsc::channel(OUTGOING);
    // There is room: it is the first.
    drop(outgoing.try_send(WorkerMessage::Hello(hello)));
    let messages =
        ReceiverStream::new(messages).map(|message: WorkerMessage| proto::WorkerMessage::from(&message));
    match client.join(messages).await {
        Ok(response) => Ok(Link {
            outgoing,
            incoming: response.into_inner(),
            client,
        }),
        Err(status) => Err(NoLink {
            why: status.message().to_owned(),
            is_final: matches!(
                status.code(),
                Code::Unauthenticated
                    | Code::PermissionDenied
                    | Code::FailedPrecondition
                    | Code::InvalidArgument
                    | Code::Unimplemented
            ),
            is_refusal: status.code() == Code::Unauthenticated,
        }),
    }
}

/// A message of the master; `None` when the connection has ended.
pub(super) async fn next(
    incoming: &mut Streaming<proto::MasterMessage>,
) -> Result<Option<MasterMessage>, String> {
    match incoming.message().await {
        Ok(Some(message)) => match MasterMessage::try_from(message) {
            Ok(message) => Ok(Some(message)),
            Err(error) => Err(format!("the master sent what makes no sense: {error}")),
        },
        Ok(None) => Ok(None),
        Err(status) => Err(status.message().to_owned()),
    }
}

/// An error and what caused it, without repetitions.
fn reasons(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    parts.last().cloned().unwrap_or_default()
}
