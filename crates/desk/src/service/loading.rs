//! Reading the floor: all of it once, then what other nodes have changed.

use std::collections::HashMap;
use std::sync::Arc;

use maru_activity::ConversationId;
use maru_hall::{CustomerDid, Error, Hall};
use tokio::time::Instant;

use crate::floor::{Agent, CallKind, Chat, Event, Floor, Queue};
use crate::service::kept::{self, AGENTS, CHATS, QUEUES, Versions, all, read};
use crate::service::room::Keeper;
use crate::{Changed, Refusal, Why};

impl Keeper {
    /// Reads everything. Where no other node can have seen to it, every customer's link broke when the
    /// last process ended.
    pub(super) async fn load(&mut self) -> Result<(), Error> {
        let hall = self.room.hall()?;
        let realm = &self.room.realm;
        let (book, _) = kept::book(&hall, realm).await?;
        let mut versions = Versions::default();
        let mut floor =
            Floor { book: Arc::new(book), open_since: hall.env().now(), ..Floor::default() };
        for state in all(&hall, realm, AGENTS).await? {
            versions.set(AGENTS, &state.key, state.version);
            let agent: Agent = read(&state)?;
            floor.agents.insert(agent.dn.clone(), Arc::new(agent));
        }
        for state in all(&hall, realm, QUEUES).await? {
            versions.set(QUEUES, &state.key, state.version);
            let queue: Queue = read(&state)?;
            floor.queues.insert(queue.dn.clone(), Arc::new(queue));
        }
        for state in all(&hall, realm, CHATS).await? {
            versions.set(CHATS, &state.key, state.version);
            let chat: Chat = read(&state)?;
            floor.chats.insert(chat.call.clone(), Arc::new(chat));
        }
        let unlinked: Vec<_> = floor.chats.values().filter_map(unlinked).collect();
        *self.room.floor.write() = floor;
        self.versions = versions;
        self.fresh = Some(Instant::now());
        if !hall.is_shared() {
            for event in unlinked {
                if let Err(Refusal::Hall(error)) = self.act(event, Vec::new(), None).await {
                    return Err(error);
                }
            }
        }
        self.room.tell(Changed::All);
        Ok(())
    }

    /// Reads the numbers and settings.
    pub(super) async fn load_book(&mut self) -> Result<(), Error> {
        let hall = self.room.hall()?;
        let (book, _) = kept::book(&hall, &self.room.realm).await?;
        if *self.room.floor.read().book != book {
            self.room.floor.write().book = Arc::new(book);
            self.room.tell(Changed::All);
        }
        Ok(())
    }

    /// Reads a call that is not known here.
    pub(super) async fn load_chat(
        &mut self,
        hall: &Hall,
        call: &ConversationId,
    ) -> Result<(), Error> {
        let state = hall.state(&self.room.realm, CHATS, call.as_str()).await?;
        let version = state.as_ref().map_or(0, |state| state.version);
        self.versions.set(CHATS, call.as_str(), version);
        let chat = state.as_ref().map(read::<Chat>).transpose()?;
        let mut floor = self.room.floor.write();
        match chat {
            Some(chat) => floor.chats.insert(call.clone(), Arc::new(chat)),
            None => floor.chats.remove(call),
        };
        Ok(())
    }

    /// Reads what was changed by others: agents and queues tell of every call that matters to anybody.
    pub(super) async fn follow(&mut self, hall: &Hall) -> Result<(), Error> {
        self.load_book().await?;
        let realm = self.room.realm.clone();
        let agents = all(hall, &realm, AGENTS).await?;
        let queues = all(hall, &realm, QUEUES).await?;
        for state in &agents {
            if self.versions.of(AGENTS, &state.key) != state.version {
                let agent: Agent = read(state)?;
                self.versions.set(AGENTS, &state.key, state.version);
                self.room.tell(Changed::Agent(agent.dn.clone()));
                self.room.floor.write().agents.insert(agent.dn.clone(), Arc::new(agent));
            }
        }
        for state in &queues {
            if self.versions.of(QUEUES, &state.key) != state.version {
                let queue: Queue = read(state)?;
                self.versions.set(QUEUES, &state.key, state.version);
                self.room.tell(Changed::Group(queue.dn.clone()));
                self.room.floor.write().queues.insert(queue.dn.clone(), Arc::new(queue));
            }
        }
        self.follow_chats(hall).await?;
        self.fresh = Some(Instant::now());
        self.doubtful = false;
        Ok(())
    }

    async fn follow_chats(&mut self, hall: &Hall) -> Result<(), Error> {
        let (stale, gone) = {
            let floor = self.room.floor.read();
            let mut referred: HashMap<&ConversationId, u64> = HashMap::new();
            for (call, rev) in floor.referred() {
                let newest = referred.entry(call).or_default();
                *newest = rev.max(*newest);
            }
            let known = |call: &ConversationId| floor.chats.get(call).map(|chat| chat.rev);
            let stale = referred.iter().filter(|(call, rev)| known(call) != Some(**rev));
            let stale: Vec<_> = stale.map(|(call, _)| (*call).clone()).collect();
            // What nobody refers to is with a bot, or over: it is read again when it is asked for.
            let gone = floor.chats.keys().filter(|call| !referred.contains_key(call));
            (stale, gone.cloned().collect::<Vec<_>>())
        };
        for call in gone {
            self.room.floor.write().chats.remove(&call);
            self.versions.set(CHATS, call.as_str(), 0);
            self.room.tell(Changed::Chat { call, why: Why::Ended });
        }
        for call in stale {
            self.load_chat(hall, &call).await?;
            self.room.tell(Changed::Chat { call, why: Why::Taken });
        }
        Ok(())
    }
}

fn unlinked(chat: &Arc<Chat>) -> Option<Event> {
    // A customer whose door never told of a link is not waited for.
    let is_live = chat.kind == CallKind::Call && !chat.is_over();
    let lost = is_live && chat.link > 0 && chat.lost_at.is_none();
    let did = CustomerDid::Lost { link: chat.link };
    lost.then(|| Event::Customer { call: chat.call.clone(), did })
}
