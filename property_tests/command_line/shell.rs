//! What a shell's user has: completions, manual pages, a list, names that are nearly right.

use super::{fernn, read};

fn printed(arguments: &[&str]) -> String {
    let output = fernn().args(arguments).assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_and_pages_know_every_command() {
    let help = printed(&["--help"]);
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let own = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let commands: Vec<&str> = own.filter(|name| !["", "help", "data"].contains(name)).collect();
    assert!(
        ["reproduce", "run-unit", "collect"].iter().all(|name| commands.contains(name)),
        "{help}"
    );
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    printed(&["man", "--out", folder.path().to_str().unwrap()]);
    let nested = ["data-fetch", "data-check", "data-preview"];
    for command in commands.iter().chain(&nested) {
        let page = read(folder.path().join(format!("fernn-{command}.1")));
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains(".TH") && page.contains("Examples"), "{command}");
    }
    let page = printed(&["man"]);
    assert_eq!(page.as_bytes(), read(folder.path().join("fernn.1")));
}

#[test]
fn the_list_keeps_within_its_columns_and_breaks_no_name() {
    let list = printed(&["list", "--profile", "desk"]);
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    for name in ["FERNN-V2 lab convolve-first", "FERNN-V2 flowed-feedback", "trained on V0"] {
        let name = name.replace("FERNN-V2 lab", "FERNN-VR2 lab");
        assert!(list.lines().any(|line| line.contains(&name)), "{name} in {list}");
    }
}

#[test]
fn a_name_that_is_nearly_right_is_recognised_and_no_other() {
    let refusal = |name: &str| {
        let output = fernn().args(["list", name]).assert().code(2).get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refusal("translaton").contains("did you mean `translation`?"));
    assert!(!refusal("xyz").contains("did you mean"));
}
