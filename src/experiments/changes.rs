//! Settings that a user changes, by their keys in TOML.

use super::nearest::nearest;
use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use toml::{Table, Value};

/// Values in the place of a profile's, each by the key that `fernn list EXPERIMENT` prints.
///
/// A key that begins with the name of an experiment (`kth.windows`) changes that one alone, any other
/// every experiment that has it. Changes are made to what the models of an experiment share; in what
/// makes a model the one it is, its velocities say, it stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes(Vec<Change>);

/// A value in the place of a profile's.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    key: Vec<String>,
    value: Value,
    /// The flag or the file that asked for it.
    source: String,
}

impl Changes {
    /// Reads `KEY=VALUE`; what is no value of TOML is taken as text.
    ///
    /// # Errors
    /// [`Error::Configuration`] for what has no key or no `=`.
    pub fn from_assignments(assignments: &[String]) -> Result<Self> {
        let mut changes = Self::default();
        for assignment in assignments {
            let (key, value) = assignment.split_once('=').unwrap_or((assignment, ""));
            let key: Vec<String> = key.split('.').map(|part| part.trim().to_string()).collect();
            if key.iter().any(String::is_empty) || value.trim().is_empty() {
                let (problem, remedy) = ("is no KEY=VALUE", "write, say, schedule.steps=100");
                return Err(Error::configuration(format!("--set {assignment}"), problem, remedy));
            }
            changes.add(key, parsed(value.trim()), &format!("--set {assignment}"));
        }
        Ok(changes)
    }

    /// Reads a TOML file: settings as they are printed, or some of them, or tables of them by experiment.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Format`] when it is no TOML.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let table: Table = toml::from_str(&text).map_err(|e| Error::Format {
            path: path.to_path_buf(),
            line: e.span().map(|span| text[..span.start].lines().count().max(1) as u64),
            problem: format!("is no TOML: {}", e.message()),
        })?;
        let mut changes = Self::default();
        changes.add(vec![], Value::Table(table), &path.display().to_string());
        Ok(changes)
    }

    /// These, and others after them, which win.
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, key: Vec<String>, value: Value, source: &str) {
        match value {
            Value::Table(table) => {
                for (part, value) in table {
                    self.add([key.as_slice(), &[part]].concat(), value, source);
                }
            }
            value => self.0.push(Change { key, value, source: source.into() }),
        }
    }

    /// The settings of an experiment with the changes that it has a place for.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the change whose value is of another type or not among the known.
    pub fn apply<S: Serialize + DeserializeOwned>(
        &self,
        experiment: &str,
        mut settings: S,
    ) -> Result<S> {
        for change in &self.0 {
            let mut table = Table::try_from(&settings).expect("settings are plain data");
            if !put(&mut table, change.key_in(experiment), &change.value) {
                continue;
            }
            settings = table.try_into().map_err(|e: toml::de::Error| {
                let problem = format!("does not fit: {}", e.message().trim_end());
                let remedy = format!("see `fernn list {experiment}`");
                Error::configuration(&change.source, problem, remedy)
            })?;
        }
        Ok(settings)
    }

    /// Refuses changes that none of the units took.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the change, and the key that is most like it.
    pub fn expect_taken(&self, units: &[Taker<'_>]) -> Result<()> {
        let units: Vec<Tables<'_>> = units.iter().map(Taker::tables).collect();
        for (place, change) in self.0.iter().enumerate() {
            let is_replaced = self.0[place + 1..].iter().any(|later| later.key == change.key);
            if !is_replaced {
                change.expect_taken(&units)?;
            }
        }
        Ok(())
    }
}

/// A unit that may take changes.
#[derive(Clone, Copy, Debug)]
pub struct Taker<'a> {
    /// Its experiment.
    pub experiment: &'a str,
    /// Its settings, as TOML.
    pub settings: &'a str,
    /// What they were without any change.
    pub own: &'a str,
}

/// The same, read.
struct Tables<'a> {
    experiment: &'a str,
    settings: Table,
    own: Table,
}

impl<'a> Taker<'a> {
    fn tables(&self) -> Tables<'a> {
        let [settings, own] =
            [self.settings, self.own].map(|text| toml::from_str(text).unwrap_or_default());
        Tables { experiment: self.experiment, settings, own }
    }
}

impl Change {
    /// The key within the settings of an experiment.
    fn key_in(&self, experiment: &str) -> &[String] {
        match self.key.split_first() {
            Some((first, rest)) if first == experiment => rest,
            _ => &self.key,
        }
    }

    /// Whether somebody asked for this one alone; a file may hold what models set themselves.
    fn is_from_a_flag(&self) -> bool {
        self.source.starts_with("--")
    }

    fn expect_taken(&self, units: &[Tables<'_>]) -> Result<()> {
        let mut found = Vec::new();
        for Tables { experiment, settings, own } in units {
            let key = self.key_in(experiment);
            if let Some(value) = value_at(settings, key) {
                let was = value_at(own, key);
                found.push((
                    is_same(value, &self.value),
                    was.is_some_and(|was| is_same(value, was)),
                ));
            }
        }
        if found.is_empty() {
            return Err(self.unknown(units));
        }
        let is_taken = found.iter().any(|&(is_it, was_it)| is_it && !was_it)
            || found.iter().all(|(is_it, _)| *is_it);
        if is_taken || !self.is_from_a_flag() {
            return Ok(());
        }
        let key = self.key.join(".");
        let problem = format!(
            "changes nothing: `{key}` is what tells models apart, or has a flag of its own"
        );
        let remedy = "leave it out, or see `fernn reproduce --help`";
        Err(Error::configuration(&self.source, problem, remedy))
    }

    fn unknown(&self, units: &[Tables<'_>]) -> Error {
        let key = self.key.join(".");
        let mut known: Vec<String> = Vec::new();
        for Tables { experiment, settings, .. } in units {
            let is_of_one = self.key.first().is_some_and(|first| first == experiment);
            let before = if is_of_one { format!("{experiment}.") } else { String::new() };
            let keys = leaves(settings).into_iter();
            known.extend(keys.map(|(key, _)| format!("{before}{key}")));
        }
        let problem = "is no setting of what is to be run".to_string();
        let remedy = match nearest(&key, known.iter().map(String::as_str), 0.0) {
            Some(nearest) => {
                format!("did you mean `{nearest}`? `fernn list EXPERIMENT` prints all")
            }
            None => "name an experiment that has settings".into(),
        };
        let what = if self.is_from_a_flag() {
            self.source.clone()
        } else {
            format!("{}: `{key}`", self.source)
        };
        Error::configuration(what, problem, remedy)
    }
}

/// What a text of settings has at other values than another, a line `key value (was value)` each.
pub fn differences(settings: &str, other: &str) -> Vec<String> {
    let read = |text: &str| leaves(&toml::from_str(text).unwrap_or_default());
    let (new, old) = (read(settings), read(other));
    let find = |all: &[(String, Value)], key: &str| {
        all.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    };
    let mut lines = Vec::new();
    for (key, value) in &new {
        match find(&old, key) {
            Some(was) if was == *value => {}
            Some(was) => lines.push(format!("{key} {value} (was {was})")),
            None => lines.push(format!("{key} {value} (was not set)")),
        }
    }
    for (key, was) in &old {
        if find(&new, key).is_none() {
            lines.push(format!("{key} not set (was {was})"));
        }
    }
    lines
}

/// Keys and values of all that is no table, in the order of the text.
fn leaves(table: &Table) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                all.extend(leaves(inner).into_iter().map(|(k, v)| (format!("{key}.{k}"), v)));
            }
            value => all.push((key.clone(), value.clone())),
        }
    }
    all
}

/// A value of TOML, or a text without quotes.
fn parsed(text: &str) -> Value {
    let table = toml::from_str::<Table>(&format!("value = {text}")).ok();
    let value = table.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_string()))
}

/// Puts a value where tables lead to; false where they do not.
fn put(table: &mut Table, key: &[String], value: &Value) -> bool {
    match key {
        [] => false,
        [last] => {
            table.insert(last.clone(), value.clone());
            true
        }
        [first, rest @ ..] => match table.get_mut(first) {
            Some(Value::Table(inner)) => put(inner, rest, value),
            _ => false,
        },
    }
}

fn value_at<'a>(table: &'a Table, key: &[String]) -> Option<&'a Value> {
    match key {
        [] => None,
        [last] => table.get(last),
        [first, rest @ ..] => value_at(table.get(first)?.as_table()?, rest),
    }
}

/// Whether two values are the same number or text.
fn is_same(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Settings {
        steps: u64,
        clip: Option<f64>,
        adam: Adam,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Adam {
        rate: f64,
    }

    fn settings() -> Settings {
        Settings { steps: 7, clip: None, adam: Adam { rate: 0.5 } }
    }

    fn applied(assignments: &[&str]) -> Result<Settings> {
        let assignments: Vec<String> = assignments.iter().map(|text| text.to_string()).collect();
        Changes::from_assignments(&assignments)?.apply("some", settings())
    }

    #[test]
    fn values_take_their_places_whole_numbers_as_numbers_too_and_absent_ones() {
        let new = applied(&["adam.rate = 2", "some.steps=9", "clip=1e-1", "other.steps=3"]);
        let expected = Settings { steps: 9, clip: Some(0.1), adam: Adam { rate: 2.0 } };
        assert_eq!(new.unwrap(), expected);
        assert_eq!(applied(&["steps=8", "steps=9"]).unwrap().steps, 9, "the last one wins");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_source() {
        for wrong in ["steps=many", "steps=1.5", "steps=-1", "adam=3"] {
            let error = applied(&[wrong]).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains(wrong), "{error}");
        }
        for wrong in ["steps", "=3", "adam..rate=1", "steps="] {
            assert!(applied(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn differences_name_what_was_changed_and_nothing_else() {
        let text = |settings: &Settings| toml::to_string(settings).unwrap();
        let new = applied(&["adam.rate=2.0", "clip=1.0"]).unwrap();
        let lines = differences(&text(&new), &text(&settings()));
        assert_eq!(lines, ["adam.rate 2.0 (was 0.5)", "clip 1.0 (was not set)"]);
        assert!(differences(&text(&new), &text(&new)).is_empty());
    }
}
