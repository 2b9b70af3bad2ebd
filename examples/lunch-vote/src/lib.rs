//! The lunch vote: people of one group choose a restaurant, and see which was chosen most.
//!
//! A Plus Friend partner server: five endpoints that a messenger's platform calls, with nothing but a
//! user's key to tell who speaks. No dialogue is kept. Every button says all that it means, so any text
//! can come at any time (an old button, a link, a second tap) and is answered for what it is.

mod answer;
mod booth;
mod day;
mod http;
mod store;
mod talk;
mod words;

pub use day::Clock;
pub use http::router;
pub use store::Store;
