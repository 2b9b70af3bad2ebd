//! An agent who takes every call that is offered and talks in it, whatever becomes of the link.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::book::Shown;
use super::play::{Backoff, CONNECT_MAX, Linked, Mouth, Open, Play, SILENCE_MAX, Scene, mid_in};
use crate::desk::{Frame, Seat, message, request};
use crate::direct_line::Stream;
use crate::random::Random;

/// How long all of the chats may take to come in the end.
const CURTAIN_MAX: Duration = Duration::from_secs(60);

/// The most entries that a page of history has.
const PAGE: u64 = 100;

/// An agent.
#[derive(Debug)]
pub(super) struct Agent {
    play: Arc<Play>,
    seat: Seat,
    pub(super) dn: String,
    /// The chats that are theirs, each with the seq from which on its log is not known.
    calls: BTreeMap<String, u64>,
    /// Up to where the logs are known of chats that they are asked about.
    offered: BTreeMap<String, u64>,
    /// In which of them they speak next.
    turn: usize,
    asked: u64,
    mouth: Mouth,
    backoff: Backoff,
    /// Why links broke.
    pub(super) broken: Vec<String>,
}

impl Agent {
    pub(super) fn new(play: &Arc<Play>, seat: Seat, dn: &str, pace: Duration, seed: u64) -> Self {
        let mut random = Random::of(seed, 1_000_000 + dn.parse().unwrap_or(0));
        let mouth = Mouth::new(dn, &format!("a{dn}"), pace, &mut random);
        Self {
            play: Arc::clone(play),
            seat,
            dn: dn.to_owned(),
            calls: BTreeMap::new(),
            offered: BTreeMap::new(),
            turn: 0,
            asked: 0,
            mouth,
            backoff: Backoff::new(random),
            broken: Vec::new(),
        }
    }

    /// Answers and talks, and comes back as often as the link breaks, until the curtain falls.
    pub(super) async fn live(mut self) -> Result<Self> {
        let mut until = None;
        loop {
            match self.session().await {
                Ok(()) => return Ok(self),
                Err(error) => {
                    if *self.play.scene.borrow() == Scene::Curtain {
                        let until = *until.get_or_insert_with(|| Instant::now() + CURTAIN_MAX);
                        ensure!(Instant::now() < until, "agent {}: {error:#}", self.dn);
                    }
                    self.broken.push(format!("{error:#}"));
                    self.play.broken.fetch_add(1, Ordering::SeqCst);
                    self.backoff.wait().await;
                }
            }
        }
    }

    /// One socket, until it breaks or the curtain has fallen.
    async fn session(&mut self) -> Result<()> {
        let entering = timeout(CONNECT_MAX, self.enter());
        let mut stream = entering.await.context("no snapshot in time")??;
        let play = Arc::clone(&self.play);
        let _linked = Linked::now(&play);
        self.backoff.reset();
        if let Some(open) = self.mouth.again(&play) {
            say(&mut stream, &open).await?;
        }
        let mut scene = play.scene.subscribe();
        let mut heard = Instant::now();
        loop {
            let now = *scene.borrow_and_update();
            if now == Scene::Curtain {
                return timeout(CURTAIN_MAX, self.end(&mut stream)).await.context("the rest")?;
            }
            let speaks = self.mouth.speaks(now == Scene::Talk && !self.calls.is_empty());
            tokio::select! {
                frame = timeout_at(heard + SILENCE_MAX, stream.next()) => {
                    let text = frame.context("nothing was heard")??;
                    heard = Instant::now();
                    self.take(&mut stream, Frame::read(&text)?).await?;
                }
                () = sleep_until(self.mouth.due), if speaks => {
                    let open = match self.mouth.again(&play) {
                        Some(open) => Some(open),
                        None => self.next_call().map(|call| self.mouth.begin(&play, &call)),
                    };
                    if let Some(open) = open {
                        say(&mut stream, &open).await?;
                    }
                }
                _ = scene.changed() => {}
            }
        }
    }

    fn next_call(&mut self) -> Option<String> {
        self.turn += 1;
        let call = self.calls.keys().nth(self.turn % self.calls.len().max(1));
        call.cloned()
    }

    /// Opens a socket, says hello, and takes the snapshot in.
    async fn enter(&mut self) -> Result<Stream> {
        let mut stream = self.seat.open().await?;
        let at: BTreeMap<&String, u64> =
            self.calls.iter().chain(&self.offered).map(|(call, next)| (call, *next)).collect();
        self.asked += 1;
        let hello = request("hello", &format!("hello-{}", self.asked), None, &json!({ "at": at }));
        stream.send(hello).await?;
        let text = stream.next().await?;
        let frame = Frame::read(&text)?;
        ensure!(frame.t == "snapshot", "no snapshot but {} {}", frame.t, frame.d);
        self.take(&mut stream, frame).await?;
        Ok(stream)
    }

    async fn take(&mut self, stream: &mut Stream, frame: Frame) -> Result<()> {
        let Frame { t, c, d, .. } = frame;
        let call = c.unwrap_or_default();
        match t.as_str() {
            "hb" => stream.send(request("hb.ok", "hb", None, &json!({ "n": d["n"] }))).await?,
            "snapshot" => self.snapshot(stream, &d).await?,
            "state" => self.state(stream, &d).await?,
            "chat" => self.chat(stream, &d).await?,
            "gone" => {
                self.offered.remove(&call);
                if self.calls.remove(&call).is_some() {
                    self.play.books.turn(&call, format!("gone from {}: {}", self.dn, d["why"]));
                }
            }
            "entry" => self.entry(&call, &d),
            "ok" => {
                if let Some(mid) = d["mid"].as_str() {
                    self.mouth.confirmed(&self.play, mid, d["dup"] == true);
                }
            }
            "err" => self.refused(frame.r.as_deref(), &d),
            _ => {}
        }
        Ok(())
    }

    async fn snapshot(&mut self, stream: &mut Stream, d: &Value) -> Result<()> {
        let chats = d["chats"].as_array().map(Vec::as_slice).unwrap_or_default();
        let there = |call: &String| chats.iter().any(|chat| chat["c"] == call.as_str());
        let gone: Vec<String> = self.calls.keys().filter(|call| !there(call)).cloned().collect();
        for call in gone {
            self.calls.remove(&call);
            self.play.books.turn(&call, format!("not {}'s any more", self.dn));
        }
        self.state(stream, &d["state"]).await?;
        for chat in chats {
            self.chat(stream, chat).await?;
        }
        Ok(())
    }

    /// Whoever was signed out meanwhile says again that they are ready.
    async fn state(&mut self, stream: &mut Stream, d: &Value) -> Result<()> {
        if d["ready"] != true {
            self.asked += 1;
            let ready = json!({ "ready": true });
            stream.send(request("state", &format!("ready-{}", self.asked), None, &ready)).await?;
        }
        Ok(())
    }

    /// A chat as it is now: one that is offered is accepted.
    async fn chat(&mut self, stream: &mut Stream, d: &Value) -> Result<()> {
        let Some(call) = d["c"].as_str() else { return Ok(()) };
        // In the end everybody leaves.
        if d["customerLost"].is_string() && *self.play.scene.borrow() != Scene::Curtain {
            self.play.books.with(call, |book| book.customer_lost = true);
        }
        match d["phase"].as_str() {
            Some("offered") => {
                self.offered.entry(call.to_owned()).or_default();
                self.asked += 1;
                let id = format!("accept-{}", self.asked);
                let accept = json!({ "epoch": d["epoch"] });
                stream.send(request("accept", &id, Some(call), &accept)).await?;
            }
            Some("mine" | "held") => {
                let known = self.offered.remove(call).unwrap_or_default();
                self.calls.entry(call.to_owned()).or_insert(known);
            }
            phase => {
                if self.calls.remove(call).is_some() {
                    let turn = format!("{} has it in {}", self.dn, phase.unwrap_or_default());
                    self.play.books.turn(call, turn);
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, call: &str, d: &Value) {
        let Some(shown) = shown(d) else { return };
        let next = shown.place + 1;
        self.play.books.saw(call, &self.dn, shown, false);
        let known = match self.calls.get_mut(call) {
            Some(known) => known,
            None => self.offered.entry(call.to_owned()).or_default(),
        };
        *known = next;
    }

    fn refused(&mut self, answers: Option<&str>, d: &Value) {
        let Some(open) = self.mouth.open.as_ref().filter(|open| answers == Some(&open.mid)) else {
            // An offer that was withdrawn comes again.
            return;
        };
        match (d["retry_after"].as_u64(), d["code"].as_str()) {
            (Some(seconds), _) => self.mouth.refused(Duration::from_secs(seconds)),
            (None, Some("internal")) => self.mouth.refused(Duration::from_secs(1)),
            (None, _) => {
                self.play.books.turn(&open.chat.clone(), format!("{}: {d}", self.dn));
                self.mouth.gives_up(&self.play);
            }
        }
    }

    /// Asks for all of each chat once more, and takes in what is left of what comes by itself.
    async fn end(&mut self, stream: &mut Stream) -> Result<()> {
        let calls: Vec<String> = self.calls.keys().cloned().collect();
        let mut kept = Vec::with_capacity(calls.len());
        for call in calls {
            let entries = self.history(stream, &call).await?;
            let end = entries.last().map_or(0, |entry| entry.place + 1);
            kept.push((call, end, entries));
        }
        loop {
            let lags = |(call, end, _): &(String, u64, _)| {
                self.calls.get(call).is_some_and(|next| next < end)
            };
            if !kept.iter().any(lags) {
                break;
            }
            let text = stream.next().await?;
            self.take(stream, Frame::read(&text)?).await?;
        }
        for (call, _, entries) in kept {
            for entry in entries {
                self.play.books.saw(&call, &self.dn, entry, true);
            }
        }
        Ok(())
    }

    async fn history(&mut self, stream: &mut Stream, call: &str) -> Result<Vec<Shown>> {
        let (mut pages, mut before) = (Vec::new(), u64::from(u32::MAX));
        loop {
            self.asked += 1;
            let id = format!("hist-{}", self.asked);
            let page = json!({ "before": before, "n": PAGE });
            stream.send(request("hist", &id, Some(call), &page)).await?;
            let d = loop {
                let text = stream.next().await?;
                let frame = Frame::read(&text)?;
                if frame.r.as_deref() == Some(&id) {
                    ensure!(frame.t == "hist", "no history but {} {}", frame.t, frame.d);
                    break frame.d;
                }
                self.take(stream, frame).await?;
            };
            let entries = d["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
            pages.push(entries.iter().filter_map(shown).collect::<Vec<_>>());
            match (d["more"] == true, d["from"].as_u64()) {
                (true, Some(from)) if from < before => before = from,
                _ => return Ok(pages.into_iter().rev().flatten().collect()),
            }
        }
    }
}

async fn say(stream: &mut Stream, open: &Open) -> Result<()> {
    Ok(stream.send(message(&open.chat, &open.mid, &open.text)).await?)
}

/// An entry of a log.
fn shown(d: &Value) -> Option<Shown> {
    let place = d["seq"].as_u64()?;
    let text = d["content"]["message"].as_str();
    Some(Shown {
        place,
        from: place,
        s: d["s"].as_u64(),
        kind: d["kind"].as_str()?.to_owned(),
        mid: text.and_then(mid_in),
        text: text.map(str::to_owned),
    })
}
