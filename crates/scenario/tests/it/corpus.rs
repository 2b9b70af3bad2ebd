//! The fuzz targets' corpora, read again.

use maru_testkit::replay;

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("scenario_file", maru_scenario::fuzz::scenario);
    replay("scenario_template", maru_scenario::fuzz::template);
    replay("scenario_condition", maru_scenario::fuzz::condition);
}
