//! `fernn verify`: measures the equivariance of the crate's cells.

use super::finding::Finding;
use super::flags::ThreadFlags;
use super::provenance;
use candle_core::DType;
use clap::{Args, ValueEnum};
use fernn::Error;
use fernn::atomic_file::write_atomically;
use fernn::flow::{AnyVelocity, Velocity};
use fernn::report::{VerifyResults, write_equivariance};
use fernn::verification::{
    Baseline, GroupKind, Row, Selection, Specimen, counter_example, error_by_angle, error_by_step,
    error_by_velocity, rotation_error_by_step, rows, search,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Measures every statement of the theory on random cells, in f32 and f64, beside controls that
/// must break them; exit code 1 when one does not hold.
///
/// `exact` means the same bits, `rounding` at most 4096 units in the last place in either
/// precision, `discretisation` an error that f64 does not lower but that interpolation on the grid
/// explains, `BROKEN` anything else.
#[derive(Args)]
pub struct Arguments {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Only this cell; may be given several times [default: all]
    #[arg(long, value_name = "CELL", value_parser = cell)]
    cell: Vec<Specimen>,
    /// Only this flow: `translation`, `rotation`, or one velocity such as 1,-1 in pixels per frame or
    /// 90deg in degrees per frame, a multiple of 45
    #[arg(long, value_name = "FLOW", value_parser = flow, allow_hyphen_values = true)]
    flow: Option<Flows>,
    /// Seed of weights and inputs
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Precisions; one alone cannot tell rounding from a breach of the same size
    #[arg(long, value_enum, default_value_t = Precision::Both)]
    dtype: Precision,
    /// Also fails on whatever is worse than in this file, written with `--format csv`
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Also writes equivariance.csv, a baseline for later, and figures to this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Searches random cases for counterexamples as well, and shrinks what it finds
    #[arg(long)]
    thorough: bool,
    /// How long `--thorough` searches
    #[arg(long, value_name = "MINUTES", default_value_t = 60.0, requires = "thorough")]
    minutes: f64,
    #[command(flatten)]
    threads: ThreadFlags,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Comma-separated values
    Csv,
    /// A list of objects
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum Precision {
    F32,
    F64,
    Both,
}

#[derive(Clone, Copy)]
enum Flows {
    Translations,
    Rotations,
    Single(AnyVelocity),
}

fn cell(name: &str) -> Result<Specimen, String> {
    Specimen::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<_> = Specimen::ALL.iter().map(|kind| kind.name()).collect();
        format!("there is no such cell; choose from {}", names.join(", "))
    })
}

fn flow(text: &str) -> Result<Flows, String> {
    let still = || Err("a flow that stands still proves nothing; take another".into());
    match text {
        "translation" => return Ok(Flows::Translations),
        "rotation" => return Ok(Flows::Rotations),
        _ => {}
    }
    match text.parse() {
        Ok(AnyVelocity::Rotation(v)) if v == Velocity::ZERO => still(),
        Ok(flow @ AnyVelocity::Rotation(v)) => {
            match v.0.abs() <= 360 && GroupKind::ALL.iter().any(|group| group.has(flow)) {
                true => Ok(Flows::Single(flow)),
                false => Err("give a multiple of 45deg, at most a whole turn".into()),
            }
        }
        Ok(AnyVelocity::Translation(v)) if v == Velocity::ZERO => still(),
        Ok(flow @ AnyVelocity::Translation(v)) if v.x.abs() <= 1000 && v.y.abs() <= 1000 => {
            Ok(Flows::Single(flow))
        }
        _ => Err("give `translation`, `rotation` or a velocity such as 1,-1 or 90deg".into()),
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    arguments.threads.apply()?;
    let selection = selection(arguments);
    let baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?;
    let start = Instant::now();
    // On a worker of the pool, which then need not be woken for every operation.
    let measured = rayon::scope(|_| measure(arguments.format, &selection))?;
    if measured.is_empty() {
        return Err(Error::configuration(
            "the selection",
            "leaves nothing to measure",
            "leave --cell or --flow out",
        )
        .into());
    }
    eprintln!("{}, {:.0} s", summary(&measured), start.elapsed().as_secs_f64());
    if let Some(folder) = &arguments.out {
        write_figures(&measured, folder)?;
    }
    let mut is_fine = measured.iter().all(|row| row.holds);
    if let Some(baseline) = baseline {
        let is_asked_for = |row: &Row| is_selected(row, &selection);
        for worse in baseline.deviations(&measured, is_asked_for) {
            eprintln!("worse than the baseline: {} {}", worse.statement, worse.change);
            is_fine = false;
        }
    }
    if arguments.thorough {
        is_fine &=
            search_for(Duration::from_secs_f64(60.0 * arguments.minutes.max(0.0)), &selection)?;
    }
    Ok(if is_fine { Finding::Fine } else { Finding::CheckFailed })
}

fn selection(arguments: &Arguments) -> Selection {
    let all = Selection::default();
    let cells = if arguments.cell.is_empty() { all.cells } else { arguments.cell.clone() };
    let is_translation = |flow: &AnyVelocity| matches!(flow, AnyVelocity::Translation(_));
    let flows: Vec<AnyVelocity> = match arguments.flow {
        Some(Flows::Single(flow)) => vec![flow],
        Some(Flows::Translations) => all.flows.into_iter().filter(is_translation).collect(),
        Some(Flows::Rotations) => all.flows.into_iter().filter(|f| !is_translation(f)).collect(),
        None => all.flows,
    };
    let dtypes = match arguments.dtype {
        Precision::F32 => vec![DType::F32],
        Precision::F64 => vec![DType::F64],
        Precision::Both => all.dtypes,
    };
    Selection { cells, flows, dtypes, seed: arguments.seed }
}

/// Whether a baseline's row is about what is measured now.
fn is_selected(row: &Row, selection: &Selection) -> bool {
    let is_of_cell = |kind: &Specimen| kind.name() == row.cell;
    let has_flow = match row.property.split_once(" by ") {
        None => true,
        Some((_, name)) => selection.flows.iter().any(|flow| flow.name() == name),
    };
    let is_group = |group: &&GroupKind| row.group.split(' ').next() == Some(&group.name());
    let group = GroupKind::ALL.iter().find(is_group);
    let flows_in_group = group.is_some_and(|g| selection.flows.iter().any(|&flow| g.has(flow)));
    let is_of_group = row.cell == "-" && selection.cells.contains(&Specimen::Rnn);
    has_flow && flows_in_group && (is_of_group || selection.cells.iter().any(is_of_cell))
}

/// Measures and prints; people see each line as soon as it is there.
fn measure(format: Format, selection: &Selection) -> anyhow::Result<Vec<Row>> {
    let mut printed = Ok(());
    let mut property = String::new();
    let measured = rows(selection, |row| {
        if matches!(format, Format::Table) && printed.is_ok() {
            printed = print_line(row, &mut property);
        }
    })?;
    printed?;
    match format {
        Format::Table => {}
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(std::io::stdout());
            measured.iter().try_for_each(|row| writer.serialize(row))?;
            writer.flush()?;
        }
        Format::Json => outln!("{}", serde_json::to_string_pretty(&measured)?)?,
    }
    Ok(measured)
}

fn print_line(row: &Row, property: &mut String) -> std::io::Result<()> {
    if *property != row.property {
        outln!("{}", row.property)?;
        property.clone_from(&row.property);
    }
    let verdict = match (row.holds, row.expected.as_str()) {
        (true, "BROKEN") => "BROKEN (must)".to_string(),
        (true, _) => row.verdict.clone(),
        (false, expected) => format!("{} <- expected {expected}", row.verdict),
    };
    let error = |error: Option<f64>| error.map_or("-".into(), |error| format!("{error:.0e}"));
    outln!(
        "  {:<13} {:<9} {:<18} {:<8} {:>5} {:>5} {verdict}",
        row.cell,
        row.lift,
        row.group,
        row.algorithm,
        error(row.error_f32),
        error(row.error_f64)
    )
}

fn write_figures(rows: &[Row], folder: &Path) -> anyhow::Result<()> {
    let measured = VerifyResults {
        rows,
        by_step: &error_by_step()?,
        by_velocity: &error_by_velocity()?,
        rotation_by_step: &rotation_error_by_step()?,
        by_angle: &error_by_angle()?,
        counter_examples: &[counter_example(0)?, counter_example(1)?],
    };
    write_equivariance(&measured, folder)?;
    let provenance = [
        ("version", env!("CARGO_PKG_VERSION").to_string()),
        ("command", provenance::command_line()),
        ("commit", env!("FERNN_COMMIT").to_string()),
        ("CPU", provenance::cpu_name()),
        ("kernels", fernn::ops::instruction_set().to_string()),
    ];
    let lines = provenance.map(|(name, value)| format!("{name}: {value}\n")).concat();
    write_atomically(&folder.join("equivariance").join("provenance.txt"), lines.as_bytes())?;
    eprintln!("baseline: {}", folder.join("equivariance.csv").display());
    eprintln!("figures: {}", folder.join("equivariance").display());
    Ok(())
}

fn summary(rows: &[Row]) -> String {
    let count = |verdict: &str| rows.iter().filter(|r| r.holds && r.verdict == verdict).count();
    let failed = rows.iter().filter(|row| !row.holds).count();
    format!(
        "{} statements: {} exact, {} rounding, {} discretisation, {} broken as they must be, {} \
         unexpected",
        rows.len(),
        count("exact"),
        count("rounding"),
        count("discretisation"),
        count("BROKEN"),
        failed
    )
}

/// Searches random cases until the time is over or one is found; whether none was.
fn search_for(time: Duration, selection: &Selection) -> anyhow::Result<bool> {
    const AT_ONCE: u32 = 256;
    let (start, mut batch) = (Instant::now(), 0u64);
    loop {
        if let Some(found) = search(selection, batch, AT_ONCE)? {
            outln!("counterexample to {}: {}", found.property.name(), found.reason)?;
            outln!("  flow {}, {:?}", found.flow.name(), found.case)?;
            return Ok(false);
        }
        batch += 1;
        let is_over = start.elapsed() >= time;
        if batch.is_power_of_two() || is_over {
            let (cases, seconds) = (batch * u64::from(AT_ONCE), start.elapsed().as_secs());
            eprintln!("{cases} random cases, no counterexample, {seconds} s");
        }
        if is_over {
            break;
        }
    }
    Ok(true)
}
