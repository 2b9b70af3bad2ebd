//! Several halls on one PostgreSQL and one NATS: what one does, the others see, wait for and take
//! over.

mod following;
mod house;
mod taking_over;
