//! The shape of the sources: no circle of imports between files, no long file, no long function; and
//! planted faults that can be planted.
//!
//! Reads `src` as text, as `cargo fmt` leaves it: a path begins with `crate::` or `super::`, and leads to
//! the file that defines its last known module, through re-exports of `mod.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 60;

/// A file as the module that it is.
struct Source {
    path: PathBuf,
    /// Module names from the crate's root on.
    module: Vec<String>,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let source = |path: PathBuf| {
        let inside = path.strip_prefix(&root).unwrap().with_extension("");
        let mut module: Vec<String> =
            inside.iter().map(|part| part.to_str().unwrap().to_string()).collect();
        if ["mod", "lib"].contains(&module.last().unwrap().as_str()) {
            module.pop();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        Source { path: inside.with_extension("rs"), module, text }
    };
    files.into_iter().map(source).collect()
}

/// The lines without comments; trailing ones stay out too.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| match line.find("//") {
        Some(0) => "",
        Some(place) if line[..place].ends_with([' ', ';', '{', ',', ')']) => &line[..place],
        _ => line,
    })
}

/// `a::{b, c::{d, e}}` as the paths `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        return vec![tree.split("::").map(|part| part.trim().to_string()).collect()];
    };
    let head: Vec<String> =
        tree[..open].trim_end_matches("::").split("::").map(|p| p.trim().to_string()).collect();
    let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (place, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(expand).map(|rest| [head.clone(), rest].concat()).collect()
}

/// The paths of a file with the modules, written in the file, that they stand in: those of its `use`
/// lines, and those that appear elsewhere.
fn paths(source: &Source) -> Vec<(Vec<String>, Vec<String>)> {
    let (mut found, mut statement, mut module) = (Vec::new(), String::new(), source.module.clone());
    for line in code(&source.text) {
        let words = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        if let Some(name) = words.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            module.push(name.to_string());
        } else if line == "}" {
            module = source.module.clone();
        }
        let is_use = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "]
            .iter()
            .any(|start| line.trim_start().starts_with(start));
        if is_use || !statement.is_empty() {
            statement.push_str(line.trim());
            if statement.ends_with(';') {
                let tree = statement[statement.find("use ").unwrap() + 4..].trim_end_matches(';');
                found.extend(expand(tree).into_iter().map(|path| (module.clone(), path)));
                statement.clear();
            }
            continue;
        }
        for start in ["crate::", "super::"] {
            for (place, _) in line.match_indices(start) {
                let is_inside = line[..place].ends_with(|c: char| c.is_alphanumeric() || c == ':');
                let end = |c: char| !c.is_alphanumeric() && c != '_' && c != ':';
                let path = line[place..].split(end).next().unwrap_or("");
                if !is_inside {
                    let path = path.split("::").map(str::to_string).collect();
                    found.push((module.clone(), path));
                }
            }
        }
    }
    found
}

/// A path from the crate's root on; `None` where it leads out of the crate.
fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut rest = path;
    match path.first().map(String::as_str) {
        Some("crate") => (base, rest) = (Vec::new(), &path[1..]),
        Some("self") => rest = &path[1..],
        Some("super") => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => return None,
    }
    Some([base, rest.to_vec()].concat())
}

/// For every file, the files that it imports from. What an index hands on counts as imported from where
/// the index has it, and an index itself imports nothing.
fn imports(sources: &[Source]) -> Vec<BTreeSet<usize>> {
    let by_module: BTreeMap<&[String], usize> =
        sources.iter().enumerate().map(|(i, s)| (s.module.as_slice(), i)).collect();
    let handed_on: BTreeMap<Vec<String>, Vec<String>> =
        sources.iter().filter(|s| s.is_index()).flat_map(hands_on).collect();
    let file_of = |mut path: Vec<String>| loop {
        let is_module = |length: &usize| by_module.contains_key(&path[..*length]);
        let length = (0..=path.len()).rev().find(is_module)?;
        match path.get(..=length).and_then(|name| handed_on.get(name)) {
            Some(origin) if *origin != path[..=length] => {
                path = [origin.clone(), path[length + 1..].to_vec()].concat();
            }
            _ => return by_module.get(&path[..length]).copied(),
        }
    };
    let imports_of = |(number, source): (usize, &Source)| -> BTreeSet<usize> {
        let all = if source.is_index() { Vec::new() } else { paths(source) };
        let targets = all.into_iter().filter_map(|(module, path)| absolute(&module, &path));
        targets.filter_map(&file_of).filter(|&target| target != number).collect()
    };
    sources.iter().enumerate().map(imports_of).collect()
}

/// The names that an index offers, with where it has them from.
fn hands_on(index: &Source) -> Vec<(Vec<String>, Vec<String>)> {
    let pair = |(_, mut path): (Vec<String>, Vec<String>)| {
        let last = path.pop()?;
        let (origin, name) = last.split_once(" as ").unwrap_or((&last, &last));
        path.push(origin.to_string());
        let origin =
            absolute(&index.module, &path).unwrap_or_else(|| [index.module.clone(), path].concat());
        Some(([index.module.clone(), vec![name.to_string()]].concat(), origin))
    };
    paths(index).into_iter().filter_map(pair).collect()
}

impl Source {
    /// Whether a file only lists modules and what they offer.
    fn is_index(&self) -> bool {
        let own =
            ["fn ", "struct ", "enum ", "trait ", "impl ", "impl<", "const ", "static ", "type "];
        let is_own = |line: &str| {
            let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            own.iter().any(|start| line.starts_with(start))
        };
        (self.path.ends_with("mod.rs") || self.path.ends_with("lib.rs"))
            && !code(&self.text).any(is_own)
    }
}

/// Files that can be reached from themselves.
fn on_a_circle(imports: &[BTreeSet<usize>]) -> Vec<usize> {
    let reaches_itself = |&start: &usize| {
        let (mut open, mut seen) = (vec![start], BTreeSet::new());
        while let Some(file) = open.pop() {
            for &next in &imports[file] {
                if next == start {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    };
    (0..imports.len()).filter(reaches_itself).collect()
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    let sources = sources();
    let imports = imports(&sources);
    let edges: usize = imports.iter().map(BTreeSet::len).sum();
    assert!(sources.len() > 50 && edges > 3 * sources.len(), "the sources were not understood");
    let name = |&file: &usize| sources[file].path.display().to_string();
    let circular = on_a_circle(&imports).into_iter();
    let found: Vec<String> = circular
        .map(|file| {
            format!("{} → {:?}", name(&file), imports[file].iter().map(name).collect::<Vec<_>>())
        })
        .collect();
    assert!(found.is_empty(), "import circles through:\n{}", found.join("\n"));
}

#[test]
fn every_folder_has_an_index_that_is_nothing_else() {
    for source in sources().iter().filter(|s| s.path.ends_with("mod.rs")) {
        let path = source.path.display().to_string();
        assert!(source.is_index(), "{path}");
    }
}

#[test]
fn circles_and_indexes_are_found_in_a_made_up_crate() {
    let source = |path: &str, module: &[&str], text: &str| Source {
        path: path.into(),
        module: module.iter().map(|part| part.to_string()).collect(),
        text: text.into(),
    };
    let sources = [
        source("a/mod.rs", &["a"], "mod x;\nmod y;\npub use x::X;\npub use y::{Y, Z as W};"),
        source("a/x.rs", &["a", "x"], "use super::y::{self, Y};\n// use crate::b::B;"),
        source("a/y.rs", &["a", "y"], "fn f() {\n    crate::b::g();\n}"),
        source("b.rs", &["b"], "mod tests {\n    use super::super::a::X;\n}"),
        source("c.rs", &["c"], "use crate::a::{\n    W,\n    X,\n};\nuse std::path::Path;"),
    ];
    let imports = imports(&sources);
    let expected = [vec![], vec![2], vec![3], vec![1], vec![1, 2]];
    assert_eq!(imports, expected.map(|files: Vec<usize>| files.into_iter().collect()));
    assert_eq!(on_a_circle(&imports), [1, 2, 3]);
}

/// The functions of a file with their lengths in lines, from the signature to the closing brace.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let words = line.trim_start();
        let indent = &line[..line.len() - words.len()];
        let mut before = words.split("fn ");
        let prefix = before.next().unwrap_or("");
        let is_function = words.contains("fn ")
            && prefix.split_whitespace().all(|word| {
                ["pub", "pub(crate)", "pub(super)", "unsafe", "const", "async"].contains(&word)
            });
        if !is_function || words.ends_with([';', '}']) {
            continue;
        }
        let name = words[prefix.len() + 3..].split(['(', '<']).next().unwrap_or("").to_string();
        let (end, declared) = (format!("{indent}}}"), format!("{indent})"));
        let is_end =
            |line: &&str| **line == end || (line.starts_with(&declared) && line.ends_with(';'));
        let length = lines[start..].iter().position(is_end).map_or(1, |end| end + 1);
        found.push((name, length));
    }
    found
}

#[test]
fn files_and_functions_are_short() {
    let mut found = Vec::new();
    let mut count = 0;
    for Source { path, text, .. } in sources() {
        let (path, length) = (path.display().to_string(), text.lines().count());
        if length > LONGEST_FILE {
            found.push(format!("{path} has {length} lines"));
        }
        for (name, length) in functions(&text) {
            count += 1;
            if length > LONGEST_FUNCTION {
                found.push(format!("{path} {name} has {length} lines"));
            }
        }
    }
    assert!(count > 500, "only {count} functions were seen");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_fault_of_the_list_can_be_planted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(root.join("scripts/mutations.toml")).unwrap();
    let list: toml::Table = list.parse().unwrap();
    let faults = list["fault"].as_array().unwrap();
    assert!(faults.len() > 50);
    for fault in faults {
        let field = |name: &str| fault[name].as_str().unwrap();
        let text = std::fs::read_to_string(root.join(field("file"))).unwrap();
        assert!(text.contains(field("find")), "{} in {}", field("what"), field("file"));
        assert_ne!(field("find"), field("put"));
    }
}

/// A fault that was added or has moved was planted since.
#[test]
fn every_fault_of_the_list_was_planted_where_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let list: toml::Table = read("scripts/mutations.toml").parse().unwrap();
    let told = read("property_tests/MUTATIONS.md");
    let rows: BTreeSet<&str> =
        told.lines().filter_map(|line| line.rsplit_once(" | ")).map(|(start, _)| start).collect();
    let missing: Vec<String> = list["fault"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| {
            format!("| {} | `{}`", fault["what"].as_str().unwrap(), fault["file"].as_str().unwrap())
        })
        .filter(|row| !rows.contains(row.as_str()))
        .collect();
    assert!(missing.is_empty(), "without a row; run mutate:\n{}", missing.join("\n"));
    assert!(!told.contains("**nothing**"), "a fault that no test notices");
}
