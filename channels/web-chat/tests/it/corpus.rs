//! The fuzz target's corpus, read again.

use maru_testkit::replay;

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("web_chat_frame", maru_web_chat::fuzz::frame);
}
