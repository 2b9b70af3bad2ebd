//! The fuzz targets' corpora, read again.

use maru_testkit::replay;

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("naver_incoming", maru_naver::fuzz::incoming);
    replay("naver_outgoing", maru_naver::fuzz::outgoing);
}
