//! Models that do not give Keras's numbers, and why. One line a model, sorted; the test fails when one of them runs.

/// Name of the model, with its era when it runs in others, and the reason.
pub const CANNOT: &[(&str, &str)] = &[
    ("awq", "Keras 3.15 leaves `kernel_zero` out of the file"),
    ("gptq", "Keras 3.15 leaves `kernel_zero` out of the file"),
    ("keras-3.0/custom_containers", "Keras before 3.15 leaves layers in nested lists out of the file"),
    ("keras-3.6/custom_containers", "Keras before 3.15 leaves layers in nested lists out of the file"),
    ("lambda_activation", "Python code in a file is not executed"),
    ("lambda_layer", "Python code in a file is not executed"),
    ("lora_int8", "Keras rounds the kernel anew while it saves; the file computes other numbers"),
];
