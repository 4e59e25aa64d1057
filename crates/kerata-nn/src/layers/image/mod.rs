//! Images: sizes, levels, random changes.

use super::Layer;
use crate::config::macros::family;

mod blur;
mod changes;
mod images;
mod mixed;
mod projection;
mod random;

family! { dyn Layer;
    aug_mix => AugMix,
    auto_contrast => AutoContrast,
    center_crop => CenterCrop,
    clahe => ContrastLimitedAdaptiveHistogramEqualization,
    cut_mix => CutMix,
    equalization => Equalization,
    max_num_bounding_boxes => MaxNumBoundingBoxes,
    mix_up => MixUp,
    pipeline => Pipeline,
    rand_augment => RandAugment,
    random_brightness => RandomBrightness,
    random_color_degeneration => RandomColorDegeneration,
    random_color_jitter => RandomColorJitter,
    random_contrast => RandomContrast,
    random_crop => RandomCrop,
    random_elastic_transform => RandomElasticTransform,
    random_erasing => RandomErasing,
    random_flip => RandomFlip,
    random_gaussian_blur => RandomGaussianBlur,
    random_grayscale => RandomGrayscale,
    random_hue => RandomHue,
    random_invert => RandomInvert,
    random_perspective => RandomPerspective,
    random_posterization => RandomPosterization,
    random_rotation => RandomRotation,
    random_saturation => RandomSaturation,
    random_sharpness => RandomSharpness,
    random_shear => RandomShear,
    random_translation => RandomTranslation,
    random_zoom => RandomZoom,
    resizing => Resizing,
    solarization => Solarization,
}
