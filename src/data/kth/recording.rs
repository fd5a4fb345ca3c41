//! The name of a video: who does what in which scenario.

use super::super::footage::{Action, PERSONS, SCENARIOS};

/// One video of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recording {
    /// 1 to [`PERSONS`].
    pub person: u8,
    /// What the person does.
    pub action: Action,
    /// 1 to [`SCENARIOS`].
    pub scenario: u8,
}

impl Recording {
    /// The recording of a name as the annotation has it, `person01_boxing_d1`; or what is wrong with it.
    pub fn named(name: &str) -> std::result::Result<Self, String> {
        let malformed = || format!("`{name}` is not a name like person01_boxing_d1");
        let rest = name.strip_prefix("person").ok_or_else(malformed)?;
        let (person, rest) = rest.split_once('_').ok_or_else(malformed)?;
        let (action, scenario) = rest.split_once("_d").ok_or_else(malformed)?;
        let action = Action::named(action).ok_or(format!("`{action}` is none of the actions"))?;
        let person = digits(person, 2)
            .filter(|person| (1..=PERSONS).contains(person))
            .ok_or(format!("person `{person}` is none of 01 to {PERSONS}"))?;
        let scenario = digits(scenario, 1)
            .filter(|scenario| (1..=SCENARIOS).contains(scenario))
            .ok_or(format!("scenario `{scenario}` is none of 1 to {SCENARIOS}"))?;
        Ok(Self { person, action, scenario })
    }

    /// The recording of a video file's name, `person01_boxing_d1_uncomp.avi`.
    pub fn of_file(name: &str) -> Option<Self> {
        Self::named(name.strip_suffix(ENDING)?).ok()
    }

    /// The name that the annotation has: `person01_boxing_d1`.
    pub fn name(&self) -> String {
        format!("person{:02}_{}_d{}", self.person, self.action.name(), self.scenario)
    }

    /// The name of the video file: `person01_boxing_d1_uncomp.avi`.
    pub fn file_name(&self) -> String {
        self.name() + ENDING
    }
}

/// What the published files' names end with, although their frames are compressed.
const ENDING: &str = "_uncomp.avi";

/// A number of exactly so many decimal digits.
fn digits(text: &str, count: usize) -> Option<u8> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kth_name_is_its_recording_and_back() {
        let recording = Recording { person: 7, action: Action::Handwaving, scenario: 4 };
        assert_eq!(recording.file_name(), "person07_handwaving_d4_uncomp.avi");
        assert_eq!(Recording::of_file(&recording.file_name()), Some(recording));
        assert_eq!(Recording::named(&recording.name()), Ok(recording));
    }

    #[test]
    fn kth_names_that_are_nearly_right_are_refused() {
        for (name, needle) in [
            ("person00_boxing_d1", "01 to 25"),
            ("person26_boxing_d1", "01 to 25"),
            ("person1_boxing_d1", "01 to 25"),
            ("person+1_boxing_d1", "01 to 25"),
            ("person01_Boxing_d1", "actions"),
            ("person01_boxing_d0", "1 to 4"),
            ("person01_boxing_d5", "1 to 4"),
            ("person01_boxing_d1x", "1 to 4"),
            ("person01_boxing", "person01_boxing_d1"),
            ("01_boxing_d1", "person01_boxing_d1"),
            ("", "person01_boxing_d1"),
        ] {
            let problem = Recording::named(name).expect_err(name);
            assert!(problem.contains(needle), "{name}: {problem}");
        }
        assert_eq!(Recording::of_file("._person01_boxing_d1_uncomp.avi"), None);
        assert_eq!(Recording::of_file("person01_boxing_d1.avi"), None);
    }
}
