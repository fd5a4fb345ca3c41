//! A board as lines of text.

use super::board::{Board, BoardUnit, State};
use crate::cli::duration::in_words;

/// Columns that are used at most: in longer lines the eye loses its way.
const MOST_COLUMNS: usize = 100;
/// Columns from which on steps are told in full, below as a percentage.
const WIDE: usize = 56;
/// The narrowest and the widest sparkline.
const SPARKLINE: (usize, usize) = (6, 24);
/// Columns of a loss.
const LOSS: usize = 8;

/// The board in lines for a terminal of so many columns and rows, none of them wider, and one fewer than the
/// rows: units that are done, as many of the last as there is room for; those that run; how many wait; the time.
pub fn lines(board: &Board, (columns, rows): (usize, usize)) -> Vec<String> {
    let columns = columns.min(MOST_COLUMNS);
    let mut lines = running(board, columns, rows.saturating_sub(4).max(1));
    match board.of.saturating_sub(board.units.len()) {
        0 => {}
        waiting => lines.push(format!("  {waiting} waiting")),
    }
    lines.push(clock(board, columns));
    let room = rows.saturating_sub(1 + lines.len());
    lines.splice(0..0, done(board, columns, room));
    lines.iter().map(|line| line.trim_end().chars().take(columns).collect()).collect()
}

/// The units that are done in so many lines, the first of which counts those that these do not hold.
fn done(board: &Board, columns: usize, room: usize) -> Vec<String> {
    let line = |unit: &&BoardUnit| match unit.state {
        State::Failed => row("✗", unit, "failed", columns),
        State::Done { took: Some(took) } => row("✓", unit, &in_words(took), columns),
        _ => row("✓", unit, "already done", columns),
    };
    let all: Vec<&BoardUnit> = finished(board).collect();
    if all.len() <= room {
        return all.iter().map(line).collect();
    }
    let hidden = all.len() - room.saturating_sub(1);
    let count = (room > 0).then(|| format!("✓ {hidden} done before"));
    count.into_iter().chain(all[hidden..].iter().map(line)).take(room).collect()
}

fn finished(board: &Board) -> impl Iterator<Item = &BoardUnit> {
    board.units.values().filter(|unit| !matches!(unit.state, State::Running { .. }))
}

/// The units that run, in `room` lines at most.
fn running(board: &Board, columns: usize, room: usize) -> Vec<String> {
    let is_running = |unit: &&BoardUnit| matches!(unit.state, State::Running { .. });
    let all: Vec<&BoardUnit> = board.units.values().filter(is_running).collect();
    let steps = all.iter().map(|unit| steps(unit, columns).len()).max().unwrap_or(0);
    let title = all.iter().map(|unit| unit.key.title().chars().count()).max().unwrap_or(0);
    let taken = 2 + title + 1 + steps + 2 + LOSS;
    let sparkline = columns.saturating_sub(taken).clamp(SPARKLINE.0, SPARKLINE.1);
    let line =
        |unit: &&BoardUnit| row("▸", unit, &course(unit, columns, (steps, sparkline)), columns);
    if all.len() <= room {
        return all.iter().map(line).collect();
    }
    let hidden = all.len() - (room - 1);
    let shown = all[..room - 1].iter().map(line);
    shown.chain([format!("▸ {hidden} more running")]).collect()
}

/// Steps, sparkline and loss of a running unit.
fn course(unit: &BoardUnit, columns: usize, (steps_width, width): (usize, usize)) -> String {
    let State::Running { loss, course, .. } = &unit.state else { return String::new() };
    let (steps, sparkline) = (steps(unit, columns), course.sparkline(width));
    let loss = loss.map(number).unwrap_or_default();
    format!("{steps:>steps_width$} {sparkline:<width$} {loss:>LOSS$}")
}

/// How far a running unit is.
fn steps(unit: &BoardUnit, columns: usize) -> String {
    match (&unit.state, unit.steps) {
        (State::Running { .. }, 0) => String::new(),
        (State::Running { step, .. }, steps) if columns < WIDE => {
            format!("{} %", step * 100 / steps)
        }
        (State::Running { step, .. }, steps) if *step >= steps => "measuring".into(),
        (State::Running { step, .. }, steps) => format!("{step}/{steps}"),
        (State::Done { .. } | State::Failed, _) => String::new(),
    }
}

/// A loss in [`LOSS`] columns.
fn number(loss: f64) -> String {
    match loss.abs() {
        size if size == 0.0 || (1e-3..1e4).contains(&size) || !size.is_finite() => {
            format!("{loss:.4}").chars().take(LOSS).collect()
        }
        _ => format!("{loss:.1e}"),
    }
}

/// A unit in a line: what stands at the right keeps its place, and of the title the end does, which tells units
/// of an experiment apart.
fn row(mark: &str, unit: &BoardUnit, right: &str, columns: usize) -> String {
    let title = unit.key.title();
    let (length, width) =
        (title.chars().count(), columns.saturating_sub(3 + right.chars().count()));
    let title: String = match length > width {
        true => ['…'].into_iter().chain(title.chars().skip(length + 1 - width.max(1))).collect(),
        false => title,
    };
    format!("{mark} {title:<width$} {right}")
}

/// How many are done, elapsed and left, in the longest words that fit.
fn clock(board: &Board, columns: usize) -> String {
    let (done, of) = (finished(board).count(), board.of);
    let elapsed = in_words(board.elapsed);
    // While the last unit is measured nothing is left by its steps, though it takes a while.
    let left = board.left.filter(|left| left.as_secs() > 0).map(in_words);
    let left = |before: &str| {
        left.as_ref().map_or_else(String::new, |left| format!("{before}{left} left"))
    };
    let texts = [
        format!("{done} of {of} done, {elapsed} elapsed{}", left(", ")),
        format!("{done}/{of} done, {elapsed}{}", left(", ")),
        format!("{done}/{of} done{}", left(", ")),
    ];
    let fits = texts.iter().find(|text| text.chars().count() <= columns);
    fits.unwrap_or(&texts[2]).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fernn::experiments::{Subject, UnitKey};
    use std::time::Duration;

    fn key(number: usize) -> UnitKey {
        let subject = Subject::new(if number.is_multiple_of(2) { "G-RNN" } else { "FERNN-V2" });
        UnitKey {
            experiment: "translation".into(),
            subject,
            seed: number as u64,
            ..UnitKey::default()
        }
    }

    /// Of `of` units the first `done` are done and the next `running` run.
    fn board(done: usize, running: usize, of: usize) -> Board {
        let (elapsed, left) = (Duration::from_secs(200), Some(Duration::from_secs(720)));
        let mut board = Board { of, elapsed, left, ..Board::default() };
        for number in 1..=done + running {
            board.begin(number, (&key(number), 1500), number.is_multiple_of(3) && number <= done);
            (1..=340).for_each(|step| {
                board.step(&key(number), step, 1.0 / step as f64);
            });
            if number <= done {
                board.finish(&key(number));
            }
        }
        board
    }

    fn shown(board: &Board, columns: usize, rows: usize) -> Vec<String> {
        lines(board, (columns, rows))
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_no_table_taller() {
        let mut strange = board(4, 2, 9);
        for loss in [f64::NAN, f64::NEG_INFINITY, -1e300, 123_456_789.0, 1e-9, 0.0, 9999.99999] {
            strange.step(&key(5), 341, loss);
            for columns in (1..=130).chain([1000]) {
                assert!(shown(&strange, columns, 20).iter().all(|l| l.chars().count() <= columns));
            }
        }
        for (done, running, of) in [(0, 1, 1), (1, 0, 1), (3, 1, 9), (300, 1, 500), (7, 30, 40)] {
            let board = board(done, running, of);
            for (rows, columns) in (4..60).flat_map(|rows| [40, 60, 80].map(|c| (rows, c))) {
                let lines = shown(&board, columns, rows);
                assert!(lines.len() < rows, "{} lines in {rows} rows", lines.len());
                assert!(lines.iter().all(|l| l.chars().count() <= columns), "{lines:#?}");
                assert!(lines.last().unwrap().ends_with("12 min 0 s left"), "{lines:#?}");
            }
        }
    }

    #[test]
    fn sixty_columns_hold_title_steps_sparkline_and_loss() {
        assert_eq!(
            shown(&board(2, 1, 9), 60, 20),
            [
                "✓ translation FERNN-V2 seed 1                          0.0 s",
                "✓ translation G-RNN seed 2                             0.0 s",
                "▸ translation FERNN-V2 seed 3 340/1500 █▂▁·········   0.0029",
                "  6 waiting",
                "2 of 9 done, 3 min 20 s elapsed, 12 min 0 s left",
            ]
        );
    }

    #[test]
    fn forty_columns_hold_what_tells_units_apart() {
        assert_eq!(
            shown(&board(1, 1, 2), 40, 20),
            [
                "✓ translation FERNN-V2 seed 1      0.0 s",
                "▸ …ion G-RNN seed 2 22 % █▁····   0.0029",
                "1/2 done, 3 min 20 s, 12 min 0 s left",
            ]
        );
    }

    #[test]
    fn of_hundreds_of_units_the_last_are_shown_and_the_others_counted() {
        let lines = shown(&board(300, 1, 500), 60, 10);
        assert_eq!(lines.len(), 9);
        assert_eq!(lines[0], "✓ 295 done before");
        assert!(lines[1].contains("seed 296") && lines[5].contains("seed 300"), "{lines:#?}");
        assert!(lines[5].ends_with("already done"), "{lines:#?}");
        assert!(lines[6].starts_with('▸') && lines[7] == "  199 waiting", "{lines:#?}");
    }

    #[test]
    fn several_units_may_run_and_those_without_room_are_counted() {
        let lines = shown(&board(0, 30, 40), 60, 10);
        assert_eq!(lines.iter().filter(|line| line.contains("340/1500")).count(), 5);
        assert_eq!(lines[5], "▸ 25 more running");
    }

    #[test]
    fn a_unit_alone_has_no_waiting_line_and_says_when_it_is_measured() {
        let mut board = Board { of: 1, ..Board::default() };
        board.begin(1, (&key(1), 10), false);
        let lines = shown(&board, 60, 20);
        assert_eq!(
            lines,
            ["▸ translation FERNN-V2 seed 1 0/10 ··········", "0 of 1 done, 0.0 s elapsed"]
        );
        board.step(&key(1), 10, 0.25);
        assert!(shown(&board, 60, 20)[0].contains(" measuring "));
    }
}
