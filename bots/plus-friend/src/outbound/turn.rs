//! One turn: what a user says or does, and what they get for it.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::Kind;
use maru_hall::{Error, Hall, Handed, Outcome, Said};
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::not_now;
use crate::error::Rejected;
use crate::health::{self, Health};
use crate::heard::{Heard, Item};
use crate::keyboard::{Event, Shown, Standing, as_labeled, step};
use crate::partner::{MARGIN, Partner};
use crate::wire::keyboard::Keyboard;
use crate::wire::message::{Answer, ContentKind, Request};
use crate::{kept, map, photo};

/// How much longer than the partner's answer its home keyboard may take, when both are under way.
const HOME_GRACE: Duration = Duration::from_millis(250);

/// One turn of one user.
pub(super) struct Turn<'a> {
    partner: &'a Arc<Partner>,
    hall: &'a Hall,
    handed: &'a Handed,
    user_key: String,
    /// When everything must have been said.
    ends: Instant,
}

/// What became of what a user said.
#[derive(Default)]
struct Asked {
    answers: Vec<Said>,
    /// The last answer's keyboard, if there was an answer.
    keyboard: Option<Option<Keyboard>>,
    /// Why the last one was not answered.
    failed: Option<Rejected>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        partner: &'a Arc<Partner>,
        hall: &'a Hall,
        handed: &'a Handed,
        heard: &Heard,
        begun: Instant,
    ) -> Self {
        let conversation = &handed.conversation;
        let user = match handed.kind {
            Kind::ConversationUpdate => heard.newcomer(&partner.account.id).unwrap_or_default(),
            _ => heard.from(),
        };
        // Whoever has no id is known by where they speak.
        let user = if user.id.is_empty() { conversation.id.as_str() } else { &user.id };
        Self {
            partner,
            hall,
            handed,
            user_key: partner.user_key(conversation.channel.as_str(), user),
            ends: begun + handed.budget.saturating_sub(MARGIN),
        }
    }

    /// The user says something.
    pub(super) async fn hear(&self, items: &[Item]) -> Outcome {
        if items.is_empty() {
            return Outcome::taken();
        }
        let settings = &self.partner.settings;
        let Some(_alone) = self.alone().await else {
            return taken(self.notice(&settings.no_answer_text, None));
        };
        let (before, health) = match self.kept().await {
            Ok(kept) => kept,
            Err(error) => return not_now(&error.to_string()),
        };
        if !health.is_called() {
            return taken(self.notice(&settings.outage_text, None));
        }
        let (mut standing, shown) = self.step(before.clone(), Event::Here);
        // The user looks at the home keyboard again; it is asked for while the partner answers.
        let home = (shown == Shown::Home).then(|| self.ask_home());
        let shown = match shown {
            Shown::Keyboard(keyboard) => keyboard,
            _ => self.partner.memory.home.last(self.partner),
        };
        let (asked, ()) = tokio::join!(self.ask(items, &shown), self.befriend(&before));
        (standing, _) = self.step(standing, Event::Befriended);
        if let Some(keyboard) = &asked.keyboard {
            (standing, _) = self.step(standing, Event::Answered(keyboard.as_ref()));
        }
        self.note(&health, &asked).await;
        let mut answers = asked.answers;
        if asked.failed.is_some() {
            let keyboard = self.before_them(&standing, home, shown).await;
            answers.extend(self.notice(&settings.no_answer_text, Some(&keyboard)));
        }
        self.keep(&before, &standing).await;
        taken(answers)
    }

    /// The user comes in.
    pub(super) async fn enter(&self) -> Outcome {
        let Some(_alone) = self.alone().await else { return Outcome::taken() };
        let settings = &self.partner.settings;
        let (before, health) = match self.kept().await {
            Ok(kept) => kept,
            Err(error) => return not_now(&error.to_string()),
        };
        if !health.is_called() {
            return taken(map::notice(&self.partner.account, &settings.outage_text, None, None));
        }
        let (standing, shown) = self.step(before.clone(), Event::Here);
        let (standing, shown) = match shown {
            Shown::Home => {
                let home = self.partner.memory.home.get(self.partner, self.left());
                let (home, ()) = tokio::join!(home, self.befriend(&before));
                self.step(standing, Event::Home(&home))
            }
            shown => {
                self.befriend(&before).await;
                (standing, shown)
            }
        };
        let (standing, _) = self.step(standing, Event::Befriended);
        self.keep(&before, &standing).await;
        taken(self.greeting(shown))
    }

    /// The user leaves.
    pub(super) async fn leave(&self) -> Outcome {
        let Some(_alone) = self.alone().await else { return Outcome::taken() };
        let (before, health) = match self.kept().await {
            Ok(kept) => kept,
            Err(error) => return not_now(&error.to_string()),
        };
        if health.is_called() {
            self.partner.leave(&self.user_key, self.left()).await;
        }
        let (standing, _) = self.step(before.clone(), Event::Left);
        self.keep(&before, &standing).await;
        Outcome::taken()
    }

    /// The user adds the bot to their friends.
    pub(super) async fn add(&self) -> Outcome {
        let Some(_alone) = self.alone().await else { return Outcome::taken() };
        let (before, health) = match self.kept().await {
            Ok(kept) => kept,
            Err(error) => return not_now(&error.to_string()),
        };
        if health.is_called() {
            self.befriend(&before).await;
            let (standing, _) = self.step(before.clone(), Event::Befriended);
            self.keep(&before, &standing).await;
        }
        Outcome::taken()
    }

    /// The user blocks the bot: the partner is told, and what was kept of them goes.
    pub(super) async fn block(&self) -> Outcome {
        let Some(_alone) = self.alone().await else { return Outcome::taken() };
        let realm = &self.partner.record.realm;
        self.partner.block(&self.user_key, self.left()).await;
        match kept::forget(self.hall, realm, &self.user_key).await {
            Ok(()) => Outcome::taken(),
            Err(error) => not_now(&error.to_string()),
        }
    }

    /// How long there is still.
    fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Waits until nothing else that the user said is under way here. `None`: that takes too long.
    async fn alone(&self) -> Option<OwnedMutexGuard<()>> {
        timeout(self.left(), self.partner.memory.users.enter(&self.user_key)).await.ok()
    }

    async fn kept(&self) -> Result<(Standing, Health), Error> {
        let record = &self.partner.record;
        tokio::try_join!(
            kept::standing(self.hall, &record.realm, &self.user_key),
            kept::health(self.hall, &record.realm, &record.id),
        )
    }

    fn step(&self, standing: Standing, event: Event<'_>) -> (Standing, Shown) {
        step(standing, event, self.hall.env().now(), self.partner.settings.keyboard_rules())
    }

    /// Hands each item to the partner, one after the other, until one is not answered.
    async fn ask(&self, items: &[Item], shown: &Keyboard) -> Asked {
        let mut asked = Asked::default();
        for item in items {
            let content = match item.kind {
                ContentKind::Text => as_labeled(&item.content, shown),
                _ => &item.content,
            };
            let request = Request { user_key: &self.user_key, kind: item.kind, content };
            match self.partner.message(&request, self.left()).await {
                Ok(answer) => {
                    asked.answers.extend(self.answer(&answer).await);
                    asked.keyboard = Some(answer.keyboard);
                }
                Err(rejected) => {
                    asked.failed = Some(rejected);
                    break;
                }
            }
        }
        asked
    }

    async fn answer(&self, answer: &Answer) -> Option<Said> {
        let picture = match &answer.message.photo {
            Some(photo) => {
                let egress = &self.partner.shared.egress;
                let realm = &self.partner.record.realm;
                Some(photo::keep(self.hall, egress, realm, photo, self.left()).await)
            }
            None => None,
        };
        map::answer(&self.partner.account, answer, picture.as_ref(), &self.handed.id)
    }

    async fn befriend(&self, standing: &Standing) {
        if !standing.is_friend {
            self.partner.add_friend(&self.user_key, self.left()).await;
        }
    }

    fn ask_home(&self) -> JoinHandle<Keyboard> {
        let partner = Arc::clone(self.partner);
        let within = partner.settings.answer_timeout();
        tokio::spawn(async move { partner.memory.home.get(&partner, within).await })
    }

    /// The keyboard that a notice leaves before the user.
    async fn before_them(
        &self,
        standing: &Standing,
        home: Option<JoinHandle<Keyboard>>,
        last_seen: Keyboard,
    ) -> Keyboard {
        if let (_, Shown::Keyboard(keyboard)) = self.step(standing.clone(), Event::Here) {
            return keyboard;
        }
        let Some(home) = home else { return last_seen };
        match timeout(HOME_GRACE, home).await {
            Ok(Ok(keyboard)) => keyboard,
            _ => last_seen,
        }
    }

    /// The home keyboard comes last: most clients show the choices of the last message alone.
    fn greeting(&self, shown: Shown) -> Vec<Said> {
        let (account, settings) = (&self.partner.account, &self.partner.settings);
        let (keyboard, no_human) = match shown {
            Shown::NoHuman(keyboard) => (Some(keyboard), true),
            Shown::Keyboard(keyboard) => (Some(keyboard), false),
            Shown::Home | Shown::Nothing => (None, false),
        };
        let greeting = map::notice(account, &settings.greeting, keyboard.as_ref(), None);
        let carries = keyboard.as_ref().filter(|_| greeting.is_none());
        let no_human =
            no_human.then(|| map::notice(account, &settings.no_human_text, carries, None));
        no_human.flatten().into_iter().chain(greeting).collect()
    }

    fn notice(&self, text: &str, keyboard: Option<&Keyboard>) -> Option<Said> {
        map::notice(&self.partner.account, text, keyboard, Some(&self.handed.id))
    }

    /// Notes how the partner does. What cannot be noted is logged: the user is answered anyway.
    async fn note(&self, health: &Health, asked: &Asked) {
        let recovers = asked.keyboard.is_some() && health.failures_in_a_row > 0;
        let fails = asked.failed.as_ref().is_some_and(|failed| failed.counts);
        let events =
            [recovers.then_some(health::Event::Succeeded), fails.then_some(health::Event::Failed)];
        for event in events.into_iter().flatten() {
            if let Err(error) = self.partner.turn(self.hall, event).await {
                tracing::warn!(bot.id = %self.partner.record.id, %error, "a partner's health was not noted");
            }
        }
    }

    async fn keep(&self, before: &Standing, after: &Standing) {
        if after == before {
            return;
        }
        let of = &self.handed.conversation;
        if let Err(error) = kept::keep_standing(self.hall, of, &self.user_key, after).await {
            tracing::warn!(bot.id = %self.partner.record.id, %error, "a user's keyboard was not kept");
        }
    }
}

fn taken(answers: impl IntoIterator<Item = Said>) -> Outcome {
    Outcome::Taken { answers: answers.into_iter().collect(), result: None }
}
