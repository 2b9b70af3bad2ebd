//! A few HTTP calls to one server. TLS is trusted as the operating system trusts it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::exit::{Code, Failure};

/// The most bytes of an answer.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Connects to a URL's host, with TLS for `https` and `wss`.
pub(super) async fn connect(url: &Url) -> anyhow::Result<Box<dyn Stream>> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_secure = matches!(url.scheme(), "https" | "wss");
    let port = url.port_or_known_default().unwrap_or(if is_secure { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    if !is_secure {
        return Ok(Box::new(stream));
    }
    let name = rustls::pki_types::ServerName::try_from(host)?;
    Ok(Box::new(TlsConnector::from(tls()?).connect(name, stream).await?))
}

fn tls() -> anyhow::Result<Arc<rustls::ClientConfig>> {
    use rustls_platform_verifier::BuilderVerifierExt as _;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Makes one call on a connection of its own: a person does not type that fast.
pub(super) async fn call(
    method: Method,
    url: &Url,
    headers: &[(&'static str, String)],
    body: Bytes,
) -> Result<Response<Bytes>, Failure> {
    let target = url
        .query()
        .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = Request::builder().method(method).uri(target).header("host", url.authority());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request =
        request.body(Full::new(body)).map_err(|error| Failure::new(Code::Usage, error))?;
    send(url, request).await.map_err(|error| {
        let host = url.host_str().unwrap_or("-");
        Failure::new(Code::Unreachable, format!("{host} cannot be reached: {error:#}"))
    })
}

async fn send(url: &Url, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Bytes>> {
    let stream = connect(url).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
    drop(connection);
    Ok(Response::from_parts(head, body))
}
