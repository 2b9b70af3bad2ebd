//! What a face is told of each request, and what is noted of it.

mod address;
mod base_url;
mod caller;
mod layer;

pub use address::{BadNetwork, Networks, TrustedProxies};
pub use base_url::{BadPublicUrl, PublicUrl};
pub use caller::{Caller, NoContext};
pub use layer::{Context, ContextLayer, RequestLog};
