//! An agent who is ready, takes what is offered, and talks in their chats in turn.

use std::convert::Infallible;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::desk::{Frame, Seat, message, request};
use crate::direct_line::Stream;

/// How many calls each agent has.
pub(super) const CALLS_OF_AGENT: usize = 2;

/// What every agent says.
const TEXT: &str = "네, 오전 배송으로 바꿔 드렸습니다.";

/// An agent.
#[derive(Debug)]
pub(super) struct Agent {
    stream: Stream,
    number: usize,
    calls: Vec<String>,
    count: usize,
}

impl Agent {
    /// Opens a socket and says that the agent is ready.
    pub(super) async fn come_in(seat: Seat, number: usize) -> Result<Self> {
        let stream = seat.open().await?;
        let mut agent = Self { stream, number, calls: Vec::new(), count: 0 };
        agent.stream.send(request("hello", "hello", None, &json!({}))).await?;
        agent.stream.send(request("state", "ready", None, &json!({ "ready": true }))).await?;
        while agent.next().await?.r.as_deref() != Some("ready") {}
        Ok(agent)
    }

    /// Takes calls until the agent has as many as they may.
    pub(super) async fn until_busy(mut self) -> Result<Self> {
        while self.calls.len() < CALLS_OF_AGENT {
            self.next().await?;
        }
        Ok(self)
    }

    /// Takes in what comes, and answers heartbeats. May be dropped at any time.
    pub(super) async fn listen(&mut self) -> Result<Infallible> {
        loop {
            self.next().await?;
        }
    }

    /// Says something in the next chat, and waits until it is confirmed.
    pub(super) async fn say(&mut self) -> Result<()> {
        let call = self.calls.get(self.count % CALLS_OF_AGENT).context("no chat")?;
        self.count += 1;
        let mid = format!("agent-{:04}-{:08}", self.number, self.count);
        self.stream.send(message(call, &mid, TEXT)).await?;
        loop {
            let frame = self.next().await?;
            if frame.r.as_ref() == Some(&mid) {
                ensure!(frame.t == "ok", "an agent's message was answered {} {}", frame.t, frame.d);
                return Ok(());
            }
        }
    }

    async fn next(&mut self) -> Result<Frame> {
        let text = self.stream.next().await.context("an agent's socket ended")?;
        let frame = Frame::read(&text)?;
        let d = &frame.d;
        match (frame.t.as_str(), d["phase"].as_str(), d["c"].as_str()) {
            ("hb", ..) => {
                self.stream.send(request("hb.ok", "hb", None, &json!({ "n": d["n"] }))).await?;
            }
            ("chat", Some("offered"), Some(call)) => {
                let accept = json!({ "epoch": d["epoch"] });
                // Another one for each call: what was asked under an id is done once.
                self.count += 1;
                let id = format!("accept-{}-{}", self.number, self.count);
                self.stream.send(request("accept", &id, Some(call), &accept)).await?;
            }
            ("chat", Some("mine"), Some(call)) if !self.calls.iter().any(|known| known == call) => {
                self.calls.push(call.to_owned());
            }
            // An offer may be withdrawn; a call that was answered is not taken away.
            ("gone", ..) if frame.c.as_ref().is_some_and(|call| self.calls.contains(call)) => {
                bail!("an agent's call is gone: {d}")
            }
            _ => {}
        }
        Ok(frame)
    }
}
