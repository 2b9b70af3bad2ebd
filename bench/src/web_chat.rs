//! The web chat's protocol, `nxchat.v1`, as its script speaks it: the few frames that the driver sends.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::ClientRequestBuilder;

use crate::direct_line::Stream;
use crate::server::Server;

/// What the demo's web chat calls its realm.
pub const REALM: &str = "default";

/// The number at which the echo bot answers here. It is none of the demo's.
pub const NUMBER: &str = "3900";

/// Has the built-in echo bot answer at a virtual agent's number.
///
/// # Errors
/// As [`Server::cli`].
pub async fn add_number(server: &Server) -> Result<()> {
    let add = ["dn", "add", NUMBER, "--kind", "virtual", "--bot", "echo"];
    let _added: Value = server.cli(&add).await.context("could not add a virtual agent")?;
    Ok(())
}

/// A frame of the server's.
#[derive(Debug, Deserialize)]
pub struct Frame {
    /// Its type.
    pub t: String,
    /// The request that it answers.
    pub r: Option<String>,
    /// Its place in the chat's stream.
    pub s: Option<u64>,
    /// Its body.
    #[serde(default)]
    pub d: Value,
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("no frame")
    }
}

/// A customer with a chat, whose socket comes and goes.
#[derive(Debug)]
pub struct Customer {
    server: SocketAddr,
    from: Ipv4Addr,
    stream: Option<Stream>,
    sid: String,
    secret: String,
    /// The last place of the chat's stream that was taken in.
    last: u64,
    number: usize,
    count: u64,
}

impl Customer {
    /// Calls a number from a source address of the loopback network, and waits until somebody has the
    /// call.
    ///
    /// # Errors
    /// What came of it instead.
    pub async fn call(server: SocketAddr, from: Ipv4Addr, dn: &str, number: usize) -> Result<Self> {
        let (sid, secret) = (String::new(), String::new());
        let mut customer =
            Self { server, from, stream: None, sid, secret, last: 0, number, count: 0 };
        let tel = format!("bench-{number:06}");
        let invite = json!({ "realm": REALM, "dn": dn, "tel": tel });
        customer.enter("invite", &invite).await?;
        while customer.next().await?.t != "answer" {}
        Ok(customer)
    }

    /// Comes back to the chat by a new socket. The one before, if there is one, is cut.
    ///
    /// # Errors
    /// What came of it instead. It may be tried again.
    pub async fn resume(&mut self) -> Result<()> {
        let resume = json!({ "sid": self.sid, "secret": self.secret, "last": self.last });
        let resumed = self.enter("resume", &resume).await?;
        ensure!(resumed, "nobody knows the session");
        Ok(())
    }

    /// Opens a socket with its first frame, and takes the welcome in. Says whether it is a chat that
    /// was there before.
    async fn enter(&mut self, t: &str, d: &Value) -> Result<bool> {
        #[derive(Deserialize)]
        struct Welcome {
            sid: String,
            secret: String,
            resumed: bool,
        }
        self.stream = None;
        let uri = format!("ws://{}/nxchat/ws", self.server).parse()?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("nxchat.v1");
        self.stream = Some(Stream::open_as(request, self.server, self.from).await?);
        self.send(json!({ "t": t, "i": "first", "d": d }).to_string()).await?;
        let frame = self.next().await?;
        ensure!(frame.t == "welcome", "no welcome but {} {}", frame.t, frame.d);
        let Welcome { sid, secret, resumed } = serde_json::from_value(frame.d)?;
        (self.sid, self.secret) = (sid, secret);
        // The secret before this one is of no use from now on.
        self.send(json!({ "t": "ack", "a": self.last }).to_string()).await?;
        Ok(resumed)
    }

    /// Closes the socket. The chat goes on without it.
    pub async fn leave(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.close().await;
        }
    }

    /// Lets go of the socket without a word, as a network does.
    pub fn cut(&mut self) {
        self.stream = None;
    }

    /// Takes in what comes, and answers heartbeats. May be dropped at any time.
    ///
    /// # Errors
    /// When the socket ends, or the stream has a gap.
    pub async fn listen(&mut self) -> Result<Infallible> {
        loop {
            self.next().await?;
        }
    }

    /// Says something, and waits until it is confirmed.
    ///
    /// # Errors
    /// When it is not.
    pub async fn say(&mut self) -> Result<()> {
        self.count += 1;
        let mid = mid(self.number, self.count);
        self.send(message(&mid)).await?;
        loop {
            let frame = self.next().await?;
            if frame.r.as_ref() == Some(&mid) {
                ensure!(frame.t == "ok", "a message was answered {} {}", frame.t, frame.d);
                return Ok(());
            }
        }
    }

    async fn send(&mut self, frame: String) -> Result<()> {
        let stream = self.stream.as_mut().context("no socket")?;
        Ok(stream.send(frame).await?)
    }

    async fn next(&mut self) -> Result<Frame> {
        let stream = self.stream.as_mut().context("no socket")?;
        let text = stream.next().await.context("the socket ended")?;
        let frame = Frame::read(&text)?;
        match (frame.t.as_str(), frame.s) {
            ("hb", _) => self.send(json!({ "t": "hb.ok", "a": self.last }).to_string()).await?,
            // The end of a call that nobody ended.
            ("clear", _) => bail!("the call is over: {}", frame.d),
            (t, Some(s)) => {
                let from = if t == "skip" { frame.d["from"].as_u64() } else { None };
                let follows = from.unwrap_or(s) <= self.last + 1;
                ensure!(follows, "{s} came after {}: a gap", self.last);
                self.last = self.last.max(s);
            }
            _ => {}
        }
        Ok(frame)
    }
}

/// The id of a customer's message.
fn mid(number: usize, count: u64) -> String {
    format!("bench-{number:06}-{count:08}")
}

/// The frame of a message. Its id is the request's, too.
pub fn message(mid: &str) -> String {
    message_of(mid, "내일 오전 배송으로 바꿀 수 있을까요?")
}

/// The same with a text of one's own.
pub fn message_of(mid: &str, text: &str) -> String {
    let content = json!({ "type": "text", "message": text });
    json!({ "t": "msg", "i": mid, "d": { "mid": mid, "content": content } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_id_twice_and_the_id_has_a_length_that_is_taken() {
        let mid = mid(9_999, 12);
        assert!((16..=36).contains(&mid.len()));
        let frame: Value = serde_json::from_str(&message(&mid)).unwrap();
        assert_eq!(frame["i"], mid.as_str());
        assert_eq!(frame["d"]["mid"], mid.as_str());
    }
}
