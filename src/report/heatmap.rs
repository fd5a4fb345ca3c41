//! Heat maps over velocities, one panel per model, with the numbers in the cells.

use super::drawing::{Drawing, cell, text, upwards};
use crate::error::Result;
use crate::experiments::exhibit::{Colours, HeatMaps};
use crate::experiments::number::short;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const CELL: i32 = 44;
const LEFT: i32 = 46;
const TOP: i32 = 34;

/// Draws the panels side by side on a common colour scale; the square around the
/// velocities up to `trained` is outlined.
pub(super) fn draw(maps: &HeatMaps) -> Result<Drawing> {
    let &HeatMaps { ref panels, trained, .. } = maps;
    let shade = shade(maps);
    let range = panels.iter().flat_map(|p| &p.cells).map(|c| c.0.abs()).max().unwrap_or(0);
    let side = CELL * (2 * range + 1);
    let width = LEFT + panels.len() as i32 * (side + 16);
    Drawing::draw((width as u32, (TOP + side + 44) as u32), |area| {
        let centred = |size| text(size).pos(Pos::new(HPos::Center, VPos::Center));
        for (i, panel) in panels.iter().enumerate() {
            let left = LEFT + i as i32 * (side + 16);
            area.draw(&Text::new(panel.name.clone(), (left + side / 2, TOP / 2), centred(19)))?;
            for &(vx, vy, value) in &panel.cells {
                let corner = (left + (vx + range) * CELL, TOP + (vy + range) * CELL);
                cell(area, corner, CELL, shade(value), short(value))?;
            }
            let corner = |v: i32, origin: i32| origin + (v + range) * CELL;
            let outline = [
                (corner(-trained, left), corner(-trained, TOP)),
                (corner(trained + 1, left), corner(trained + 1, TOP)),
            ];
            area.draw(&Rectangle::new(outline, WHITE.stroke_width(4)))?;
            area.draw(&Rectangle::new(outline, BLACK.stroke_width(2)))?;
            for v in -range..=range {
                let offset = (v + range) * CELL + CELL / 2;
                area.draw(&Text::new(
                    v.to_string(),
                    (left + offset, TOP + side + 12),
                    centred(15),
                ))?;
                if i == 0 {
                    area.draw(&Text::new(v.to_string(), (left - 12, TOP + offset), centred(15)))?;
                }
            }
            let under = (left + side / 2, TOP + side + 32);
            area.draw(&Text::new("vx (pixels/frame)", under, centred(16)))?;
        }
        let turned = upwards(16, Pos::new(HPos::Center, VPos::Center));
        area.draw(&Text::new("vy (pixels/frame)", (14, TOP + side / 2), turned))?;
        Ok(())
    })
}

/// The place of a value on the colour scale, which the values of all panels span.
fn shade(maps: &HeatMaps) -> impl Fn(f64) -> f64 {
    let height = match maps.colours {
        Colours::Error => |value: f64| -value.ln(), // no number where there is no logarithm
        Colours::Share => |value: f64| value,
    };
    let cells = maps.panels.iter().flat_map(|panel| &panel.cells);
    let heights: Vec<f64> = cells.map(|cell| height(cell.2)).filter(|h| h.is_finite()).collect();
    let low = heights.iter().copied().fold(f64::MAX, f64::min);
    let high = heights.iter().copied().fold(f64::MIN, f64::max);
    move |value| {
        let height = height(value);
        if height.is_finite() { (height - low) / (high - low).max(1e-9) } else { 0.0 }
    }
}
