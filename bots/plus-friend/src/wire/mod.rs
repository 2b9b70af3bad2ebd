//! The protocol's JSON, field for field (`kakao-naver-chatflow.md` §1.2, §1.3).

pub(crate) mod keyboard;
pub(crate) mod message;
pub(crate) mod user;
