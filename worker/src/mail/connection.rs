//! Connects to an IMAP server: TCP, TLS and login.

use super::address::Server;
use super::credential::{Credential, access_token, xoauth2};
use super::error::MailError;
use async_imap::imap_proto::{Capability, Response, Status};
use async_imap::types::UnsolicitedResponse;
use async_imap::{Authenticator, Client, Session, error::Error};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection with or without TLS.
pub(super) type Transport = Box<dyn ByteStream>;

pub(super) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug> ByteStream for T {}

/// Connects and logs in. The caller sets the time-out.
pub(super) async fn connect(server: &Server) -> Result<Session<Transport>, MailError> {
    let tcp = TcpStream::connect((server.host.as_str(), server.port)).await?;
    tcp.set_nodelay(true)?;
    if server.tls {
        let mut client = Client::new(start_tls(Box::new(tcp), server).await?);
        read_greeting(&mut client).await?;
        return login(client, server).await;
    }
    let is_local = tcp.peer_addr()?.ip().to_canonical().is_loopback();
    let mut client = Client::new(Box::new(tcp) as Transport);
    read_greeting(&mut client).await?;
    let offers = capabilities(&mut client).await?;
    if is_local && server.ca_file.is_none() && !offers.contains("LOGINDISABLED") {
        return login(client, server).await;
    }
    if !offers.contains("STARTTLS") {
        return Err(MailError::Untrusted(
            "the server does not offer STARTTLS on this port; write imaps:// if it offers TLS on another".into(),
        ));
    }
    client.run_command_and_check_ok("STARTTLS", None).await.map_err(|error| mail_error(&error, "STARTTLS"))?;
    // Unencrypted bytes after the server's OK are dropped with the client's buffer, so that no answer can be injected.
    login(Client::new(start_tls(client.into_inner(), server).await?), server).await
}

/// The server's capabilities, in upper case.
#[derive(Default)]
pub(super) struct Capabilities(Vec<String>);

impl Capabilities {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|capability| capability == name)
    }

    /// The capabilities in the answers to `CAPABILITY`.
    pub(super) fn parse(answers: &[UnsolicitedResponse]) -> Self {
        let mut names = Vec::new();
        for answer in answers {
            let UnsolicitedResponse::Other(data) = answer else { continue };
            let Response::Capabilities(capabilities) = data.parsed() else { continue };
            names.extend(capabilities.iter().map(|capability| match capability {
                Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
                Capability::Auth(name) => format!("AUTH={}", name.to_ascii_uppercase()),
                Capability::Atom(name) => name.to_ascii_uppercase(),
            }));
        }
        Self(names)
    }
}

/// The error of a command. Its text holds nothing of the server's answer, which may name the user or quote a mail.
pub(super) fn mail_error(error: &Error, command: &str) -> MailError {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::Other => {
            MailError::Protocol(format!("its answer to {command} cannot be parsed"))
        }
        Error::Io(error) => MailError::Unreachable(error.kind().to_string()),
        Error::ConnectionLost => MailError::Unreachable("the connection was closed".to_owned()),
        Error::No(_) => MailError::Protocol(format!("it refused {command}")),
        Error::Bad(_) => MailError::Protocol(format!("it does not understand {command}")),
        _ => MailError::Protocol(format!("{command} failed")),
    }
}

/// Encrypts the connection and verifies the server's certificate.
async fn start_tls(transport: Transport, server: &Server) -> Result<Transport, MailError> {
    let name = ServerName::try_from(server.host.clone());
    let name = name.map_err(|_| MailError::Untrusted("no certificate can be valid for its host name".to_owned()))?;
    let config = tls_config(server.ca_file.as_deref()).await?;
    match TlsConnector::from(Arc::new(config)).connect(name, transport).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error @ rustls::Error::InvalidCertificate(_)) => Err(MailError::Untrusted(error.to_string())),
            Some(_) => Err(MailError::Untrusted("the TLS handshake failed".to_owned())),
            None => Err(error.into()),
        },
    }
}

/// A TLS configuration that trusts the system's certificates, as for HTTP, and those in `ca_file`.
async fn tls_config(ca_file: Option<&Path>) -> Result<ClientConfig, MailError> {
    let untrusted = |error: rustls::Error| MailError::Untrusted(error.to_string());
    let extra = match ca_file {
        None => Vec::new(),
        Some(path) => certificates(path).await?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(untrusted)?;
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(untrusted)?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

async fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MailError> {
    let unreadable =
        |reason: String| MailError::Untrusted(format!("the file of CA certificates cannot be read: {reason}"));
    let text = tokio::fs::read(path).await.map_err(|error| unreadable(error.kind().to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unreadable("it holds no certificate in PEM format".to_owned())),
    }
}

/// Reads the server's greeting; it must be OK.
async fn read_greeting(client: &mut Client<Transport>) -> Result<(), MailError> {
    let greeting = client.read_response().await.map_err(|error| mail_error(&error.into(), "greeting"))?;
    let greeting = greeting.ok_or_else(|| MailError::Unreachable("the connection was closed".to_owned()))?;
    match greeting.parsed() {
        Response::Data { status: Status::Ok, .. } => Ok(()),
        Response::Data { status: Status::Bye, .. } => {
            Err(MailError::Unreachable("the server accepts no connection at the moment".to_owned()))
        }
        // PREAUTH claims an existing login. It may come from an attacker who wants to prevent TLS.
        _ => Err(MailError::Protocol("its greeting is not OK".to_owned())),
    }
}

async fn capabilities(client: &mut Client<Transport>) -> Result<Capabilities, MailError> {
    let (into, from) = async_channel::unbounded();
    let result = client.run_command_and_check_ok("CAPABILITY", Some(into)).await;
    result.map_err(|error| mail_error(&error, "CAPABILITY"))?;
    Ok(Capabilities::parse(&std::iter::from_fn(|| from.try_recv().ok()).collect::<Vec<_>>()))
}

/// Logs in by what the settings give.
async fn login(mut client: Client<Transport>, server: &Server) -> Result<Session<Transport>, MailError> {
    let offers = capabilities(&mut client).await?;
    let logged_in = match &server.credential {
        Credential::Password(password) => {
            // By SASL if the server supports it: only SASL permits passwords with non-ASCII characters.
            if offers.contains("AUTH=PLAIN") {
                client.authenticate("PLAIN", Plain { user: &server.user, password }).await
            } else if offers.contains("LOGINDISABLED") {
                return Err(MailError::Protocol("it does not permit a login by password".to_owned()));
            } else {
                client.login(&server.user, password.expose_secret()).await
            }
        }
        Credential::TokenCommand(command) => {
            if !offers.contains("AUTH=XOAUTH2") {
                return Err(MailError::Protocol("it does not permit a login by access token (XOAUTH2)".to_owned()));
            }
            let token = access_token(command).await?;
            client.authenticate("XOAUTH2", XOAuth2(Some(xoauth2(&server.user, &token)))).await
        }
    };
    logged_in.map_err(|(error, _)| match &error {
        // "UNAVAILABLE: Temporary failure because a subsystem is down" (RFC 5530, 3), and the server's own limits.
        Error::No(text) if ["UNAVAILABLE", "INUSE", "LIMIT"].iter().any(|code| text.contains(code)) => {
            MailError::Unreachable("the server permits no login at the moment".to_owned())
        }
        Error::No(_) => MailError::LoginRefused,
        _ => mail_error(&error, "login"),
    })
}

/// User and password for SASL PLAIN (RFC 4616).
struct Plain<'a> {
    user: &'a str,
    password: &'a SecretString,
}

impl Authenticator for Plain<'_> {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        format!("\0{}\0{}", self.user, self.password.expose_secret())
    }
}

/// The first message of XOAUTH2. A second challenge holds the reason of a refusal; an empty answer lets the server end.
struct XOAuth2(Option<String>);

impl Authenticator for XOAuth2 {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        self.0.take().unwrap_or_default()
    }
}
