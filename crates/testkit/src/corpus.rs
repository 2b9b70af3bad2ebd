//! The fuzz targets' corpora, read again by the tests of the crates that the targets are about.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

/// Gives each input of a corpus (a folder of `fuzz/corpus`) to its target.
///
/// # Panics
/// When the target does, with the input's name; when the corpus is empty or not there.
pub fn replay(corpus: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(corpus);
    let mut inputs = 0;
    for input in fs::read_dir(folder).expect("there is such a corpus") {
        let path = input.expect("a folder can be read").path();
        let bytes = fs::read(&path).expect("an input can be read");
        assert!(catch_unwind(|| target(&bytes)).is_ok(), "{} does harm", path.display());
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus {corpus} is empty");
}
