//! The way to an IMAP server: TCP, TLS, login.

use super::MailError;
use super::address::Server;
use async_imap::imap_proto::{Capability, Response, Status};
use async_imap::types::UnsolicitedResponse;
use async_imap::{Authenticator, Client, Session, error::Error};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use secrecy::ExposeSecret;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What bytes run over, with or without TLS.
pub(super) type Wire = Box<dyn Bytes>;

pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug> Bytes for T {}

/// Connects and logs in. The caller holds the time-out.
pub(super) async fn connect(server: &Server) -> Result<Session<Wire>, MailError> {
    let tcp = TcpStream::connect((server.host.as_str(), server.port)).await?;
    tcp.set_nodelay(true)?;
    if server.tls {
        let mut client = Client::new(secured(Box::new(tcp), server).await?);
        greeted(&mut client).await?;
        return login(client, server).await;
    }
    let is_own_machine = tcp.peer_addr()?.ip().to_canonical().is_loopback();
    let mut client = Client::new(Box::new(tcp) as Wire);
    greeted(&mut client).await?;
    let offers = capabilities(&mut client).await?;
    if is_own_machine && server.ca_file.is_none() && !offers.contains("LOGINDISABLED") {
        return login(client, server).await;
    }
    if !offers.contains("STARTTLS") {
        return Err(MailError::Untrusted(
            "it offers no TLS here (no STARTTLS); write imaps:// if it does there".into(),
        ));
    }
    client.run_command_and_check_ok("STARTTLS", None).await.map_err(|error| of(&error, "STARTTLS"))?;
    // What came in clear behind the server's OK is dropped with the client's buffer: nobody can slip in an answer.
    login(Client::new(secured(client.into_inner(), server).await?), server).await
}

/// What the server says it can do, in upper case.
#[derive(Default)]
pub(super) struct Capabilities(Vec<String>);

impl Capabilities {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    /// From the answers to `CAPABILITY`.
    pub(super) fn of(answers: &[UnsolicitedResponse]) -> Self {
        let mut names = Vec::new();
        for answer in answers {
            let UnsolicitedResponse::Other(data) = answer else { continue };
            let Response::Capabilities(known) = data.parsed() else { continue };
            names.extend(known.iter().map(|capability| match capability {
                Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
                Capability::Auth(name) => format!("AUTH={}", name.to_ascii_uppercase()),
                Capability::Atom(name) => name.to_ascii_uppercase(),
            }));
        }
        Self(names)
    }
}

/// In words that hold nothing of what the server said, which may name the user or quote a mail.
pub(super) fn of(error: &Error, command: &str) -> MailError {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::Other => {
            MailError::Protocol(format!("its answer to {command} cannot be read"))
        }
        Error::Io(error) => MailError::Unreachable(error.kind().to_string()),
        Error::ConnectionLost => MailError::Unreachable("the connection was closed".to_owned()),
        Error::No(_) => MailError::Protocol(format!("it refused {command}")),
        Error::Bad(_) => MailError::Protocol(format!("it does not understand {command}")),
        _ => MailError::Protocol(format!("it cannot be asked for {command}")),
    }
}

async fn secured(wire: Wire, server: &Server) -> Result<Wire, MailError> {
    let name = ServerName::try_from(server.host.clone());
    let name = name.map_err(|_| MailError::Untrusted("its name is none that a certificate can hold".to_owned()))?;
    let config = completeness(server.ca_file.as_deref()).await?;
    match TlsConnector::from(Arc::new(config)).connect(name, wire).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error @ rustls::Error::InvalidCertificate(_)) => Err(MailError::Untrusted(error.to_string())),
            Some(_) => Err(MailError::Untrusted("it does not speak TLS as it should".to_owned())),
            None => Err(error.into()),
        },
    }
}

/// The system's own certificates, as for HTTP, and those in the file.
async fn completeness(ca_file: Option<&Path>) -> Result<ClientConfig, MailError> {
    let unset = |error: rustls::Error| MailError::Untrusted(error.to_string());
    let extra = match ca_file {
        None => Vec::new(),
        Some(path) => certificates(path).await?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(unset)?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unset)?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

async fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MailError> {
    let unread = |why: String| MailError::Untrusted(format!("the file of CA certificates cannot be read: {why}"));
    let text = tokio::fs::read(path).await.map_err(|error| unread(error.kind().to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unread("it holds no certificate in PEM".to_owned())),
    }
}

async fn greeted(client: &mut Client<Wire>) -> Result<(), MailError> {
    let greeting = client.read_response().await.map_err(|error| of(&error.into(), "greeting"))?;
    let greeting = greeting.ok_or_else(|| MailError::Unreachable("the connection was closed".to_owned()))?;
    match greeting.parsed() {
        Response::Data { status: Status::Ok, .. } => Ok(()),
        Response::Data { status: Status::Bye, .. } => {
            Err(MailError::Unreachable("the server takes no connection now".to_owned()))
        }
        // A server that greets as if one had logged in already could be somebody in between, keeping TLS off.
        _ => Err(MailError::Protocol("its greeting is none".to_owned())),
    }
}

async fn capabilities(client: &mut Client<Wire>) -> Result<Capabilities, MailError> {
    let (into, from) = async_channel::unbounded();
    let asked = client.run_command_and_check_ok("CAPABILITY", Some(into)).await;
    asked.map_err(|error| of(&error, "CAPABILITY"))?;
    Ok(Capabilities::of(&std::iter::from_fn(|| from.try_recv().ok()).collect::<Vec<_>>()))
}

/// By SASL where the server can, because only there a password may hold more than ASCII.
async fn login(mut client: Client<Wire>, server: &Server) -> Result<Session<Wire>, MailError> {
    let offers = capabilities(&mut client).await?;
    let logged_in = if offers.contains("AUTH=PLAIN") {
        client.authenticate("PLAIN", Plain(server)).await
    } else if offers.contains("LOGINDISABLED") {
        return Err(MailError::Protocol("it offers no login by password".to_owned()));
    } else {
        client.login(&server.user, server.password.expose_secret()).await
    };
    logged_in.map_err(|(error, _)| match &error {
        // "UNAVAILABLE: Temporary failure because a subsystem is down" (RFC 5530, 3), and the server's own limits.
        Error::No(text) if ["UNAVAILABLE", "INUSE", "LIMIT"].iter().any(|code| text.contains(code)) => {
            MailError::Unreachable("the server can let nobody in now".to_owned())
        }
        Error::No(_) => MailError::LoginRefused,
        _ => of(&error, "login"),
    })
}

/// Says user and password as RFC 4616 has it.
struct Plain<'a>(&'a Server);

impl Authenticator for Plain<'_> {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        format!("\0{}\0{}", self.0.user, self.0.password.expose_secret())
    }
}
