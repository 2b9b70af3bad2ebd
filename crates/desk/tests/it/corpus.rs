//! The fuzz target's corpus, read again.

use maru_testkit::replay;

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("desk_frame", maru_desk::fuzz::frame);
}
