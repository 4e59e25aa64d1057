//! `MaxNumBoundingBoxes`: a fixed number of bounding boxes beside each image.

use crate::layers::prelude::*;

config! {
    /// Cuts or pads the bounding boxes beside images to a number.
    pub struct MaxNumBoundingBoxes(
        /// The number.
        max_number: usize,
    ) {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
    also {
        /// What stands for boxes that are not there.
        fill_value: f64 = -1.0,
        /// How boxes are given.
        bounding_box_format: Option<String> = None,
    }
    first [data_format]
}

impl MaxNumBoundingBoxes {
    /// As many rows as asked for along the second axis.
    fn fitted(&self, x: &Tensor) -> Result<Tensor> {
        let kept = ops::slice_axis(x, 1, ops::Range::to(self.max_number as i64))?;
        // So many rows are put behind that there are enough even when there were none.
        let mut widths = vec![(0, 0); x.rank()];
        if let Some(width) = widths.get_mut(1) {
            width.1 = self.max_number;
        }
        let padded = ops::pad(&kept, &widths, ops::PadMode::Constant, self.fill_value)?;
        ops::slice_axis(&padded, 1, ops::Range::to(self.max_number as i64))
    }
}

impl Layer for MaxNumBoundingBoxes {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let Some(Argument::Object(data)) = scope.arguments().get("data", 0) else { return Ok(inputs.to_vec()) };
        let mut outputs = Vec::new();
        let mut keys: Vec<&String> = data.keys().collect();
        keys.sort();
        for key in keys {
            let tensors = data.get(key).map(Argument::tensors).unwrap_or_default();
            for tensor in tensors {
                let tensor = &tensor.tensor;
                outputs.push(if key == "bounding_boxes" { self.fitted(tensor)? } else { tensor.clone() });
            }
        }
        Ok(outputs)
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["data"]
    }
}
