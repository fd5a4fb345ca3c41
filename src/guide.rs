#![doc = include_str!("../docs/own_cell.md")]
