//! The smallest of desks: one group whose agent answers at once, one virtual agent, and numbers that
//! refuse. What it does to a call stands in the log, as every desk's does.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use maru_activity::{Account, Activity, Draft, Kind, RealmId, Role};
use maru_hall::{
    By, Call, CallState, CallStatus, Conversation, CustomerDid, Desk, Dialed, Error, Greet,
    HANDOFF_STATUS, Handing, Meta, Party, PartyKind, Route, Spoken, WeakHall,
};
use parking_lot::Mutex;

/// A group: its agent 3001 answers at once.
pub(crate) const GROUP: &str = "3000";
/// A virtual agent, behind which the bot answers.
pub(crate) const VIRTUAL: &str = "3105";
/// A group that nobody answers: whoever calls it waits.
pub(crate) const QUEUE: &str = "3009";
/// A number that is busy.
pub(crate) const BUSY: &str = "3486";

#[derive(Debug, Default)]
pub(crate) struct TestDesk {
    hall: OnceLock<WeakHall>,
    /// What customers did, in order.
    pub(crate) did: Mutex<Vec<CustomerDid>>,
    /// Calls that were given to it, in order.
    pub(crate) calls: Mutex<Vec<Call>>,
}

impl TestDesk {
    pub(crate) fn attach(&self, hall: WeakHall) {
        self.hall.set(hall).unwrap();
    }

    async fn step(
        &self,
        conversation: &Arc<Conversation>,
        said: Vec<Activity>,
        (route, greet, epoch): (Option<Route>, Option<Greet>, Option<u64>),
    ) -> Result<(), Error> {
        let said = said.into_iter().map(|activity| Spoken {
            role: Role::Agent,
            activity,
            audience: None,
            meta: Meta::default(),
            tell: None,
        });
        let handing = Handing {
            said: said.collect(),
            route,
            greet,
            expect_epoch: epoch,
            ..Handing::default()
        };
        let hall = self.hall.get().and_then(WeakHall::upgrade).unwrap();
        hall.hand(conversation, handing).await.map(drop)
    }
}

#[async_trait]
impl Desk for TestDesk {
    async fn dial(&self, _: &RealmId, dn: &str) -> Result<Option<Dialed>, Error> {
        let bot = (dn == VIRTUAL).then(|| "bot".into());
        let known = [GROUP, VIRTUAL, QUEUE, BUSY].contains(&dn);
        Ok(known.then(|| Dialed { dn: dn.into(), bot }))
    }

    async fn admit(&self, conversation: &Arc<Conversation>, call: Call) -> Result<(), Error> {
        let trying = status(CallState::Trying, 100, "Trying", None);
        let ringing = status(CallState::Ringing, 180, "Ringing", None);
        let accepted = |kind, dn: &str| {
            let party = Party { dn: dn.into(), name: "김상담".into(), kind };
            status(CallState::Accepted, 200, "OK", Some(party))
        };
        let (said, route, greet) = match &*call.dn {
            VIRTUAL => {
                let user = call.customer.clone();
                let greet = Greet { user, locale: call.locale.clone() };
                let said = vec![trying, ringing, accepted(PartyKind::Bot, VIRTUAL)];
                (said, Route::Bot("bot".into()), Some(greet))
            }
            QUEUE => {
                let queued = status(CallState::Queued, 182, "Queued", None);
                (vec![trying, queued], Route::Desk(QUEUE.into()), None)
            }
            BUSY => {
                let end = ended(486, "Busy Here", By::System);
                (vec![trying, end], Route::Nobody, None)
            }
            _ => {
                let said = vec![trying, ringing, accepted(PartyKind::Agent, "3001")];
                (said, Route::Agent("3001".into()), None)
            }
        };
        match self.step(conversation, said, (Some(route), greet, Some(0))).await {
            Ok(()) => {
                self.calls.lock().push(call);
                Ok(())
            }
            // It was taken before.
            Err(Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn customer(
        &self,
        conversation: &Arc<Conversation>,
        what: CustomerDid,
    ) -> Result<(), Error> {
        self.did.lock().push(what);
        if what != CustomerDid::Left {
            return Ok(());
        }
        let end = ended(200, "Call terminated", By::Customer);
        self.step(conversation, vec![end], (Some(Route::Nobody), None, None)).await
    }
}

fn account() -> Account {
    Account { id: "3001".to_owned(), name: Some("김상담".to_owned()), role: None }
}

pub(crate) fn status(state: CallState, code: u16, message: &str, party: Option<Party>) -> Activity {
    let status =
        CallStatus { state, code, message: message.into(), party, virtual_agent: None, by: None };
    let mut draft = Draft::new(&Kind::Event);
    draft.set_value("from", &account());
    draft.set_text("name", HANDOFF_STATUS);
    draft.set_value("value", &status);
    draft.finish().unwrap()
}

pub(crate) fn ended(code: u16, message: &str, by: By) -> Activity {
    let state = if code == 200 { CallState::Completed } else { CallState::Failed };
    let status = CallStatus {
        state,
        code,
        message: message.into(),
        party: None,
        virtual_agent: None,
        by: Some(by),
    };
    let mut draft = Draft::new(&Kind::EndOfConversation);
    draft.set_value("from", &account());
    draft.set_value("value", &status);
    draft.finish().unwrap()
}
