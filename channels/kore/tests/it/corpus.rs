//! The fuzz targets' corpora, read again.

use maru_testkit::replay;

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("kore_frame", maru_kore::fuzz::frame);
    replay("kore_form", maru_kore::fuzz::form);
    replay("kore_multipart", maru_kore::fuzz::multipart);
}
