//! A ChatFlow scenario as a bot: what a user of any channel says is a turn of an app.
//!
//! The user's place is kept by their conversation, in a namespace of its own: whoever asks the REST
//! API for a user of the same name asks for another one. The bot answers inside the delivery, and
//! nothing is ever tried again by the hall: a turn that failed is answered for by a notice. One that
//! is handed over again all the same, because the server stopped in the middle, is known by its
//! delivery and gets the answer that it was given.

mod config;
mod heard;
mod links;
mod menu;

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use maru_activity::{Account, Activity, Draft, Kind, Role, Viewer};
use maru_chatflow::{Asked, ChatFlow, Error, HandedTo, Told, User, said};
use maru_hall::{BadSettings, Bot, BotKind, BotRecord, Handed, Meta, Outcome, Place, Said, Shown};
use maru_scenario::Input;

pub use config::Settings;
use heard::Heard;
use links::Base;

/// The kind's name in records.
pub const KIND: &str = "chatflow";

/// By how much a turn's limit is before the hall's own.
const MARGIN_MAX: Duration = Duration::from_millis(250);

/// How many entries before a user's press are looked at for the menu that it is on.
const LOOK_BACK: u64 = 20;

/// Scenarios as bots. Kinds are made before the hall, and the service after it: so the service is
/// attached later, before the hall is started. A cheap clone.
#[derive(Clone)]
pub struct ChatFlowBots {
    shared: Arc<Shared>,
}

struct Shared {
    links: Base,
    /// Not kept: it has the hall, and the hall keeps the kind, and so what is in here.
    service: OnceLock<Weak<ChatFlow>>,
}

impl ChatFlowBots {
    /// `callback_url` is where webhooks reach this server, for the files that users send.
    pub fn new(callback_url: &str) -> Self {
        let shared = Shared { links: Base::new(callback_url), service: OnceLock::new() };
        Self { shared: Arc::new(shared) }
    }

    /// The kind `chatflow`.
    pub fn kind(&self) -> Arc<dyn BotKind> {
        Arc::new(ChatFlowKind(Arc::clone(&self.shared)))
    }

    /// Attaches the service, which whoever gives it has to keep. The first that is given is the one.
    pub fn attach(&self, service: &Arc<ChatFlow>) {
        let _ = self.shared.service.set(Arc::downgrade(service));
    }
}

impl fmt::Debug for ChatFlowBots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatFlowBots").field("links", &self.shared.links).finish_non_exhaustive()
    }
}

struct ChatFlowKind(Arc<Shared>);

impl fmt::Debug for ChatFlowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChatFlowKind")
    }
}

impl BotKind for ChatFlowKind {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        let settings = Settings::read(&record.settings)?;
        let shared = Arc::clone(&self.0);
        Ok(Arc::new(ScenarioBot {
            shared,
            record: record.clone(),
            account: record.account(),
            settings,
        }))
    }
}

/// An app's scenario as a bot.
struct ScenarioBot {
    shared: Arc<Shared>,
    record: BotRecord,
    account: Account,
    settings: Settings,
}

impl fmt::Debug for ScenarioBot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bot, app) = (&self.record.id, &self.settings.app);
        f.debug_struct("ScenarioBot").field("bot", bot).field("app", app).finish_non_exhaustive()
    }
}

#[async_trait]
impl Bot for ScenarioBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let Some(service) = self.shared.service.get().and_then(Weak::upgrade) else {
            // Deliveries begin when everything is attached; nothing was done.
            let cause = "the server is starting or stopping".to_owned();
            return Outcome::Unreachable { cause, status: None };
        };
        let heard = Heard::read(&handed.body);
        if handed.kind == Kind::Message
            && menu::leads_on(heard.channel_data())
            && let Some(page) = Self::next_page(&service, &handed).await
        {
            return Outcome::Taken { answers: vec![page], result: None };
        }
        let input = match handed.kind {
            Kind::Message if menu::leads_home(heard.channel_data()) => {
                Some(Input::Init { node: None })
            }
            Kind::Message => heard.message(&handed.meta, &self.shared.links).map(Input::Message),
            // The hall's own word on who came. Anybody could write another.
            Kind::ConversationUpdate if handed.meta.system && self.settings.greet => {
                heard.newcomer(&self.account.id).map(|_| Input::Init { node: None })
            }
            // The word of those who took the user over. The user's own client could write one too.
            Kind::Event if handed.role == Role::Agent => {
                heard.handoff_ended().map(|served| Input::HandoffEnded { served })
            }
            Kind::EndOfConversation => {
                self.forget(&service, &handed, &heard).await;
                None
            }
            _ => None,
        };
        let Some(input) = input else { return Outcome::taken() };
        let is_message = matches!(input, Input::Message(_));
        let is_root = matches!(input, Input::Init { node: None });
        match self.turn(&service, &handed, &heard, input).await {
            Ok(told) => self.taken(&handed, &told, is_root),
            Err(error) => self.failed(&handed, &error, is_message),
        }
    }
}

impl ScenarioBot {
    async fn turn(
        &self,
        service: &ChatFlow,
        handed: &Handed,
        heard: &Heard,
        input: Input,
    ) -> Result<Told, Error> {
        let app = service.app(&self.record.realm, &self.settings.app).await?;
        // The same through all attempts.
        let id = handed.delivery.map(|delivery| delivery.to_string());
        let user = self.user(handed, heard);
        // When it was said, and not when it is handed over: it may have waited.
        let handoffs = self.settings.handoff;
        let asked = Asked { id: id.as_deref(), at: Some(handed.at), handoffs };
        // A little before the hall's own limit, which would take it for lost. The turn goes on.
        let limit = handed.budget.saturating_sub(MARGIN_MAX.min(handed.budget / 10));
        let turn = service.turn(&app, &user, input, asked);
        tokio::time::timeout(limit, turn).await.unwrap_or(Err(Error::Busy))
    }

    /// The next page of the menu that the user has before them; `None` if what was said to them last is
    /// no menu of several pages. Turning one is no turn of the scenario: it stays where it is.
    async fn next_page(service: &ChatFlow, handed: &Handed) -> Option<Said> {
        let (hall, conversation) = (service.hall(), &handed.conversation);
        let head = hall.head(conversation).await.ok()?;
        let from = Place::Seq(head.next_seq.saturating_sub(LOOK_BACK));
        let recent = hall.read(conversation, Viewer::Agent, from, usize::MAX).await.ok()?.shown;
        let is_bots = |shown: &&Shown| shown.role == Role::Bot && shown.kind == Kind::Message;
        let last = recent.iter().rev().find(is_bots)?;
        let (activity, meta) = menu::next_page(&last.body, &last.meta, &handed.id)?;
        Some(Said { activity, meta })
    }

    /// Webhooks know a user by the channel and their id in it.
    fn user(&self, handed: &Handed, heard: &Heard) -> User {
        let sender = match handed.kind {
            Kind::ConversationUpdate => heard.newcomer(&self.account.id).unwrap_or_default(),
            _ => heard.sender().to_owned(),
        };
        let conversation = &handed.conversation;
        User::channel(&conversation.id, format!("{}/{sender}", conversation.channel))
    }

    /// The conversation is over: what comes next in it begins anew.
    async fn forget(&self, service: &ChatFlow, handed: &Handed, heard: &Heard) {
        let user = self.user(handed, heard);
        let forgotten = match service.app(&self.record.realm, &self.settings.app).await {
            Ok(app) => service.forget(&app, &user).await,
            Err(error) => Err(error),
        };
        match forgotten {
            Ok(()) | Err(Error::NoState) => {}
            Err(error) => {
                let id = &handed.conversation.id;
                tracing::warn!(conversation.id = %id, cause = error.word(), "a place was not forgotten");
            }
        }
    }

    fn taken(&self, handed: &Handed, told: &Told, is_root: bool) -> Outcome {
        let (bubbles, keyboard) = match told.parts() {
            Ok(parts) => parts,
            Err(error) => return self.failed(handed, &error, true),
        };
        // Clients never see what a greeting would answer.
        let reply_to = (handed.kind == Kind::Message).then_some(&*handed.id);
        let mut answers = said::messages(&self.account, &bubbles, &keyboard, reply_to);
        let asks = answers.len().checked_sub(1);
        let consents = told.consents.iter().filter_map(|consent| {
            said::consent(
                &self.account,
                &consent.name,
                &consent.version,
                consent.at,
                consent.agreed,
            )
        });
        answers.extend(consents);
        if let Some(HandedTo { node, group }) = &told.handoff {
            let app = &self.settings.app;
            answers.extend(said::handoff(&self.account, app, node, group.as_deref()));
        }
        if told.ended && self.settings.end_of_conversation {
            answers.extend(self.end());
        }
        let answers = answers.into_iter().enumerate().map(|(place, activity)| {
            let is_menu = Some(place) == asks;
            let beside = is_menu.then(|| menu::beside(told, &self.record.name, is_root));
            Said { activity, meta: beside.unwrap_or_default() }
        });
        Outcome::Taken { answers: answers.collect(), result: None }
    }

    fn end(&self) -> Option<Activity> {
        let mut draft = Draft::new(&Kind::EndOfConversation);
        draft.set_value("from", &self.account);
        draft.set_text("code", "completedSuccessfully");
        draft.finish().ok()
    }

    /// A message is answered for by a notice, of the server's own; nobody waits for anything else.
    fn failed(&self, handed: &Handed, error: &Error, is_message: bool) -> Outcome {
        tracing::warn!(
            realm.id = %self.record.realm, bot.id = %self.record.id,
            conversation.id = %handed.conversation.id, app = self.settings.app,
            cause = error.word(), "a turn was not answered"
        );
        let notice = match error {
            Error::WrongKind { .. } => &self.settings.refusal_notice,
            _ => &self.settings.failure_notice,
        };
        if !is_message || notice.is_empty() {
            return Outcome::taken();
        }
        let meta = Meta { system: true, ..Meta::default() };
        let activity = Activity::message(&self.account, notice);
        Outcome::Taken { answers: vec![Said { activity, meta }], result: None }
    }
}
