//! Scenes: what is behind a person, and what the camera adds.

use super::raster::{Capsule, Raster};
use crate::rng::Stream;

/// The scenario that is filmed indoors.
pub(super) const INDOORS: u8 = 4;

/// A background with a floor, drawn once for a clip.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scene {
    /// Grey in the middle of the frame.
    pub level: f64,
    /// Change of grey over the frame's height to the right and downwards.
    slope: [f64; 2],
    /// Scene coordinate where the floor begins.
    floor: f64,
    /// How much darker the floor is.
    floor_shade: f64,
    /// How dark the shadow on the wall is, as an opacity.
    shadow: f64,
    /// From a body to its shadow, in heights of the frame.
    shadow_offset: [f64; 2],
}

/// Radii of a shadow on a wall in shares of the body's height: one over the other they are soft.
const WALL_SHADOW_RADII: [f64; 3] = [0.06, 0.1, 0.14];
/// The same of the shadow underfoot.
const GROUND_SHADOW_RADIUS: f64 = 0.03;
/// Opacity of the shadow underfoot.
const GROUND_SHADOW: f64 = 0.25;
/// Grey of a shadow that hides everything.
const SHADE: f64 = 0.2;

impl Scene {
    /// A scene of a scenario.
    pub(super) fn drawn(scenario: u8, stream: &mut Stream) -> Self {
        let mut between = |low, high| stream.uniform_in(low, high);
        if scenario == INDOORS {
            Self {
                level: between(0.74, 0.86),
                slope: [between(-0.15, 0.15), between(-0.15, 0.0)],
                floor: between(0.80, 0.88),
                floor_shade: between(0.08, 0.22),
                shadow: between(0.1, 0.35),
                shadow_offset: [between(-0.2, 0.2), between(-0.02, 0.04)],
            }
        } else {
            Self {
                level: between(0.58, 0.72),
                slope: [between(-0.04, 0.04), between(-0.08, 0.08)],
                floor: between(0.6, 0.75),
                floor_shade: between(-0.05, 0.06),
                shadow: 0.0,
                shadow_offset: [0.0; 2],
            }
        }
    }

    /// Paints wall and floor.
    pub(super) fn paint(&self, raster: &mut Raster<'_>) {
        raster.fill(|x, y| {
            let wall = self.level + self.slope[0] * (x - 0.6) + self.slope[1] * (y - 0.5);
            if y > self.floor { wall - self.floor_shade } else { wall }
        });
    }

    /// The shadows of a body of a height that stands at (x, y).
    pub(super) fn shadows(&self, [x, y]: [f64; 2], height: f64) -> [Capsule; 4] {
        let [right, down] = self.shadow_offset;
        let on_wall = |radius: f64| Capsule {
            from: [x + right, y + down - 0.15 * height],
            to: [x + right, y + down - 0.85 * height],
            radius: radius * height,
            grey: SHADE,
            opacity: self.shadow / WALL_SHADOW_RADII.len() as f64,
        };
        let underfoot = Capsule {
            from: [x - 0.1 * height, y],
            to: [x + 0.1 * height, y],
            radius: GROUND_SHADOW_RADIUS * height,
            grey: SHADE,
            opacity: GROUND_SHADOW,
        };
        let [core, middle, rim] = WALL_SHADOW_RADII.map(on_wall);
        [rim, middle, core, underfoot]
    }
}

/// Largest noise of a pixel: the sum of two even draws, so that its deviation is 0.41 of this.
const NOISE: f64 = 0.09;
/// Largest deviation of a frame's brightness.
const FLICKER: f64 = 0.02;

/// Adds the camera's noise to a frame, and clamps it to [0, 1].
pub(super) fn expose(pixels: &mut [f32], stream: &mut Stream) {
    let flicker = stream.uniform_in(-FLICKER, FLICKER);
    for pixel in pixels {
        let noise = NOISE * (stream.uniform() + stream.uniform() - 1.0);
        *pixel = (f64::from(*pixel) + flicker + noise).clamp(0.0, 1.0) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_no_mean_and_the_stated_deviation() {
        let mut pixels = vec![0.5f32; 200_000];
        expose(&mut pixels, &mut Stream::new(0, "noise test", 0));
        let n = pixels.len() as f64;
        let mean = pixels.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = pixels.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        assert!((mean - 0.5).abs() <= FLICKER + 0.001);
        assert!((variance.sqrt() / NOISE - (1.0f64 / 6.0).sqrt()).abs() < 0.01);
    }

    #[test]
    fn rooms_are_lighter_and_have_shadows() {
        for index in 0..20 {
            let scene = |scenario| Scene::drawn(scenario, &mut Stream::new(0, "scenes", index));
            assert!(scene(4).level > scene(1).level);
            assert!(scene(4).shadow > 0.0 && scene(1).shadow == 0.0);
        }
    }
}
