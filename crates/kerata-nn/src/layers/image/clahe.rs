//! `ContrastLimitedAdaptiveHistogramEqualization`: images in which levels are as frequent in each part.

use kerata_core::array::Array;

use super::images::{BYTES, images, in_range, range_of};
use crate::layers::prelude::*;

/// Number of levels.
const LEVELS: usize = 256;

config! {
    /// Makes all levels of each channel as frequent in each tile, within a limit, and blends the tiles.
    pub struct ContrastLimitedAdaptiveHistogramEqualization {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// How many times its mean a level may be frequent; the rest goes to all levels.
        clip_limit: f64 = 4.0,
        /// Number of tiles along height and width.
        tile_grid_size: Sizes = Sizes::from([8, 8]),
    }
}

/// For each pixel of an axis the tiles before and behind it, counted from one with the border repeated, and how near the
/// one behind is.
fn neighbours(size: usize, tile: usize, tiles: usize) -> (Vec<i32>, Vec<i32>, Vec<f32>) {
    let mut made = (Vec::new(), Vec::new(), Vec::new());
    for pixel in 0..size {
        let place = (pixel as f32 - tile as f32 / 2.0) / tile as f32 + 1.0;
        let before = place.floor();
        let inside = |tile: f32| tile.clamp(0.0, (tiles + 1) as f32) as i32;
        made.0.push(inside(before));
        made.1.push(inside(before + 1.0));
        made.2.push(place - before);
    }
    made
}

impl ContrastLimitedAdaptiveHistogramEqualization {
    /// What each level becomes in each tile: `(batch, rows, columns, channels, levels)`.
    fn curves(&self, x: &Tensor, grid: [usize; 2], tile: [usize; 2], channels: usize) -> Result<Tensor> {
        let sizes = [grid[0], tile[0], grid[1], tile[1], channels].map(ops::Size::from);
        let tiles = ops::reshape(x, std::iter::once(x.size(0)).chain(sizes))?;
        let tiles = ops::transpose(&tiles, &[0, 1, 3, 5, 2, 4])?;
        let area = tile[0] * tile[1];
        let sizes = [grid[0], grid[1], channels, area].map(ops::Size::from);
        let tiles = ops::reshape(&tiles, std::iter::once(x.size(0)).chain(sizes))?;
        let levels = ops::clip(&ops::cast(&tiles, DType::Int32)?, 0.0, 255.0)?;
        let mut counts = ops::sum(&ops::one_hot(&levels, LEVELS, -1, DType::Float32)?, &[-2], false)?;
        if self.clip_limit > 0.0 {
            let kept = ops::clip(&counts, 0.0, self.clip_limit * area as f64 / LEVELS as f64)?;
            let rest = ops::sum(&ops::subtract(&counts, &kept)?, &[-1], true)?;
            counts = ops::add(&kept, &ops::times(&rest, 1.0 / LEVELS as f64)?)?;
        }
        let sums = ops::cumsum(&counts, Some(-1))?;
        let least = ops::min(&sums, &[-1], true)?;
        let above = ops::subtract(&ops::scalar(&least, area as f64)?, &least)?;
        let is_flat = ops::equal(&above, &ops::zeros_like(&above)?)?;
        let above = ops::select(&is_flat, &ops::ones_like(&above)?, &above)?;
        let curves = ops::divide(&ops::times(&ops::subtract(&sums, &least)?, 255.0)?, &above)?;
        let curves = ops::clip(&curves, 0.0, 255.0)?;
        let pads = [(0, 0), (1, 1), (1, 1), (0, 0), (0, 0)];
        ops::pad(&curves, &pads, ops::PadMode::Edge, 0.0)
    }

    fn equalized(&self, x: &Tensor) -> Result<Tensor> {
        let grid = match self.tile_grid_size.of_rank(2)?[..] {
            [rows, columns] if rows > 0 && columns > 0 => [rows, columns],
            _ => return Err(Error::corrupt("`tile_grid_size` is two numbers")),
        };
        let (height, width, channels) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?, x.spec().known_axis(3)?);
        let tile = [height.div_ceil(grid[0]), width.div_ceil(grid[1])];
        let full = [tile[0] * grid[0], tile[1] * grid[1]];
        let pads = [(0, 0), (0, full[0] - height), (0, full[1] - width), (0, 0)];
        let x = ops::pad(x, &pads, ops::PadMode::Symmetric, 0.0)?;
        let curves = self.curves(&x, grid, tile, channels)?;
        let levels = ops::cast(&ops::clip(&x, 0.0, 255.0)?, DType::Int32)?;
        let levels = ops::expand_dims(&levels, -1)?;
        let (above, below, down) = neighbours(full[0], tile[0], grid[0]);
        let (left, right, aside) = neighbours(full[1], tile[1], grid[1]);
        let constant = |tiles: &[i32]| x.builder().constant(Array::vector(tiles.to_vec()));
        // The curve of a tile for each pixel, at the level of the pixel.
        let at = |row: &[i32], column: &[i32]| {
            let rows = ops::take(&curves, &constant(row), Some(1))?;
            let own = ops::take(&rows, &constant(column), Some(2))?;
            ops::squeeze(&ops::take_along_axis(&own, &levels, -1)?, &[-1])
        };
        let share = |shares: Vec<f32>, sizes: [usize; 4]| Ok::<_, Error>(x.builder().constant(Array::from_f32(sizes, shares)?));
        let down = share(down, [1, full[0], 1, 1])?;
        let aside = share(aside, [1, 1, full[1], 1])?;
        let blend = |a: &Tensor, b: &Tensor, share: &Tensor| {
            ops::add(&ops::multiply(a, &ops::one_minus(share)?)?, &ops::multiply(b, share)?)
        };
        let top = blend(&at(&above, &left)?, &at(&above, &right)?, &aside)?;
        let bottom = blend(&at(&below, &left)?, &at(&below, &right)?, &aside)?;
        let whole = blend(&top, &bottom, &down)?;
        let kept = [ops::Range::ALL, ops::Range::to(height as i64), ops::Range::to(width as i64), ops::Range::ALL];
        ops::slice(&whole, &kept)
    }
}

impl Layer for ContrastLimitedAdaptiveHistogramEqualization {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let range = range_of(&self.value_range)?;
        let original = inputs.only()?;
        let equalized = images(&ops::cast(original, DType::Float32)?, self.data_format, |x| {
            in_range(&self.equalized(&in_range(x, range, BYTES)?)?, BYTES, range)
        })?;
        Ok(vec![ops::cast(&equalized, original.dtype())?])
    }
}
