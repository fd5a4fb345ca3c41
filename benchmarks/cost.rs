//! The cost of a whole training step against the number of velocities |V|, as records, a table and
//! figures: `cargo bench --bench cost -- [--out FOLDER] [--channels C] [--batch B] [--turns N]`.
//!
//! Translations with either algorithm, rotations in either frame of reference.
//!
//! Each |V| and algorithm runs in a process of its own, for its peak memory; the processes take turns,
//! so that a busy machine slows all of them. Beside the speeds stand two limits measured in the
//! same run: multiply-adds on registers, and candle's matrix product.

use anyhow::{Context, bail};
use candle_core::{DType, Device, Tensor};
use fernn::experiments::{CATALOGUE, Evidence, Metric, Record, Subject};
use fernn::report::{Format, write_report};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

#[path = "../scripts/training_step.rs"]
#[allow(dead_code)] // its `main` is the example's
mod training_step;

/// What to measure.
struct Options {
    out: PathBuf,
    channels: usize,
    batch: u64,
    turns: usize,
    ranges: Vec<u32>,
}

impl Options {
    fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = Self {
            out: "results/local/cost".into(),
            channels: 16,
            batch: 4,
            turns: 5,
            ranges: vec![0, 1, 2, 3],
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--out" => options.out = value()?.into(),
                "--channels" => options.channels = value()?.parse()?,
                "--batch" => options.batch = value()?.parse()?,
                "--turns" => options.turns = value()?.parse()?,
                // What cargo passes to every bench, and what CI passes to see it run once.
                "--bench" => {}
                "--test" => {
                    let out = std::env::temp_dir().join("fernn-cost-test");
                    options = Self { out, batch: 1, turns: 1, ranges: vec![0, 1], ..options };
                }
                other => bail!("unknown flag `{other}`; the first lines of this file list them"),
            }
        }
        Ok(options)
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "serve") {
        return training_step::serve(&arguments[1..]);
    }
    let options = Options::parse(&arguments)?;
    // SAFETY: `main` has read its flags, and nothing yet has begun a thread.
    unsafe { fernn::process::prepare() };
    let threads = rayon::current_num_threads();
    let mut servers = Vec::new();
    for model in ["direct", "winograd", "lab", "co-moving"] {
        for &range in &options.ranges {
            servers.push(Server::start(&options, model, range, threads)?);
        }
    }
    for turn in 0..=options.turns {
        for server in &mut servers {
            server.step(turn > 0)?; // the first allocates
        }
    }
    let (peak, gemm) = (fernn::ops::peak_flops() / 1e9, matrix_product_gigaflops()?);
    let mut records = provenance(&options, threads, peak, gemm);
    for server in servers {
        records.extend(server.finish(&options)?);
    }
    let evidence = Evidence { records, pictures: vec![] };
    evidence.write(&options.out.join("records.csv"))?;
    write_report(&evidence, CATALOGUE, &Format::DEFAULT, &options.out)?;
    let table = std::fs::read_to_string(options.out.join("tables/cost.md"))?;
    println!("{table}\nlimits: {peak:.0} GF/s multiply-adds, {gemm:.0} GF/s matrix product");
    println!("Report: {}", options.out.join("REPORT.md").display());
    Ok(())
}

/// A process that answers each line with the seconds of one training step.
struct Server {
    /// An algorithm of translations, or a frame of reference of rotations.
    model: &'static str,
    range: u32,
    fastest: f64,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(
        options: &Options,
        model: &'static str,
        range: u32,
        threads: usize,
    ) -> anyhow::Result<Self> {
        let turns: &[&str] = if is_rotation(model) { &[model] } else { &[] };
        let algorithm = if is_rotation(model) { "auto" } else { model };
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .args([options.channels.to_string(), range.to_string(), options.batch.to_string()])
            .args([algorithm.to_string(), threads.to_string()])
            .args(turns)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().context("the process has no input")?;
        let output = BufReader::new(process.stdout.take().context("the process has no output")?);
        Ok(Self { model, range, fastest: f64::INFINITY, process, input, output })
    }

    fn read(&mut self) -> anyhow::Result<f64> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.trim().parse().context("the measuring process ended early")
    }

    fn step(&mut self, counts: bool) -> anyhow::Result<()> {
        self.input.write_all(b"\n")?;
        let seconds = self.read()?;
        if counts {
            self.fastest = self.fastest.min(seconds);
        }
        Ok(())
    }

    /// The records of this |V| and algorithm.
    fn finish(self, options: &Options) -> anyhow::Result<Vec<Record>> {
        let Self { model, range, fastest, mut process, input, mut output } = self;
        drop(input);
        let mut line = String::new();
        output.read_line(&mut line)?;
        process.wait()?;
        let (experiment, velocities) = match is_rotation(model) {
            true => ("rotation-cost", 2 * range + 1),
            false => ("cost", (2 * range + 1).pow(2)),
        };
        let record = |metric: Metric, value: f64| Record {
            experiment: experiment.into(),
            subject: Subject::new(model),
            profile: "bench".into(),
            metric,
            velocities: Some(velocities),
            value: Some(value),
            ..Record::default()
        };
        let mut records =
            vec![record(Metric::SECONDS, fastest), record(Metric::PEAK_MB, line.trim().parse()?)];
        if !is_rotation(model) {
            let flops = training_step::flops(options.channels, velocities as usize, options.batch);
            records.push(record(Metric::GIGAFLOPS, flops / fastest / 1e9));
        }
        Ok(records)
    }
}

fn is_rotation(model: &str) -> bool {
    matches!(model, "lab" | "co-moving")
}

fn provenance(options: &Options, threads: usize, peak: f64, gemm: f64) -> Vec<Record> {
    let note = |property: &str, note: String| Record::provenance(property, note);
    let Options { channels, batch, turns, .. } = options;
    vec![
        note("version", env!("CARGO_PKG_VERSION").into()),
        note(
            "command",
            format!(
                "cargo bench --bench cost -- --channels {channels} --batch {batch} --turns {turns}"
            ),
        ),
        note("commit", env!("FERNN_COMMIT").into()),
        note("kernels", fernn::ops::instruction_set().into()),
        note("threads", threads.to_string()),
        note("multiply-add limit", format!("{peak:.0} GF/s")),
        note("matrix product limit", format!("{gemm:.0} GF/s")),
    ]
}

/// Candle's f32 matrix product of 1024 × 1024, the best of several.
fn matrix_product_gigaflops() -> anyhow::Result<f64> {
    const N: usize = 1024;
    let a = Tensor::ones((N, N), DType::F32, &Device::Cpu)?;
    let mut fastest = f64::INFINITY;
    for _ in 0..8 {
        let start = Instant::now();
        std::hint::black_box(a.matmul(&a)?);
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok(2.0 * (N * N * N) as f64 / fastest / 1e9)
}
