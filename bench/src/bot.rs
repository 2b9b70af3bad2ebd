//! A Bot Framework bot inside the driver: it survives what is done to the server.

use std::collections::HashMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::activity::Members;
use crate::direct_line::{self, Failure, Posted};
use crate::http::{Connection, request};

/// An activity that was delivered.
#[derive(Debug)]
pub struct Delivered {
    /// The request's headers.
    pub headers: HeaderMap,
    /// The activity, as JSON text.
    pub body: Bytes,
}

/// A bot that listens. It ends when this is dropped.
#[derive(Debug)]
pub struct Bot {
    /// Its messaging endpoint.
    pub endpoint: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bot {
    /// Listens on a loopback port. `answer` is asked for the status of each delivery.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn listen<F, A>(answer: F) -> Result<Self>
    where
        F: Fn(Delivered) -> A + Send + Sync + 'static,
        A: Future<Output = StatusCode> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("the bot")?;
        let endpoint = format!("http://{}/api/messages", listener.local_addr()?);
        let task = tokio::spawn(serve(listener, Arc::new(answer)));
        Ok(Self { endpoint, task })
    }
}

async fn serve<F, A>(listener: TcpListener, answer: Arc<F>)
where
    F: Fn(Delivered) -> A + Send + Sync + 'static,
    A: Future<Output = StatusCode> + Send + 'static,
{
    loop {
        // Out of file descriptors, say: one connection less, not the end of the bot.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        // Without it the answer would wait for the server's delayed acknowledgement.
        drop(stream.set_nodelay(true));
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            let service = service_fn(move |request| take(Arc::clone(&answer), request));
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A connection that broke is one that the killed server held.
            drop(served.await);
        });
    }
}

async fn take<F, A>(
    answer: Arc<F>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error>
where
    F: Fn(Delivered) -> A + Send + Sync + 'static,
    A: Future<Output = StatusCode> + Send + 'static,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let status = answer(Delivered { headers: head.headers, body }).await;
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

/// Where and how to answer an activity that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// The server to call back.
    pub server: SocketAddr,
    /// The path to post the answer to.
    pub path: String,
    /// The conversation's id.
    pub conversation: String,
    /// The id of the activity.
    pub activity: String,
}

impl ReplyTo {
    /// Reads the callback of an activity. `None` if it has none that this driver can call.
    pub fn of(activity: &Members<'_>) -> Option<Self> {
        let service = activity.text("serviceUrl")?;
        let (host, prefix) = split_url(&service)?;
        let conversation = activity.inner_text("conversation", "id")?;
        let id = activity.text("id")?;
        let target = id.replace('|', "%7C");
        let path = format!("{prefix}/v3/conversations/{conversation}/activities/{target}");
        Some(Self { server: host.parse().ok()?, path, conversation, activity: id })
    }
}

/// Connections for calling back, kept between calls.
#[derive(Debug, Default)]
pub struct Callbacks {
    idle: Mutex<HashMap<SocketAddr, Idle>>,
}

/// Those to one server.
#[derive(Debug, Default)]
struct Idle {
    /// Counts how often the server there was killed.
    generation: u64,
    connections: Vec<(Instant, Connection)>,
}

/// How long an unused connection is trusted: the server closes one after 10 s by default.
const IDLE_MAX: Duration = Duration::from_secs(4);

impl Callbacks {
    /// Posts an activity to the server that delivered, and gives the id it got.
    ///
    /// # Errors
    /// What came of the call instead.
    pub async fn post(&self, reply: &ReplyTo, activity: &[u8]) -> Result<String, Failure> {
        let (generation, idle) = self.take(reply.server);
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(reply.server).await?,
        };
        let request = request("POST", reply.server, &reply.path, None, activity);
        let posted: Posted = direct_line::json(&mut connection, &request).await?;
        self.give_back(reply.server, generation, connection);
        Ok(posted.id)
    }

    /// Drops all connections to a server: it was killed. What is under way fails by itself and does
    /// not come back.
    pub fn forget(&self, server: SocketAddr) {
        let mut idle = self.idle();
        let idle = idle.entry(server).or_default();
        idle.generation += 1;
        idle.connections.clear();
    }

    fn take(&self, server: SocketAddr) -> (u64, Option<Connection>) {
        let mut idle = self.idle();
        let idle = idle.entry(server).or_default();
        // The last one used comes first: if that is too old, all are.
        let fresh = idle.connections.pop().filter(|(used, _)| used.elapsed() < IDLE_MAX);
        if fresh.is_none() {
            idle.connections.clear();
        }
        (idle.generation, fresh.map(|(_, connection)| connection))
    }

    fn give_back(&self, server: SocketAddr, generation: u64, connection: Connection) {
        let mut idle = self.idle();
        let idle = idle.entry(server).or_default();
        if idle.generation == generation {
            idle.connections.push((Instant::now(), connection));
        }
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<SocketAddr, Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `http://HOST/PATH/` as host and path, the path without a slash at its end.
fn split_url(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?.trim_end_matches('/');
    Some(rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_keeps_the_capability_in_its_path() {
        let text = r#"{"id":"c1|0000003","serviceUrl":"http://127.0.0.1:9/b/key/","conversation":{"id":"c1"}}"#;
        let reply = ReplyTo::of(&Members::of(text).unwrap()).unwrap();
        assert_eq!(reply.path, "/b/key/v3/conversations/c1/activities/c1%7C0000003");
        assert_eq!(reply.server, "127.0.0.1:9".parse().unwrap());
        assert_eq!(split_url("http://h:1"), Some(("h:1", "")));
    }
}
