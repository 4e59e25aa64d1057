//! Pooling: the largest or the mean of windows, or of everything.

use super::Layer;
use crate::config::macros::family;

mod adaptive;
mod global;
mod pool;

family! { dyn Layer;
    adaptive_average_pooling1d => AdaptiveAveragePooling1D,
    adaptive_average_pooling2d => AdaptiveAveragePooling2D,
    adaptive_average_pooling3d => AdaptiveAveragePooling3D,
    adaptive_max_pooling1d => AdaptiveMaxPooling1D,
    adaptive_max_pooling2d => AdaptiveMaxPooling2D,
    adaptive_max_pooling3d => AdaptiveMaxPooling3D,
    average_pooling1d => AveragePooling1D,
    average_pooling2d => AveragePooling2D,
    average_pooling3d => AveragePooling3D,
    global_average_pooling1d => GlobalAveragePooling1D,
    global_average_pooling2d => GlobalAveragePooling2D,
    global_average_pooling3d => GlobalAveragePooling3D,
    global_max_pooling1d => GlobalMaxPooling1D,
    global_max_pooling2d => GlobalMaxPooling2D,
    global_max_pooling3d => GlobalMaxPooling3D,
    max_pooling1d => MaxPooling1D,
    max_pooling2d => MaxPooling2D,
    max_pooling3d => MaxPooling3D,
}
