//! The fuzz targets' corpora, read again.

use std::fs;
use std::path::Path;

/// Gives each input of a corpus to its target.
fn replay(corpus: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(corpus);
    let mut read = 0;
    for input in fs::read_dir(folder).unwrap() {
        target(&fs::read(input.unwrap().path()).unwrap());
        read += 1;
    }
    assert!(read > 0, "the corpus {corpus} is empty");
}

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    replay("kore_frame", maru_kore::fuzz::frame);
    replay("kore_form", maru_kore::fuzz::form);
    replay("kore_multipart", maru_kore::fuzz::multipart);
}
