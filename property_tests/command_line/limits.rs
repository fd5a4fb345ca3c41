//! Runs to which the system, Linux with bash, gives only so much room, memory, addresses, threads or processes.

use super::faults::flags;
use super::{assert_same_products, fernn, products, within};
use std::path::Path;
use std::process::Command;

/// A run whose files may have so many kilobytes each: as on a full disk, writing ends in the middle.
fn limited(out: &Path, kilobytes: u32) -> std::process::Output {
    let limits = format!("trap '' XFSZ; ulimit -f {kilobytes}");
    within(&limits).args(flags(out)).output().unwrap()
}

#[test]
fn a_run_that_finds_no_room_names_the_file_and_goes_on_when_there_is_some() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, short] = ["whole", "short"].map(|name| folder.path().join(name));
    fernn().args(flags(&whole)).assert().success();
    for kilobytes in [0, 1, 8, 40, 150, 400] {
        let output = limited(&short, kilobytes);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            assert!(kilobytes > 100, "{kilobytes} kB are enough for all: {said}");
            break;
        }
        assert_eq!(output.status.code(), Some(2), "{kilobytes} kB: {said}");
        let message = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(message.contains("short"), "the file is not named: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    fernn().args(flags(&short)).assert().success();
    assert_same_products(&products(&whole), &products(&short));
}

/// A file system of its own that grows between the runs, each of which goes on where the last one found it full.
#[test]
fn a_full_disk_is_named_and_the_run_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, full, kept] = ["whole", "full", "kept"].map(|name| folder.path().join(name));
    fernn().args(flags(&whole)).assert().success();
    std::fs::create_dir(&full).unwrap();
    std::fs::create_dir(&kept).unwrap();
    let script = "mount -t tmpfs -o size=8k none \"$FULL\" || exit 99
        mount -o remount,size=8k \"$FULL\" || exit 99
        for size in 8k 40k 200k 600k 1500k 100m; do
            mount -o remount,size=$size \"$FULL\" || exit 98
            said=$(\"$0\" \"$@\" 2>&1 >/dev/null | grep '^error: '; exit ${PIPESTATUS[0]})
            echo $? $said
        done
        cp -r \"$FULL\"/. \"$KEPT\" || exit 97";
    let mut command = Command::new("unshare");
    command.args(["-rm", "bash", "-c", script, env!("CARGO_BIN_EXE_fernn")]).args(flags(&full));
    let output = command.env("FULL", &full).env("KEPT", &kept).output();
    // 99, and 1 where there may be no space of its own.
    let Some(output) =
        output.ok().filter(|output| ![Some(1), Some(99)].contains(&output.status.code()))
    else {
        return eprintln!("nothing can be mounted here");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = said.lines().collect();
    let (ended, found_full): (Vec<&str>, Vec<&str>) =
        lines.iter().partition(|l| l.starts_with('0'));
    assert_eq!(lines.len(), 6, "{said}");
    assert!(lines[5].starts_with('0') && found_full.len() >= 3, "{said}");
    assert!(lines.ends_with(&ended), "what had room once has it with more: {said}");
    for line in found_full {
        assert!(line.starts_with("2 error: ") && line.contains("No space left"), "{said}");
        assert!(line.contains(full.to_str().unwrap()), "the file is not named: {said}");
    }
    assert_same_products(&products(&whole), &products(&kept));
}

#[test]
fn threads_that_the_system_does_not_give_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |limit: &str, words: &str| {
        let mut command = within(&format!("ulimit {limit}"));
        command.args(flags(folder.path())).args(words.split_whitespace());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{limit}: {said}");
        assert!(said.contains("error: --threads cannot be had"), "{limit}: {said}");
    };
    fernn().args(flags(folder.path())).assert().success();
    let before = products(folder.path());
    refusal("-v 1500000", "--threads 1024");
    assert_same_products(&products(folder.path()), &before);
}

/// A script of bash, for the program, of a user who may have one process, and so no thread beside it; the
/// administrator, whom no such limit binds, becomes somebody else.
fn of_one_process(script: &str) -> Command {
    let script = format!("ulimit -u 1; {script}");
    let bash = ["bash", "-c", &script, env!("CARGO_BIN_EXE_fernn")];
    let somebody = ["--reuid", "54321", "--regid", "54321", "--clear-groups"];
    let mut may = Command::new("setpriv");
    may.args(somebody).args([env!("CARGO_BIN_EXE_fernn"), "list"]);
    let may = may.output().is_ok_and(|output| output.status.success());
    let mut command = Command::new(if may { "setpriv" } else { bash[0] });
    if may {
        command.args(somebody).arg(bash[0]);
    }
    command.args(&bash[1..]);
    command
}

#[test]
fn a_user_of_too_few_processes_is_told_how_to_have_more() {
    use std::os::unix::fs::PermissionsExt;
    if of_one_process("(true)").output().is_ok_and(|output| output.status.success()) {
        return eprintln!("no limit of processes binds this user");
    }
    let folder = tempfile::tempdir().unwrap();
    fernn().args(flags(folder.path())).assert().success();
    let before = products(folder.path());
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = of_one_process("exec \"$0\" \"$@\"");
    let output = command.args(flags(folder.path())).args(["--threads", "2"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("error: --threads cannot be had"), "{said}");
    assert!(said.contains("ulimit -u"), "{said}");
    assert_same_products(&products(folder.path()), &before);
}

/// Every limit lets the program start, and none of them train.
#[test]
fn memory_that_the_system_does_not_give_is_a_word_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fernn().args(flags(folder.path())).assert().success();
    let before = products(folder.path());
    let large = ["--set", "shape.channels=512", "--set", "batch=64"];
    for limit in [400_000, 900_000] {
        let mut command = within(&format!("ulimit -v {limit}"));
        let output = command.args(flags(folder.path())).args(large).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{limit}: {said}");
        assert!(said.contains("error: the system gives no more memory"), "{limit}: {said}");
        assert!(said.contains("smaller batches"), "{limit}: {said}");
        let records = std::fs::read(folder.path().join("records.csv")).unwrap();
        assert!(records == before[Path::new("records.csv")], "{limit}");
    }
    fernn().args(flags(folder.path())).assert().success();
    assert_same_products(&products(folder.path()), &before);
}

/// Too few for the heaps that the C library keeps for each thread, without which it asked the system for every tensor
/// and gave it back: most of the time of the processor was then the system's.
#[test]
fn a_run_of_few_addresses_is_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, tight] = ["whole", "tight"].map(|name| folder.path().join(name));
    let two = ["--threads", "2", "--set", "shape.channels=16", "--set", "batch=4"];
    fernn().args(flags(&whole)).args(two).assert().success();
    // Bash says how long it ran, then how long its children did, as user and for the system: `0m7.400s 0m0.200s`.
    let script = "ulimit -v 120000; \"$0\" \"$@\" >/dev/null || exit; times";
    let mut command = Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_fernn")]).args(flags(&tight)).args(two);
    let output = command.env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_same_products(&products(&whole), &products(&tight));
    let said = String::from_utf8(output.stdout).unwrap();
    let seconds = |time: &str| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    };
    let times: Vec<f64> = said.lines().last().unwrap().split_whitespace().map(seconds).collect();
    assert!(times[1] < times[0], "the system worked longer than the program: {said}");
}
