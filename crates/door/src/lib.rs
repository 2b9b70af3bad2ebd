//! What every served face shares.
//!
//! A face is a set of routes that speaks one protocol. This crate gives it everything that is the
//! same for all of them, and nothing that differs: [`Faces`] puts the faces together and refuses
//! two on one path; [`Context`] tells a face who calls ([`Caller`]) and writes the log line and the
//! numbers of each request; [`serve`] accepts connections; [`body`] and [`multipart`] read what
//! comes in under a cap and a pace; [`download`] gives files out; [`Cors`] lets pages of other
//! origins read the answers; [`Sockets`] configures WebSockets and lets them go when the server
//! stops; [`Followers`] follow conversations for users without a socket; [`RateLimit`] counts. How an error looks to a client is each protocol's own matter: here
//! it has only a [`Kind`].

pub mod body;
mod context;
mod cors;
mod download;
mod followers;
mod kind;
mod limits;
mod metrics;
pub mod multipart;
mod register;
mod server;
mod socket;

pub use context::{
    BadNetwork, BadPublicUrl, Caller, Context, ContextLayer, Networks, NoContext, PublicUrl,
    RequestLog, TrustedProxies,
};
pub use cors::Cors;
pub use download::download;
pub use followers::{Followers, Following};
pub use kind::Kind;
pub use limits::RateLimit;
pub use metrics::{Counted, Metrics};
pub use register::{DuplicateRoute, Face, Faces, RouteSet, RouteSpec, Routes};
pub use server::{
    Listener, ServerOptions, TlsError, TlsFiles, Wire, fold_slashes, raise_file_limit, serve,
};
pub use socket::{
    BrokenSocket, GOING_AWAY, OpenSocket, SERVICE_RESTART, Sockets, close_socket, send_message,
};
