//! Models that do not give Keras's numbers yet, and why. One line a model, sorted; the test fails when one of them runs.

/// Name of the model and the reason.
pub const CANNOT: &[(&str, &str)] = &[
    ("awq", "mismatch: the layer needs (8, 8), the file holds (8,)"),
    ("custom_store", "unsupported: the code of class `OwnStore` is not there"),
    ("feature_space", "unsupported: `FeatureSpace` is not a model of layers"),
    ("feature_space_dict", "unsupported: `FeatureSpace` is not a model of layers"),
    ("float8", "mismatch: element 0: expected -1.5325247049331665, found -1.4767491817474365"),
    ("float8_dense", "mismatch: element 0: expected -0.103515625, found -0.12505465745925903"),
    ("gptq", "mismatch: the layer needs (8, 8), the file holds (8,)"),
    (
        "image_clahe",
        "unsupported: the code of class `ContrastLimitedAdaptiveHistogramEqualization` is not there",
    ),
    ("int8_attention", "unsupported: the code of class `MultiHeadAttention` is not there"),
    (
        "lambda_activation",
        "corrupt: expected an activation, found {value: [4wEAAAAAAAAAAAAAAAIAAAADAAAA8wwAAACXAHw",
    ),
    ("lambda_layer", "unsupported: the function `<lambda>` is not known"),
    ("lora_int8", "mismatch: element 0: expected -0.033620405942201614, found 588.9584350585938"),
    ("policy_map", "unsupported: the code of class `MultiHeadAttention` is not there"),
    ("sequential_unbuilt", "usage: the model does not know its input shape"),
];
