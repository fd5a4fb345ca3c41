//! Verdicts, counted.

use crate::equivariance::Row;

/// How many statements have which verdict; one that was not expected counts as nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub statements: usize,
    /// The same bits in both precisions.
    pub exact: usize,
    /// Rounding at most.
    pub rounding: usize,
    /// The price of interpolation at most.
    pub discretisation: usize,
    /// Broken, as they must be.
    pub broken: usize,
    /// Not what the theory says.
    pub unexpected: usize,
}

impl Counts {
    /// Counts rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut counts = Self::default();
        rows.into_iter().for_each(|row| counts.add(row));
        counts
    }

    /// Counts one row more.
    pub fn add(&mut self, row: &Row) {
        self.statements += 1;
        *match (row.holds, row.verdict.as_str()) {
            (false, _) => &mut self.unexpected,
            (true, "exact") => &mut self.exact,
            (true, "rounding") => &mut self.rounding,
            (true, "discretisation") => &mut self.discretisation,
            (true, _) => &mut self.broken,
        } += 1;
    }

    /// All of them in words.
    pub fn sentence(self) -> String {
        let Self { statements, exact, rounding, discretisation, broken, unexpected } = self;
        format!(
            "{statements} statements: {exact} exact, {rounding} rounding, {discretisation} \
             discretisation, {broken} broken as they must be, {unexpected} unexpected"
        )
    }
}
