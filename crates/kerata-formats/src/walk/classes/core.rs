//! Core layers with variables; those that can be quantized follow `docs/formats/keras.md`, section quantized layers.

use crate::walk::facts::{Class, Facts, Own, Stored, named};

use super::attention::einsum_bias;

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::own("Dense", |facts| dense(facts, facts.flag("use_bias", true))),
    Class::own("EinsumDense", |facts| dense(facts, einsum_bias(facts))),
    Class::own("Embedding", |facts| lora(facts, table(facts), "lora_embeddings_a", "lora_embeddings_b")),
    Class::own("PReLU", |_| named(&[("alpha", true)])),
    Class::own("ReversibleEmbedding", |facts| {
        let mut own = lora(facts, table(facts), "lora_embeddings_a", "lora_embeddings_b");
        if !facts.flag("tie_weights", true) {
            own.extend(reverse_table(facts));
        }
        own
    }),
];

/// Kernel and bias with what the quantization mode adds; quantized kernels are not trainable.
fn dense(facts: &Facts<'_>, has_bias: bool) -> Vec<Own> {
    let mode = facts.quantization().unwrap_or(if facts.flag("int8", false) { "int8" } else { "" });
    let grouped = is_grouped(facts, mode);
    let bias = || has_bias.then(|| Own::new("bias"));
    let states = |names: &[&'static str]| names.iter().map(|name| Own::state(name)).collect::<Vec<_>>();
    let mut own = Vec::new();
    match mode.split('/').next().unwrap_or_default() {
        "int8" | "int4" => {
            own.push(Own::state("kernel"));
            own.extend(bias());
            own.extend(states(&["kernel_scale"]));
            own.extend(states(if grouped { &["kernel_zero", "g_idx"] } else { &[] }));
        }
        "gptq" => {
            own.extend(bias());
            own.extend(states(&["quantized_kernel", "kernel_scale", "kernel_zero", "g_idx"]));
        }
        "awq" => {
            own.extend(bias());
            own.extend(states(&["quantized_kernel", "kernel_scale", "kernel_zero", "awq_scales", "g_idx"]));
        }
        "float8" => {
            own.extend(named(&[("kernel", true), ("bias", has_bias)]));
            own.extend(named(&[
                ("inputs_scale", true),
                ("inputs_amax_history", true),
                ("kernel_scale", true),
                ("kernel_amax_history", true),
                ("outputs_grad_scale", true),
                ("outputs_grad_amax_history", true),
            ]));
        }
        _ => own.extend(named(&[("kernel", true), ("bias", has_bias)])),
    }
    lora(facts, own, "lora_kernel_a", "lora_kernel_b")
}

/// An embedding's table with what the quantization mode adds.
fn table(facts: &Facts<'_>) -> Vec<Own> {
    let mode = facts.quantization().unwrap_or_default();
    if mode.is_empty() {
        return named(&[("embeddings", true)]);
    }
    let mut own = vec![Own::state("embeddings"), Own::state("embeddings_scale")];
    if is_grouped(facts, mode) {
        own.extend([Own::state("embeddings_zero"), Own::state("g_idx")]);
    }
    own
}

fn reverse_table(facts: &Facts<'_>) -> Vec<Own> {
    let mode = facts.quantization().unwrap_or_default();
    if mode.is_empty() {
        return named(&[("reverse_embeddings", true)]);
    }
    let mut own = vec![Own::state("reverse_embeddings"), Own::state("reverse_embeddings_scale")];
    own.extend(is_grouped(facts, mode).then(|| Own::state("reverse_embeddings_zero")));
    own
}

/// Whether an int4 kernel has one scale a group: `int4/128`, or a `block_size` in the quantization config.
fn is_grouped(facts: &Facts<'_>, mode: &str) -> bool {
    let Some(block) = mode.strip_prefix("int4") else { return false };
    let in_mode = block.strip_prefix('/').map(|size| size != "-1");
    let in_config = || {
        let size = facts.get("quantization_config")?.path(&["config", "block_size"])?;
        Some(size.as_i64().is_some_and(|size| size > 0))
    };
    in_mode.or_else(in_config).unwrap_or(false)
}

/// With LoRA the first variable is frozen, and two factors are kept that Keras merges into it when it saves.
pub(super) fn lora(facts: &Facts<'_>, mut own: Vec<Own>, a: &'static str, b: &'static str) -> Vec<Own> {
    if !facts.has("lora_rank") {
        return own;
    }
    if let Some(first) = own.first_mut() {
        first.trainable = false;
    }
    own.extend([a, b].map(|name| Own { stored: Stored::Nowhere, ..Own::new(name) }));
    own
}
