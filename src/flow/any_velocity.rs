//! A velocity of any of the crate's flows, with a text form.

use super::velocity::{DegreesPerFrame, PixelsPerFrame, Velocity};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A velocity of some flow, as records and flags name it: `1,-1` in pixels per frame, x first, or `45deg`
/// in degrees per frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AnyVelocity {
    /// Of a torus.
    Translation(PixelsPerFrame),
    /// About the centre.
    Rotation(DegreesPerFrame),
}

impl AnyVelocity {
    /// For people: `(1,-1)` or `45°`.
    pub fn name(self) -> String {
        match self {
            Self::Translation(v) => v.name(),
            Self::Rotation(v) => v.name(),
        }
    }

    /// The velocity in pixels per frame, if it is one.
    pub fn pixels(self) -> Option<PixelsPerFrame> {
        match self {
            Self::Translation(v) => Some(v),
            Self::Rotation(_) => None,
        }
    }

    /// The velocity in degrees per frame, if it is one.
    pub fn degrees(self) -> Option<DegreesPerFrame> {
        match self {
            Self::Rotation(v) => Some(v),
            Self::Translation(_) => None,
        }
    }
}

impl From<PixelsPerFrame> for AnyVelocity {
    fn from(velocity: PixelsPerFrame) -> Self {
        Self::Translation(velocity)
    }
}

impl From<DegreesPerFrame> for AnyVelocity {
    fn from(velocity: DegreesPerFrame) -> Self {
        Self::Rotation(velocity)
    }
}

impl fmt::Display for AnyVelocity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Translation(v) => write!(f, "{},{}", v.x, v.y),
            Self::Rotation(v) => write!(f, "{}deg", v.0),
        }
    }
}

impl From<AnyVelocity> for String {
    fn from(velocity: AnyVelocity) -> Self {
        velocity.to_string()
    }
}

impl FromStr for AnyVelocity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is no velocity such as 1,-1 or 45deg");
        if let Some(degrees) = text.strip_suffix("deg") {
            let degrees = degrees.trim().parse().map_err(|_| refuse())?;
            return Ok(Self::Rotation(DegreesPerFrame(degrees)));
        }
        let (x, y) = text.split_once(',').ok_or_else(refuse)?;
        let number = |text: &str| text.trim().parse::<i32>().map_err(|_| refuse());
        Ok(Self::Translation(PixelsPerFrame::new(number(x)?, number(y)?)))
    }
}

impl TryFrom<String> for AnyVelocity {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn velocities_come_back_from_their_text() {
        for velocity in
            [AnyVelocity::from(PixelsPerFrame::new(-2, 1)), AnyVelocity::from(DegreesPerFrame(-45))]
        {
            assert_eq!(velocity.to_string().parse(), Ok(velocity));
        }
        assert_eq!("1, -1".parse(), Ok(AnyVelocity::from(PixelsPerFrame::new(1, -1))));
        for text in ["", "1", "1,2,3", "deg", "1.5,0", "45"] {
            assert!(text.parse::<AnyVelocity>().is_err(), "{text}");
        }
    }
}
