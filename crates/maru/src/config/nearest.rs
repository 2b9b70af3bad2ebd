//! The known name nearest to one that somebody wrote.

/// The nearest of `known` to `name`. Of a dotted name the last part counts too, so that `level` in
/// the wrong section finds `log.level`.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().min_by_key(|candidate| {
        let whole = strsim::osa_distance(name, candidate);
        // A match of the last part alone is worth less than one of the whole.
        let last = strsim::osa_distance(last_part(name), last_part(candidate)) + 1;
        (whole.min(last), whole)
    })
}

/// How far apart two names are, in edits.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(a, b)
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_what_was_meant() {
        let known = ["listen", "log.level", "log.format", "retention.days"];
        for (name, meant) in [
            ("lisen", "listen"),
            ("level", "log.level"),
            ("log.fromat", "log.format"),
            ("retention.day", "retention.days"),
            ("hall.days", "retention.days"),
        ] {
            assert_eq!(nearest(name, known), Some(meant), "{name}");
        }
    }
}
