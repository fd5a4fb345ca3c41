//! Runs that are killed, or find no place to write.

use super::{assert_same_products, fernn, products, refused};
use fernn::rng::Stream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Six units of a few seconds with many checkpoints.
pub(super) fn flags(out: &Path) -> Vec<String> {
    let flags = "reproduce --only translation --seeds 2 --steps 60 --tensorboard --jobs 2 --set \
                 schedule.interval=5 --set shape.channels=4 --set batch=2 --set validation_sequences=4 --set \
                 test_sequences=8 --set horizon_sequences=2 --out";
    let out = out.display().to_string();
    flags.split_whitespace().map(String::from).chain([out]).collect()
}

/// A unit of each model of forecasts over both groups and of classification, all phases of which take a while.
fn of_all_kinds(out: &Path) -> Vec<String> {
    let flags = "reproduce --only translation,rotation,kth --seeds 1 --steps 20 --jobs 2 --set \
                 schedule.interval=5 --set batch=2 --set validation_sequences=4 --set test_sequences=8 --set \
                 horizon_sequences=2 --set kth.validation_clips=6 --set kth.test_clips=12 --set \
                 kth.velocity_clips=6 --set kth.redraws=2 --out";
    let out = out.display().to_string();
    flags.split_whitespace().map(String::from).chain([out]).collect()
}

/// The program with its words kept from the test's output.
fn quiet(mut command: Command) -> std::process::Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_run_killed_at_twenty_random_moments_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    let start = Instant::now();
    fernn().args(of_all_kinds(&whole)).assert().success();
    let duration = start.elapsed();
    let mut rng = Stream::new(0, "moments of kills", 0);
    let (mut kills, mut tries) = (0, 0);
    while kills < 20 {
        tries += 1;
        assert!(tries < 200, "the run is too fast to be killed: {kills} kills");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fernn"));
        command.args(of_all_kinds(&killed));
        if killed.join("records.csv").exists() {
            command.arg("--fresh"); // it was finished too early
        }
        let mut process = quiet(command);
        // Soon after it began, or at any moment of the whole.
        let longest = if tries % 3 == 0 { duration.as_millis() as usize } else { 400 };
        std::thread::sleep(Duration::from_millis(20 + rng.below(longest) as u64));
        kills += usize::from(process.try_wait().unwrap().is_none());
        let _ = process.kill();
        process.wait().unwrap();
    }
    std::fs::write(killed.join("runs/.fernn-0.tmp"), "as of a process that was killed").unwrap();
    fernn().args(of_all_kinds(&killed)).assert().success();
    assert_same_products(&products(&whole), &products(&killed));
    let left = std::fs::read_dir(killed.join("runs")).unwrap().flatten();
    let names: Vec<String> =
        left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().all(|name| !name.ends_with(".tmp")), "half files are left: {names:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_where_nothing_can_be_written_is_refused_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "of somebody else").unwrap();
    for out in [Path::new("/proc/nowhere"), &file, &file.join("below")] {
        let flags = flags(out);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        refused(&flags, &[out.to_str().unwrap()]);
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"of somebody else");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_became_read_only_is_named_and_nothing_in_it_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fernn().args(flags(&out)).assert().success();
    let before = products(&out);
    // Mounted read-only in a space of its own, which the system may refuse.
    if !Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|s| s.success()) {
        return eprintln!("nothing can be mounted here");
    }
    let script = "mount --bind \"$OUT\" \"$OUT\" && mount -o remount,bind,ro \"$OUT\" || exit 99; exec \"$0\" \"$@\"";
    let run = |arguments: &[String]| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "bash", "-c", script, env!("CARGO_BIN_EXE_fernn")]).args(arguments);
        command.env("OUT", &out).output()
    };
    let longer: Vec<String> =
        flags(&out).into_iter().map(|flag| flag.replace("60", "70")).collect();
    for arguments in [flags(&out), longer] {
        let Ok(output) = run(&arguments).and_then(|output| match output.status.code() {
            Some(99) => Err(std::io::Error::other("no mount")),
            _ => Ok(output),
        }) else {
            return eprintln!("nothing can be mounted here");
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("error: ") && said.contains(out.to_str().unwrap()), "{said}");
        assert!(said.to_lowercase().contains("read-only"), "{said}");
    }
    assert_same_products(&products(&out), &before);
}

/// The program as somebody to whom the permissions of files apply; none where it cannot be had.
#[cfg(target_os = "linux")]
fn without_privilege() -> Option<Command> {
    let binary = env!("CARGO_BIN_EXE_fernn");
    let sealed = tempfile::tempdir().unwrap();
    seal(sealed.path());
    let applies = std::fs::read_dir(sealed.path()).is_err();
    if applies {
        unseal(sealed.path());
        return Some(Command::new(binary));
    }
    // The administrator, without the right to pass over permissions.
    const RIGHTS: &str = "-dac_override,-dac_read_search";
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", RIGHTS, "--inh-caps", RIGHTS]);
    let has_lost_it = Command::new("setpriv")
        .args(command.get_args())
        .arg("ls")
        .arg(sealed.path())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| !status.success());
    command.arg(binary);
    has_lost_it.then_some(command)
}

/// Takes all permissions from a path.
#[cfg(target_os = "linux")]
fn seal(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
}

/// Gives them back to its owner.
#[cfg(target_os = "linux")]
fn unseal(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn what_may_not_be_read_or_written_is_named_and_kept() {
    if without_privilege().is_none() {
        return eprintln!("permissions do not apply here");
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fernn().args(flags(&out)).assert().success();
    let before = products(&out);
    let entries = std::fs::read_dir(out.join("runs")).unwrap().flatten();
    let is_part = |path: &std::path::PathBuf| {
        let name = path.to_string_lossy();
        name.ends_with(".csv") && !name.ends_with(".pictures.csv")
    };
    let part = entries.map(|entry| entry.path()).find(is_part).unwrap();
    for sealed in [&out, &out.join("runs"), &out.join("records.csv"), &part] {
        seal(sealed);
        let output = without_privilege().unwrap().args(flags(&out)).output().unwrap();
        unseal(sealed);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{}: {said}", sealed.display());
        let message = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(message.contains(sealed.to_str().unwrap()), "{}: {said}", sealed.display());
        assert!(message.to_lowercase().contains("permission"), "{said}");
    }
    assert_same_products(&products(&out), &before);
}

#[cfg(unix)]
#[test]
fn names_that_lead_nowhere_and_bytes_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::os::unix::fs::symlink("one", at("other")).unwrap();
    std::os::unix::fs::symlink("other", at("one")).unwrap();
    std::fs::write(at("bytes"), b"property,cell\n\xff\xfe,x\n").unwrap();
    for name in ["one", &"x".repeat(300), "bytes"] {
        let path = at(name);
        for flags in [
            ["reproduce", "--only", "translation", "--out"],
            ["report", "--out", "again", "--records"],
            ["verify", "--cell", "rnn", "--baseline"],
            ["plan", "--only", "translation", "--config"],
        ] {
            refused(&[&flags[..], &[&path]].concat(), &[&path]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_goes_on_when_nobody_hears_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    for (name, stream) in [("full", "2>/dev/full"), ("closed", "2>&-")] {
        let script = format!("\"$0\" \"$@\" {stream}");
        let mut command = Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_fernn")]);
        let status = command.args(flags(&folder.path().join(name))).stdout(Stdio::null()).status();
        assert_eq!(status.unwrap().code(), Some(0), "{name}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_fernn"));
    command.args(flags(&folder.path().join("left"))).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    drop(process.stderr.take()); // the reader goes as soon as it runs
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let refused = "\"$0\" report --out nowhere 2>/dev/full";
    let mut command = Command::new("bash");
    command.args(["-c", refused, env!("CARGO_BIN_EXE_fernn")]);
    assert_eq!(command.status().unwrap().code(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_pipe_among_the_runs_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    fernn().args(flags(folder.path())).assert().success();
    // Without its records, the second time, the unit begins with its checkpoint.
    for (end, code) in [(".csv", 2), (".safetensors", 1)] {
        let runs = std::fs::read_dir(folder.path().join("runs")).unwrap().flatten();
        let is_it = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.contains("g-rnn-seed0") && name.ends_with(end) && name.matches('.').count() == 1
        };
        let path = runs.map(|entry| entry.path()).find(is_it).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let output = fernn().args(flags(folder.path())).assert().code(code).get_output().clone();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(said.contains("is no file") && said.contains(name), "{said}");
        assert!(code == 2 || said.contains("Failed units (1)"), "the others are run: {said}");
        std::fs::remove_file(&path).unwrap();
    }
    let failures = || {
        let names = std::fs::read_dir(folder.path().join("runs")).unwrap().flatten();
        names.filter(|entry| entry.file_name().to_string_lossy().ends_with(".failed.csv")).count()
    };
    assert_eq!(failures(), 1);
    fernn().args(flags(folder.path())).assert().success();
    assert_eq!(failures(), 0, "of a unit that is finished");
    let weights = folder.path().join("weights/translation-g-rnn-seed0.safetensors");
    std::fs::remove_file(&weights).unwrap();
    assert!(Command::new("mkfifo").arg(&weights).status().unwrap().success());
    let flags = flags(folder.path());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    refused(&flags, &[weights.to_str().unwrap(), "move it away"]);
}
