//! Metrics. Keras 3 saves none of their variables, Keras 2 does.

use crate::walk::facts::{Class, Facts, Own};

fn states(names: &[&'static str]) -> Vec<Own> {
    names.iter().map(|name| Own::state(name)).collect()
}

fn mean(_: &Facts<'_>) -> Vec<Own> {
    states(&["total", "count"])
}

fn confusion(_: &Facts<'_>) -> Vec<Own> {
    states(&["true_positives", "false_positives", "true_negatives", "false_negatives"])
}

fn f_score(_: &Facts<'_>) -> Vec<Own> {
    states(&["true_positives", "false_positives", "false_negatives", "intermediate_weights"])
}

fn accumulator(_: &Facts<'_>) -> Vec<Own> {
    states(&["accumulator"])
}

fn matrix(_: &Facts<'_>) -> Vec<Own> {
    states(&["total_confusion_matrix"])
}

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::own("AUC", confusion),
    Class::own("Accuracy", mean),
    Class::own("BinaryAccuracy", mean),
    Class::own("BinaryCrossentropy", mean),
    Class::own("BinaryIoU", matrix),
    Class::own("CategoricalAccuracy", mean),
    Class::own("CategoricalCrossentropy", mean),
    Class::own("CategoricalHinge", mean),
    Class::own("ConcordanceCorrelation", mean),
    Class::own("CosineSimilarity", mean),
    Class::own("F1Score", f_score),
    Class::own("FBetaScore", f_score),
    Class::own("FalseNegatives", accumulator),
    Class::own("FalsePositives", accumulator),
    Class::own("Hinge", mean),
    Class::own("IoU", matrix),
    Class::own("KLDivergence", mean),
    Class::own("LogCoshError", mean),
    Class::own("Mean", mean),
    Class::own("MeanAbsoluteError", mean),
    Class::own("MeanAbsolutePercentageError", mean),
    Class::own("MeanIoU", matrix),
    Class::own("MeanMetricWrapper", mean),
    Class::own("MeanSquaredError", mean),
    Class::own("MeanSquaredLogarithmicError", mean),
    Class::own("OneHotIoU", matrix),
    Class::own("OneHotMeanIoU", matrix),
    Class::own("PearsonCorrelation", mean),
    Class::own("Poisson", mean),
    Class::own("Precision", |_| states(&["true_positives", "false_positives"])),
    Class::own("PrecisionAtRecall", confusion),
    Class::own("R2Score", |_| states(&["squared_sum", "sum", "total_mse", "count", "num_samples"])),
    Class::own("Recall", |_| states(&["true_positives", "false_negatives"])),
    Class::own("RecallAtPrecision", confusion),
    Class::own("RootMeanSquaredError", mean),
    Class::own("SensitivityAtSpecificity", confusion),
    Class::own("SparseCategoricalAccuracy", mean),
    Class::own("SparseCategoricalCrossentropy", mean),
    Class::own("SparseTopKCategoricalAccuracy", mean),
    Class::own("SpecificityAtSensitivity", confusion),
    Class::own("SquaredHinge", mean),
    Class::own("Sum", |_| states(&["total"])),
    Class::own("TopKCategoricalAccuracy", mean),
    Class::own("TrueNegatives", accumulator),
    Class::own("TruePositives", accumulator),
];
