//! Capsules drawn on a frame of grey pixels.

/// A thick line with round ends, in scene coordinates: both in heights of the frame, `x` to the right
/// from its left edge and `y` down from its upper one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Capsule {
    pub from: [f64; 2],
    pub to: [f64; 2],
    pub radius: f64,
    pub grey: f64,
    /// From 0, which draws nothing, to 1, which hides what is behind.
    pub opacity: f64,
}

/// Width of a scene in heights of it: KTH's frames have 160×120 pixels, and are squashed.
pub(super) const SCENE_WIDTH: f64 = 4.0 / 3.0;

/// A frame (H, W) that is drawn on.
pub(super) struct Raster<'a> {
    pixels: &'a mut [f32],
    height: usize,
    width: usize,
}

impl<'a> Raster<'a> {
    /// Draws on `pixels`, row by row.
    pub(super) fn new(pixels: &'a mut [f32], (height, width): (usize, usize)) -> Self {
        Self { pixels, height, width }
    }

    /// (Width, height) of a pixel in the scene.
    fn pitch(&self) -> [f64; 2] {
        [SCENE_WIDTH / self.width as f64, 1.0 / self.height as f64]
    }

    /// Sets every pixel from the scene coordinates of its centre.
    pub(super) fn fill(&mut self, grey: impl Fn(f64, f64) -> f64) {
        let [across, down] = self.pitch();
        for (row, pixels) in self.pixels.chunks_exact_mut(self.width).enumerate() {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                *pixel = grey((column as f64 + 0.5) * across, (row as f64 + 0.5) * down) as f32;
            }
        }
    }

    /// Draws a capsule over what is there: each pixel as far as the capsule covers it.
    pub(super) fn draw(&mut self, capsule: &Capsule) {
        let [across, down] = self.pitch();
        let span = |axis: usize, pitch: f64, count: usize| {
            let (from, to) = (capsule.from[axis], capsule.to[axis]);
            let first = (from.min(to) - capsule.radius) / pitch - 0.5;
            let end = (from.max(to) + capsule.radius) / pitch + 0.5;
            // Negative and not a number become 0.
            (first.floor() as usize)..(end.ceil() as usize).min(count)
        };
        let line = Line::new(capsule);
        let columns = span(0, across, self.width);
        for row in span(1, down, self.height) {
            for column in columns.clone() {
                let [dx, dy] =
                    line.offset([(column as f64 + 0.5) * across, (row as f64 + 0.5) * down]);
                let covered = coverage([dx, dy], capsule.radius, [across, down]);
                let pixel = &mut self.pixels[row * self.width + column];
                *pixel += ((capsule.grey - f64::from(*pixel)) * covered * capsule.opacity) as f32;
            }
        }
    }
}

/// The line in the middle of a capsule.
struct Line {
    from: [f64; 2],
    along: [f64; 2],
    /// Of the squared length; 0 for a point.
    inverse: f64,
}

impl Line {
    fn new(&Capsule { from, to, .. }: &Capsule) -> Self {
        let along = [to[0] - from[0], to[1] - from[1]];
        let squared = along[0] * along[0] + along[1] * along[1];
        Self { from, along, inverse: if squared > 0.0 { 1.0 / squared } else { 0.0 } }
    }

    /// From the nearest point of the line to a point.
    fn offset(&self, point: [f64; 2]) -> [f64; 2] {
        let (x, y) = (point[0] - self.from[0], point[1] - self.from[1]);
        let share = ((x * self.along[0] + y * self.along[1]) * self.inverse).clamp(0.0, 1.0);
        [x - share * self.along[0], y - share * self.along[1]]
    }
}

/// The share of a pixel that lies within `radius` of a line whose nearest point is `offset` away.
///
/// Exact beside a line along an axis, however thin: the mean over the pixel's extent in the
/// direction of the offset, of both edges. Elsewhere that extent is the pixel's shadow along it.
fn coverage([x, y]: [f64; 2], radius: f64, [across, down]: [f64; 2]) -> f64 {
    let distance = (x * x + y * y).sqrt();
    let extent = if distance > 0.0 {
        (x.abs() * across + y.abs() * down) / distance
    } else {
        across.min(down)
    };
    let inside = |edge: f64| (edge / extent + 0.5).clamp(0.0, 1.0);
    inside(radius - distance) - inside(-radius - distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drawn frame, black before.
    fn drawn(capsule: &Capsule, extents: (usize, usize)) -> Vec<f32> {
        let mut pixels = vec![0.0; extents.0 * extents.1];
        Raster::new(&mut pixels, extents).draw(capsule);
        pixels
    }

    #[test]
    fn a_thin_or_thick_bar_covers_its_area() {
        let (height, width) = (17, 13);
        for radius in [0.01, 0.02, 0.05, 0.13] {
            // From edge to edge, so that the ends do not count; not on the pixels' lines.
            let upright =
                Capsule { from: [0.61, -1.0], to: [0.61, 2.0], radius, grey: 1.0, opacity: 1.0 };
            let level = Capsule { from: [-1.0, 0.37], to: [3.0, 0.37], ..upright };
            for (capsule, area) in [(upright, 2.0 * radius / SCENE_WIDTH), (level, 2.0 * radius)] {
                let pixels = drawn(&capsule, (height, width));
                let mean = pixels.iter().sum::<f32>() as f64 / (height * width) as f64;
                assert!((mean - area).abs() < 1e-6, "radius {radius}: {mean}, expected {area}");
            }
        }
    }

    #[test]
    fn a_disc_covers_its_area_roughly_and_its_place() {
        let disc =
            Capsule { from: [0.7, 0.4], to: [0.7, 0.4], radius: 0.2, grey: 1.0, opacity: 0.5 };
        let extents = (31, 37);
        let pixels = drawn(&disc, extents);
        let mean = pixels.iter().sum::<f32>() as f64 / pixels.len() as f64;
        let area = 0.5 * std::f64::consts::PI * 0.04 / SCENE_WIDTH;
        assert!((mean / area - 1.0).abs() < 0.02, "{mean}, expected {area}");
        let place = (12, (0.7 / SCENE_WIDTH * 37.0) as usize);
        assert_eq!(pixels[place.0 * 37 + place.1], 0.5);
        assert_eq!(pixels[0], 0.0);
    }

    #[test]
    fn capsules_outside_the_frame_draw_nothing() {
        for (x, y) in [(-3.0, 0.5), (5.0, 0.5), (0.5, -3.0), (0.5, 4.0)] {
            let capsule =
                Capsule { from: [x, y], to: [x, y], radius: 0.1, grey: 1.0, opacity: 1.0 };
            assert!(drawn(&capsule, (12, 14)).iter().all(|&v| v == 0.0));
        }
    }
}
