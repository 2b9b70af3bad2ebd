//! The fuzz targets' corpora, read again.

use maru_testkit::replay;

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("plus_friend_answer", maru_plus_friend::fuzz::answer);
}
