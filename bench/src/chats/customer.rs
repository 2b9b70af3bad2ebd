//! A customer who talks to an agent, whatever becomes of the link.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::ClientRequestBuilder;

use super::book::{CUSTOMER, Shown};
use super::play::{Backoff, CONNECT_MAX, Linked, Mouth, Play, SILENCE_MAX, Scene, Way, mid_in};
use crate::direct_line::Stream;
use crate::random::Random;
use crate::web_chat::{Frame, REALM};

/// How long all of a chat may take to come in the end.
const CURTAIN_MAX: Duration = Duration::from_secs(60);

/// A customer.
#[derive(Debug)]
pub(super) struct Customer {
    play: Arc<Play>,
    way: Way,
    dn: String,
    pub(super) number: usize,
    /// What makes a repeated invite the same chat.
    key: String,
    sid: String,
    secret: String,
    pub(super) chat: String,
    /// The last place that was taken in.
    last: u64,
    in_call: bool,
    over: bool,
    /// What is shown is the whole log once more.
    in_the_end: bool,
    mouth: Mouth,
    backoff: Backoff,
    /// Why links broke.
    pub(super) broken: Vec<String>,
}

impl Customer {
    pub(super) fn new(
        play: &Arc<Play>,
        way: Way,
        dn: &str,
        number: usize,
        pace: Duration,
        seed: u64,
    ) -> Self {
        let mut random = Random::of(seed, number as u64);
        let mouth = Mouth::new(CUSTOMER, &format!("c{number:05}"), pace, &mut random);
        Self {
            play: Arc::clone(play),
            way,
            dn: dn.to_owned(),
            number,
            key: format!("{:016x}{:016x}", random.draw(), random.draw()),
            sid: String::new(),
            secret: String::new(),
            chat: String::new(),
            last: 0,
            in_call: false,
            over: false,
            in_the_end: false,
            mouth,
            backoff: Backoff::new(random),
            broken: Vec::new(),
        }
    }

    /// Calls, talks, and comes back as often as the link breaks, until the curtain falls.
    pub(super) async fn live(mut self) -> Result<Self> {
        while *self.play.scene.borrow() != Scene::Curtain {
            match self.session().await {
                Ok(()) if self.over => return Ok(self),
                Ok(()) => {}
                Err(error) => {
                    self.broken.push(format!("{error:#}"));
                    self.play.broken.fetch_add(1, Ordering::SeqCst);
                    self.backoff.wait().await;
                }
            }
        }
        timeout(CURTAIN_MAX, self.end())
            .await
            .with_context(|| format!("customer {} waits for the rest", self.number))?
            .with_context(|| format!("customer {} in the end", self.number))?;
        Ok(self)
    }

    /// One socket, until it breaks or there is no more to say.
    async fn session(&mut self) -> Result<()> {
        let (mut stream, _) = self.enter().await?;
        let play = Arc::clone(&self.play);
        let _linked = Linked::now(&play);
        self.backoff.reset();
        if let Some(open) = self.mouth.again(&play) {
            stream.send(crate::web_chat::message_of(&open.mid, &open.text)).await?;
        }
        let mut scene = play.scene.subscribe();
        let mut heard = Instant::now();
        loop {
            let now = *scene.borrow_and_update();
            if now == Scene::Curtain || self.over {
                return Ok(());
            }
            let speaks = self.mouth.speaks(self.in_call && now == Scene::Talk);
            tokio::select! {
                frame = timeout_at(heard + SILENCE_MAX, stream.next()) => {
                    let text = frame.context("nothing was heard")??;
                    heard = Instant::now();
                    self.take(&mut stream, Frame::read(&text)?).await?;
                }
                () = sleep_until(self.mouth.due), if speaks => {
                    let said = match self.mouth.again(&play) {
                        Some(open) => open,
                        None => self.mouth.begin(&play, &self.chat),
                    };
                    stream.send(crate::web_chat::message_of(&said.mid, &said.text)).await?;
                }
                _ = scene.changed() => {}
            }
        }
    }

    /// Opens a socket, calls or resumes, and takes the welcome in. Gives the head that it tells.
    async fn enter(&mut self) -> Result<(Stream, u64)> {
        timeout(CONNECT_MAX, self.entered()).await.context("no welcome in time")?
    }

    async fn entered(&mut self) -> Result<(Stream, u64)> {
        let uri = format!("ws://{}/nxchat/ws", self.way.server).parse()?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("nxchat.v1");
        let mut stream = Stream::open_as(request, self.way.through, self.way.from).await?;
        let first = if self.sid.is_empty() {
            let tel = format!("chats-{:06}", self.number);
            let d = json!({ "realm": REALM, "dn": self.dn, "tel": tel, "key": self.key });
            json!({ "t": "invite", "i": "first", "d": d })
        } else {
            let pending: Vec<&str> = self.mouth.open.iter().map(|open| open.mid.as_str()).collect();
            let d = json!({ "sid": self.sid, "secret": self.secret, "last": self.last, "pending": pending });
            json!({ "t": "resume", "i": "first", "d": d })
        };
        stream.send(first.to_string()).await?;
        let text = stream.next().await?;
        let Frame { t, d, .. } = Frame::read(&text)?;
        ensure!(t == "welcome", "no welcome but {t} {d}");
        let text = |name: &str| d[name].as_str().unwrap_or_default().to_owned();
        if !self.sid.is_empty() {
            ensure!(d["resumed"] == true, "nobody knows the session");
        }
        (self.sid, self.secret, self.chat) = (text("sid"), text("secret"), text("cid"));
        // The secret before this one is of no use from now on.
        stream.send(json!({ "t": "ack", "a": self.last }).to_string()).await?;
        Ok((stream, d["head"].as_u64().unwrap_or_default()))
    }

    async fn take(&mut self, stream: &mut Stream, frame: Frame) -> Result<()> {
        let Frame { t, s, d, .. } = frame;
        let mid = d["mid"].as_str();
        match (t.as_str(), s) {
            ("hb", _) => {
                let answer = json!({ "t": "hb.ok", "a": self.last, "d": { "n": d["n"] } });
                stream.send(answer.to_string()).await?;
            }
            ("ok", _) => {
                if let Some(mid) = mid {
                    self.mouth.confirmed(&self.play, mid, d["dup"] == true);
                }
            }
            ("err", _) => self.refused(&d),
            ("gap", _) => bail!("a gap: {d}"),
            (_, Some(s)) => self.shown(&t, s, &d),
            _ => {}
        }
        Ok(())
    }

    fn refused(&mut self, d: &Value) {
        match d["retry_after"].as_u64() {
            Some(seconds) => self.mouth.refused(Duration::from_secs(seconds)),
            None => {
                self.play.books.turn(&self.chat, format!("customer: {d}"));
                self.mouth.gives_up(&self.play);
            }
        }
    }

    /// A frame with a place.
    fn shown(&mut self, t: &str, s: u64, d: &Value) {
        let text = d["content"]["message"].as_str();
        let from = if t == "skip" { d["from"].as_u64() } else { None };
        let shown = Shown {
            place: s,
            from: from.unwrap_or(s),
            s: Some(s),
            kind: t.to_owned(),
            mid: text.and_then(mid_in),
            text: text.map(str::to_owned),
        };
        self.play.books.saw(&self.chat, CUSTOMER, shown, self.in_the_end);
        self.last = s;
        if self.in_the_end {
            return;
        }
        let turn = match (t, d["what"].as_str(), d["code"].as_u64()) {
            ("answer", ..) if !self.in_call => {
                self.in_call = true;
                self.play.in_call.fetch_add(1, Ordering::SeqCst);
                let agent = d["party"]["dn"].as_str().map(str::to_owned);
                self.play.books.with(&self.chat, |book| book.agent = agent);
                return;
            }
            ("clear", _, code) => {
                self.over = true;
                // Nobody waits for what can never be confirmed.
                self.mouth.gives_up(&self.play);
                format!("clear {}", code.unwrap_or_default())
            }
            ("party", Some(what), _) if what != "joined" || self.in_call => {
                let who = d["party"]["dn"].as_str().unwrap_or_default();
                format!("{what} {who}")
            }
            ("prog", _, Some(181)) => "forwarded".to_owned(),
            _ => return,
        };
        self.play.books.turn(&self.chat, turn);
    }

    /// Takes in what is left, and all of it once more by a new socket.
    async fn end(&mut self) -> Result<()> {
        self.all().await?;
        (self.last, self.in_the_end) = (0, true);
        self.all().await
    }

    /// Takes in all that there is after the last place.
    async fn all(&mut self) -> Result<()> {
        loop {
            match self.rest().await {
                Ok(()) => return Ok(()),
                // What is taken in stays so, but in the end it begins anew.
                Err(error) if self.in_the_end => return Err(error),
                Err(_) => self.backoff.wait().await,
            }
        }
    }

    async fn rest(&mut self) -> Result<()> {
        let (mut stream, head) = self.enter().await?;
        while self.last < head {
            let text = stream.next().await?;
            self.take(&mut stream, Frame::read(&text)?).await?;
        }
        stream.close().await;
        Ok(())
    }
}
