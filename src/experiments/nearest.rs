//! What somebody meant who wrote a name that there is not.

/// The known name that is most like another (Jaro and Winkler, from 0 to 1, of the whole or of what follows its
/// last dot), if it is at least so much alike.
pub(super) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    least: f64,
) -> Option<&'a str> {
    fn last(name: &str) -> &str {
        name.rsplit('.').next().unwrap_or_default()
    }
    let likeness = |other: &str| {
        let whole = strsim::jaro_winkler(name, other);
        whole.max(strsim::jaro_winkler(last(name), last(other)))
    };
    let rated = known.into_iter().map(|other| (other, likeness(other)));
    let best = rated.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best.1 >= least).then_some(best.0)
}
