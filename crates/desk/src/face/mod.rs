//! How agents come in: signing in, uploads, and the socket (WIRE.md).

mod asked;
mod cookie;
mod error;
mod following;
mod openapi;
mod origin;
mod seats;
mod session;
mod showing;
mod socket;
mod upload;

use std::net::IpAddr;
use std::sync::Arc;

use maru_accounts::{Accounts, People, StaffRole};
use maru_activity::RealmId;
use maru_door::{Caller, Face, RateLimit, RouteSet, Routes, Sockets};
use maru_files::Files;
use maru_hall::Hall;

use crate::Service;
use crate::wire::limits::{ANSWERS_KEPT, ANSWERS_MAX, CALLS_AT_ONCE, CALLS_PER_SECOND};
use crate::wire::{Answer, WireError};
pub use openapi::openapi;

use error::ApiError;
use seats::Seats;

const SESSION: &str = "/agent/api/session";
const PASSWORD: &str = "/agent/api/password";
const UPLOAD: &str = "/agent/api/upload";
const SOCKET: &str = "/agent/ws";

/// What the face is made of.
#[derive(Debug)]
pub struct FaceSetup {
    /// The desk.
    pub service: Arc<Service>,
    /// The hall.
    pub hall: Hall,
    /// The realms.
    pub accounts: Arc<Accounts>,
    /// Who may sign in.
    pub people: Arc<People>,
    /// What is sent as files.
    pub files: Files,
    /// The server's sockets.
    pub sockets: Sockets,
}

/// The agents' face: `/agent/api/…` and `/agent/ws`.
#[derive(Debug)]
pub struct DeskFace {
    service: Arc<Service>,
    hall: Hall,
    accounts: Arc<Accounts>,
    people: Arc<People>,
    files: Files,
    sockets: Sockets,
    /// How often an address may call.
    calls: RateLimit<IpAddr>,
    seats: Seats,
    answers: moka::sync::Cache<AnswerKey, Result<Answer, WireError>>,
}

/// A command: the realm, the agent, and the id that the client gave it.
type AnswerKey = (RealmId, Box<str>, Box<str>);

impl DeskFace {
    /// Makes the face.
    pub fn new(setup: FaceSetup) -> Arc<Self> {
        let FaceSetup { service, hall, accounts, people, files, sockets } = setup;
        let answers = moka::sync::Cache::builder()
            .max_capacity(ANSWERS_MAX)
            .time_to_live(ANSWERS_KEPT)
            .build();
        let calls = RateLimit::new(CALLS_PER_SECOND, CALLS_AT_ONCE);
        let seats = Seats::default();
        Arc::new(Self { service, hall, accounts, people, files, sockets, calls, seats, answers })
    }

    /// Lets a caller in who does not call too often.
    fn admit(&self, caller: &Caller) -> Result<(), ApiError> {
        self.calls.check(&caller.peer).map_err(ApiError::TooOften)
    }
}

/// The number of a person who may answer.
fn number_of(person: &maru_accounts::Person) -> Option<&str> {
    person.dn.as_deref().filter(|_| person.roles.contains(&StaffRole::Agent))
}

impl Face for DeskFace {
    fn name(&self) -> &'static str {
        "desk"
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        Routes::of(self)
            .post(SESSION, session::sign_in)
            .get(SESSION, session::show)
            .delete(SESSION, session::sign_out)
            .post(PASSWORD, session::change_password)
            .post(UPLOAD, upload::take)
            .get(SOCKET, socket::open)
            .not_allowed(async || ApiError::MethodNotAllowed)
            .done()
    }
}
