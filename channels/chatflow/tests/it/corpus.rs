//! The fuzz targets' corpora, read again.

use maru_testkit::replay;

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("chatflow_body", maru_chatflow_channel::fuzz::body);
}
