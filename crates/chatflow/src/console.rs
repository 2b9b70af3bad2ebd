//! The test console: a draft or a version, played by a tester with a clock and webhooks of their own.
//!
//! Its users are in a namespace of their own. Nothing is logged, counted or told to anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use maru_activity::{RealmId, Timestamp};
use maru_scenario::{Context, Effect, Input, Scenario, TraceLine, Turn, UserMessage};
use serde::Serialize;
use tokio::time::Instant;

use crate::service::check_user;
use crate::turns::{Hooks, Kept, Mock, Stage, WebhookCall, put_state};
use crate::{AppRecord, ChatFlow, Error, StateView, User};

/// The version that a draft's sessions are pinned to: none of a published one. A draft that was
/// changed goes on where its tester is, as long as that node is there.
const DRAFT: u64 = 0;

/// What a tester does.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRun {
    /// Who they play.
    pub user_key: String,
    /// What they do.
    pub act: TestAct,
    /// What they test.
    pub version: TestVersion,
    /// The time that it is to be. `None`: the time now.
    pub now: Option<Timestamp>,
    /// What webhooks answer, by their names.
    pub mocks: BTreeMap<String, Mock>,
    /// Whether webhooks without a mock are really called. If not, they fail.
    pub live: bool,
}

/// What a tester does.
#[derive(Clone, Debug, PartialEq)]
pub enum TestAct {
    /// Says something.
    Say(UserMessage),
    /// Begins anew, or goes on at a node.
    Init(Option<String>),
    /// Comes back from a human, who served them or did not.
    ComeBack {
        /// Whether they were served.
        served: bool,
    },
}

/// What is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestVersion {
    /// The draft, as it is now.
    Draft,
    /// A published version.
    Published(u64),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tested {
    /// The turn.
    pub turn: Turn,
    /// What happened inside, in order.
    pub trace: Vec<TraceLine>,
    /// The webhooks that were called, or would have been.
    pub webhooks: Vec<WebhookCall>,
    /// What else would have been done: `handoff`, `consent`, `ended`.
    pub effects: Vec<&'static str>,
    /// Where the user is now.
    pub state: StateView,
}

impl ChatFlow {
    /// Plays a turn for a tester.
    ///
    /// # Errors
    /// As [`ChatFlow::message`]; [`Error::Invalid`] for a draft with errors, [`Error::Unknown`].
    pub async fn test(&self, realm: &RealmId, handle: &str, run: TestRun) -> Result<Tested, Error> {
        let user = User::test(&run.user_key);
        check_user(&user)?;
        let app = Arc::new(self.records.app(realm, handle).await?.0);
        let place = self.place(&app, &user);
        let wait = self.queue.enter(&place);
        let right = tokio::time::timeout(self.settings.patience, wait).await;
        let _right = right.map_err(|_| Error::Busy)?;
        let scenario = self.tested(&app, run.version).await?;
        let Kept { state, version } = self.records.kept(&app, &place).await?;
        let stage = Stage {
            app: &app,
            scenario: &scenario,
            webhooks: &self.webhooks,
            hooks: &Hooks::Told { mocks: run.mocks, live: run.live },
            handoffs: true,
            deadline: Instant::now() + self.settings.budget,
        };
        let now = run.now.unwrap_or_else(|| self.records.hall.env().now());
        let context = Context { app: &app.handle, user_key: &user.shown, now, trace: true };
        let input = match run.act {
            TestAct::Say(message) => Input::Message(message),
            TestAct::Init(node) => Input::Init { node },
            TestAct::ComeBack { served } => Input::HandoffEnded { served },
        };
        let played = stage.play(state, input, &context).await?;
        let write = put_state(&app, &user, &place, &played.state, version);
        match self.records.hall.write(realm, vec![write], Vec::new()).await.map_err(Error::from) {
            Err(Error::Conflict) => return Err(Error::Busy),
            written => written?,
        }
        Ok(Tested {
            state: StateView::of(&user.shown, &played.state, Some(&scenario)),
            turn: played.turn,
            trace: played.trace,
            webhooks: played.calls,
            effects: played.effects.iter().map(word).collect(),
        })
    }

    async fn tested(&self, app: &AppRecord, version: TestVersion) -> Result<Arc<Scenario>, Error> {
        match version {
            TestVersion::Published(number) if app.has_version(number) => {
                self.records.scenario(app, number).await
            }
            TestVersion::Published(number) => {
                Err(Error::Unknown { what: "version", id: number.to_string() })
            }
            TestVersion::Draft => {
                let file = self.records.draft(app).await?;
                Ok(Arc::new(Scenario::load(&file, DRAFT).map_err(Error::Invalid)?))
            }
        }
    }
}

fn word(effect: &Effect) -> &'static str {
    match effect {
        Effect::Webhook { .. } => "webhook",
        Effect::Consent { .. } => "consent",
        Effect::Handoff { .. } => "handoff",
        Effect::Ended => "ended",
    }
}
