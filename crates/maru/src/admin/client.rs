//! The command line's side of the admin API.

use std::path::{Path, PathBuf};

use axum::Router;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tower::ServiceExt as _;

use crate::config::Config;
use crate::engines;
use crate::exit::{Code, Failure};
use crate::folder::{Folder, Paths};
use crate::parts::Parts;

/// Reaches the API of a data folder: over the socket of the server that holds it, or by opening
/// the folder itself when nobody does.
pub struct Client {
    way: Way,
}

enum Way {
    Socket(PathBuf),
    InProcess { router: Router, parts: Box<Parts>, _folder: Folder },
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let way = match &self.way {
            Way::Socket(path) => path.display().to_string(),
            Way::InProcess { .. } => "in process".to_owned(),
        };
        f.debug_tuple("Client").field(&way).finish()
    }
}

impl Client {
    /// Of the folder that the configuration names.
    ///
    /// # Errors
    /// [`Code::Unreachable`] when another process holds the folder and does not answer.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        if let Some(client) = Self::connect(&config.data).await {
            return Ok(client);
        }
        let is_own = engines::is_own_store(config)?;
        // What is kept elsewhere needs a folder for this verb alone.
        let folder = if is_own { Folder::hold(&config.data) } else { Folder::make(&config.data) }?;
        if is_own && !folder.paths().database().exists() {
            let message = format!("there is no data in {}", config.data.display());
            return Err(Failure::new(Code::NotFound, message));
        }
        let parts = Parts::open(config, folder.paths(), None).await?;
        let router = super::router(parts.admin(None));
        Ok(Self { way: Way::InProcess { router, parts: Box::new(parts), _folder: folder } })
    }

    /// Of a running server alone. `None` if there is none.
    pub async fn connect(folder: &Path) -> Option<Self> {
        let socket = Paths::of(folder).admin_socket();
        UnixStream::connect(&socket).await.ok()?;
        Some(Self { way: Way::Socket(socket) })
    }

    /// Gives one order, and the answer's JSON read as `T`.
    ///
    /// # Errors
    /// What the API says, with its exit code.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(Code::Failed, error);
        let bytes = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::HOST, "maru")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(bytes))
            .map_err(|error| failed(&error))?;
        let (status, body) = match &self.way {
            Way::Socket(socket) => over_socket(socket, request).await.map_err(|error| {
                Failure::new(Code::Unreachable, format!("the server does not answer: {error:#}"))
            })?,
            Way::InProcess { router, .. } => {
                let request = request.map(axum::body::Body::new);
                let answer = match router.clone().oneshot(request).await {
                    Ok(answer) => answer,
                    Err(never) => match never {},
                };
                let status = answer.status();
                let body = answer.into_body().collect().await.map_err(|error| failed(&error))?;
                (status, body.to_bytes())
            }
        };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| failed(&error));
        }
        Err(refusal(status, &body))
    }

    /// Ends what was opened for this. A running server is left alone.
    pub async fn close(self) {
        if let Way::InProcess { parts, .. } = self.way {
            parts.close(std::time::Duration::ZERO).await;
        }
    }
}

async fn over_socket(
    socket: &Path,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender.
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    drop(sender);
    connection.await??;
    Ok((status, body))
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    let told = told.as_ref().map(|told| &told["error"]);
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        // ChatFlow's table says it with another status.
        _ if told.is_some_and(|told| told["code"] == "not_found") => Code::NotFound,
        StatusCode::CONFLICT => Code::Conflict,
        StatusCode::BAD_REQUEST
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::NOT_IMPLEMENTED => Code::Usage,
        _ => Code::Failed,
    };
    let message = told.and_then(|told| told["message"].as_str());
    // Without our own error body it is axum's sentence about a body that it could not read.
    let message = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    Failure::new(code, message)
}
