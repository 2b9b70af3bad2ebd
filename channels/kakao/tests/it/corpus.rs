//! The fuzz targets' corpora, read again.

use maru_testkit::replay;

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("kakao_incoming", maru_kakao::fuzz::incoming);
    replay("kakao_outgoing", maru_kakao::fuzz::outgoing);
}
