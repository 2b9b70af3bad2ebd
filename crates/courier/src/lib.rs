//! Between the hall and the way out: what channels and bots of several protocols do alike when they call
//! a server that somebody configured.
//!
//! [`answer`] says by the hall's retry rules what an attempt to hand something over came to, and
//! [`deadline`] how long it may take. [`attach`] brings in what users show, before its links die.
//! [`address`], [`base_address`], [`check_hosts`] and [`belongs`] read the settings that say where such calls may go.

mod address;
mod media;
mod outcome;

pub use address::{address, base_address, belongs, check_hosts, is_origin};
pub use media::{Attached, Source, attach};
pub use outcome::{answer, deadline};
