//! Optimizer state of every era, slot by slot.

use kerata_core::{Artifact, DType, Data, Result, Role, Tree, Variable};

use super::arrays::Array;
use super::layers::Named;
use crate::era::Era;
use crate::walk::{Slot, SlotTarget, Walk, slots};

/// Older names of slots: class (empty for all), name in the file, name of the slot.
const ALIASES: &[(&str, &str, &str)] = &[
    ("Adadelta", "accum_grad", "accumulated_grad"),
    ("Adadelta", "accum_var", "accumulated_delta_var"),
    ("Adadelta", "accumulated_grad", "accumulated_grad"),
    ("Adamax", "u", "norm"),
    ("Adamax", "v", "norm"),
    ("Lion", "m", "momentum"),
    ("RMSprop", "average_gradient", "average_gradient"),
    ("RMSprop", "mg", "average_gradient"),
    ("RMSprop", "momentum", "momentum"),
    ("RMSprop", "rms", "velocity"),
    ("", "accumulator", "accumulator"),
    ("", "average", "average"),
    ("", "linear", "linear"),
    ("", "m", "momentum"),
    ("", "momentum", "momentum"),
    ("", "u", "norm"),
    ("", "v", "velocity"),
    ("", "velocity", "velocity"),
    ("", "vhat", "velocity_hat"),
];

/// Groups of slots as Keras 1 and 2.0 keep them, each for all weights in turn: class and slots.
const GROUPS: &[(&str, &[&str])] = &[
    ("Adadelta", &["accumulated_grad", "accumulated_delta_var"]),
    ("Adagrad", &["accumulator"]),
    ("Adam", &["momentum", "velocity", "velocity_hat"]),
    ("Adamax", &["momentum", "norm"]),
    ("Nadam", &["momentum", "velocity"]),
    ("RMSprop", &["velocity"]),
    ("SGD", &["momentum"]),
];

/// Puts the optimizer's arrays under Keras 3's paths. What cannot be placed is noted.
pub(super) fn placed(artifact: &mut Artifact, walk: &Walk, era: Era, arrays: &[Named]) -> Result<()> {
    if arrays.is_empty() {
        return Ok(());
    }
    let optimizer = artifact.compile_config.as_ref().and_then(|config| config.get("optimizer")).cloned();
    let targets = targets(artifact, walk);
    let wanted =
        optimizer.as_ref().zip(targets.as_ref()).and_then(|(optimizer, targets)| slots(optimizer, targets));
    let (Some(optimizer), Some(targets), Some(wanted)) = (optimizer, targets, wanted) else {
        artifact.notes.push(format!(
            "{} arrays of the optimizer stay as they lie in the file: its slots are not known",
            arrays.len()
        ));
        return as_they_are(artifact, arrays);
    };
    let own = wanted.iter().filter(|slot| slot.path.starts_with("optimizer/vars/")).count();
    let by_order = era == Era::Keras3 && arrays.len() == own;
    let found: Vec<Option<Array>> = match by_order {
        true => own_and_inner(&wanted, arrays),
        false => {
            matched(&optimizer, &wanted, &Weights { targets: &targets, names: names(artifact, walk) }, arrays)
        }
    };
    let missing =
        wanted.iter().zip(&found).filter(|(slot, array)| slot.target.is_some() && array.is_none()).count();
    if missing > 0 && missing == wanted.iter().filter(|slot| slot.target.is_some()).count() {
        artifact
            .notes
            .push(format!("the optimizer's {} arrays have no counterpart in Keras 3", arrays.len()));
        return as_they_are(artifact, arrays);
    }
    if missing > 0 {
        artifact
            .notes
            .push(format!("{missing} slots of the optimizer start at zero: the file does not have them"));
    }
    let counted = wanted.iter().zip(&found).find(|(slot, _)| slot.name == "iteration");
    let steps = counted
        .and_then(|(_, array)| array.as_ref())
        .map_or(Ok(0), |array| whole_number(array.dtype, &array.data))?;
    for (slot, array) in wanted.iter().zip(found) {
        let mut variable = match array {
            Some(array) => filled(slot, array)?,
            None => missing_slot(slot, &optimizer, &targets, steps)?,
        };
        variable.role = Role::Optimizer;
        variable.name = Some(slot.name.clone());
        artifact.variables.insert(slot.path.clone(), variable)?;
    }
    Ok(())
}

/// The trainable weights with their shapes; `None` when some are unknown.
pub(super) fn targets(artifact: &Artifact, walk: &Walk) -> Option<Vec<SlotTarget>> {
    let weights = walk.trainable_weights();
    let target = |weight: &crate::walk::Weight<'_>| {
        let variable = artifact.variables.get(weight.path())?;
        Some(SlotTarget { path: weight.keras_path(), shape: variable.shape.clone() })
    };
    weights.iter().map(target).collect()
}

/// The weights that an optimizer is built on.
struct Weights<'a> {
    targets: &'a [SlotTarget],
    /// Their addresses in the file, without the number behind the colon.
    names: Vec<String>,
}

fn names(artifact: &Artifact, walk: &Walk) -> Vec<String> {
    let origin = |weight: &crate::walk::Weight<'_>| artifact.variables.get(weight.path())?.origin.clone();
    let bare = |origin: String| origin.split(':').next().unwrap_or_default().to_owned();
    walk.trainable_weights().iter().map(|weight| origin(weight).map(bare).unwrap_or_default()).collect()
}

/// Keras 3 wrote them in its own order; inner optimizers repeat theirs.
fn own_and_inner(wanted: &[Slot], arrays: &[Named]) -> Vec<Option<Array>> {
    let mut out: Vec<Option<Array>> = Vec::new();
    for slot in wanted {
        let index = slot.path.strip_prefix("optimizer/vars/").and_then(|index| index.parse::<usize>().ok());
        let at = index.or_else(|| {
            // The same variable as one of the outer list.
            let same = |other: &Slot| {
                other.path.starts_with("optimizer/vars/") && other.keras_path == slot.keras_path
            };
            wanted.iter().position(same)
        });
        out.push(at.and_then(|at| arrays.get(at)).map(|named| named.array.clone()));
    }
    out
}

/// By the names in the file, else by order and shape.
fn matched(optimizer: &Tree, wanted: &[Slot], weights: &Weights<'_>, arrays: &[Named]) -> Vec<Option<Array>> {
    let targets = weights.targets;
    let class = optimizer.class_name().unwrap_or_default();
    let inner = optimizer.path(&["config", "inner_optimizer"]).and_then(Tree::class_name);
    let class = inner.unwrap_or(class);
    let named: Vec<(Option<(String, usize)>, &Named)> =
        arrays.iter().map(|array| (slot_of(class, &array.name, weights), array)).collect();
    let any_named = named.iter().any(|(slot, _)| slot.is_some());
    let ordered = if any_named { Vec::new() } else { in_groups(class, targets, arrays) };
    wanted
        .iter()
        .map(|slot| match slot.target {
            None => scalar(&slot.name, arrays),
            Some(target) => {
                let by_name = named.iter().find(|(found, _)| {
                    found.as_ref().is_some_and(|(name, at)| *name == slot.name && *at == target)
                });
                let by_order = ordered.iter().find(|(name, at, _)| *name == slot.name && *at == target);
                let array = by_name.map(|(_, named)| &named.array).or(by_order.map(|(_, _, array)| *array));
                array.filter(|array| array.shape == slot.shape).cloned()
            }
        })
        .collect()
}

/// The slot that a name tells: `Adam/dense/kernel/m:0`, `Adam/m/dense/kernel:0`, `training/Adam/dense/kernel/v:0`.
fn slot_of(class: &str, name: &str, weights: &Weights<'_>) -> Option<(String, usize)> {
    let bare = name.split(':').next().unwrap_or_default();
    let parts: Vec<&str> = bare.split('/').collect();
    let alias = |part: &str| {
        let fits = |of: &str, old: &str| (of.is_empty() || of == class) && old == part;
        let found = ALIASES.iter().find(|(of, old, _)| !of.is_empty() && fits(of, old));
        found.or_else(|| ALIASES.iter().find(|(of, old, _)| fits(of, old))).map(|entry| entry.2.to_owned())
    };
    // The weight's path, then the slot.
    let (last, before) = parts.split_last()?;
    if let Some(slot) = alias(last)
        && let Some(target) = target_of(&before.join("/"), weights)
    {
        return Some((slot, target));
    }
    // The slot, then the weight's path.
    (0..parts.len().saturating_sub(1)).find_map(|at| {
        let slot = alias(parts.get(at)?)?;
        let target = target_of(&parts.get(at + 1..)?.join("/"), weights)?;
        Some((slot, target))
    })
}

/// The weight whose path ends so (names of optimizers and scopes may stand before it).
fn target_of(path: &str, weights: &Weights<'_>) -> Option<usize> {
    // Keras 2 leaves inner layers out of some names (`time_distributed/kernel`), here as for the weight itself.
    let by_name = {
        let ends = |name: &&String| name.as_str() == path || name.ends_with(&format!("/{path}"));
        let mut fitting = weights.names.iter().enumerate().filter(|(_, name)| ends(name));
        fitting.next().filter(|_| fitting.next().is_none()).map(|(at, _)| at)
    };
    if by_name.is_some() {
        return by_name;
    }
    let targets = weights.targets;
    let exact = targets.iter().position(|target| target.path == path);
    let ends = |target: &SlotTarget| path.ends_with(&format!("/{}", target.path));
    let longest = || {
        let fitting = targets.iter().enumerate().filter(|(_, target)| ends(target));
        fitting.max_by_key(|(_, target)| target.path.len()).map(|(at, _)| at)
    };
    let inside = || {
        let ends = |target: &SlotTarget| target.path.ends_with(&format!("/{path}"));
        let mut fitting = targets.iter().enumerate().filter(|(_, target)| ends(target));
        fitting.next().filter(|_| fitting.next().is_none()).map(|(at, _)| at)
    };
    exact.or_else(longest).or_else(inside)
}

/// Unnamed arrays: a counter, then each slot for all weights in turn.
fn in_groups<'a>(
    class: &str,
    targets: &[SlotTarget],
    arrays: &'a [Named],
) -> Vec<(&'static str, usize, &'a Array)> {
    let Some((_, groups)) = GROUPS.iter().find(|(name, _)| *name == class) else { return Vec::new() };
    // A counter or a scheduled momentum comes first, unless a weight is a scalar itself.
    let leading = arrays.iter().take_while(|named| named.array.shape.is_empty()).count();
    let scalars = targets.iter().take_while(|target| target.shape.is_empty()).count();
    let mut rest = arrays.iter().skip(leading.saturating_sub(scalars));
    let mut out = Vec::new();
    for group in *groups {
        for at in 0..targets.len() {
            if let Some(named) = rest.next() {
                out.push((*group, at, &named.array));
            }
        }
    }
    out
}

/// A counter by its name, or the first whole number.
fn scalar(name: &str, arrays: &[Named]) -> Option<Array> {
    let names: &[&str] = match name {
        "iteration" => &["iter", "iteration", "iterations"],
        "learning_rate" => &["learning_rate", "lr", "current_learning_rate"],
        "u_product" => &["momentum_cache", "u_product", "m_schedule"],
        "dynamic_scale" => &["current_loss_scale", "dynamic_scale"],
        "step_counter" => &["good_steps", "step_counter"],
        _ => &[],
    };
    let tail = |named: &Named| {
        let bare = named.name.split(':').next().unwrap_or_default();
        bare.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let scalars = || arrays.iter().filter(|named| named.array.shape.is_empty());
    let by_name = scalars().find(|named| names.contains(&tail(named).as_str()));
    let first = || scalars().next().filter(|named| name == "iteration" && !tail(named).contains("rate"));
    by_name.or_else(first).map(|named| named.array.clone())
}

/// A slot with the array's elements; counters become whole numbers.
fn filled(slot: &Slot, array: Array) -> Result<Variable> {
    let origin = Some(array.origin.clone());
    let wants_int = matches!(slot.name.as_str(), "iteration" | "step_counter");
    let mut variable = if wants_int && array.dtype != DType::Int64 {
        Variable::new(DType::Int64, [], Data::owned(whole_number(array.dtype, &array.data)?.to_le_bytes()))?
    } else {
        Variable::new(array.dtype, array.shape, array.data)?
    };
    variable.origin = origin;
    Ok(variable)
}

/// A counter as a whole number.
pub(crate) fn whole_number(dtype: DType, data: &Data) -> Result<i64> {
    let bytes = data.bytes()?;
    Ok(match (dtype, bytes.as_ref()) {
        (DType::Float32, [a, b, c, d]) => f32::from_le_bytes([*a, *b, *c, *d]) as i64,
        (DType::Int64, bytes) => bytes.try_into().map_or(0, i64::from_le_bytes),
        (DType::Int32, [a, b, c, d]) => i64::from(i32::from_le_bytes([*a, *b, *c, *d])),
        (DType::Float64, bytes) => bytes.try_into().map_or(0, |eight| f64::from_le_bytes(eight) as i64),
        _ => 0,
    })
}

/// A slot that the file does not have: rates come from the config, products of momenta from the number of steps, everything
/// else starts as Keras starts it.
pub(crate) fn missing_slot(
    slot: &Slot,
    optimizer: &Tree,
    targets: &[SlotTarget],
    steps: i64,
) -> Result<Variable> {
    let inner = optimizer.path(&["config", "inner_optimizer"]).unwrap_or(optimizer);
    let rate = || inner.path(&["config", "learning_rate"]).and_then(Tree::as_f64).unwrap_or(0.001) as f32;
    let scale =
        || optimizer.path(&["config", "initial_scale"]).and_then(Tree::as_f64).unwrap_or(32768.0) as f32;
    match (slot.name.as_str(), slot.target) {
        ("iteration" | "step_counter", _) => Variable::new(DType::Int64, [], Data::owned(0i64.to_le_bytes())),
        ("learning_rate", _) => Variable::new(DType::Float32, [], Data::owned(rate().to_le_bytes())),
        ("u_product", _) => {
            let beta = inner.path(&["config", "beta_1"]).and_then(Tree::as_f64).unwrap_or(0.9);
            Variable::new(DType::Float32, [], Data::owned(momenta(beta as f32, steps).to_le_bytes()))
        }
        ("dynamic_scale", _) => Variable::new(DType::Float32, [], Data::owned(scale().to_le_bytes())),
        (_, target) => {
            let shape = target.and_then(|at| targets.get(at)).map(|_| slot.shape.clone()).unwrap_or_default();
            let count = usize::try_from(shape.iter().product::<u64>()).unwrap_or(0);
            Variable::new(DType::Float32, shape, Data::owned(vec![0; count * 4]))
        }
    }
}

/// The product of the momenta of `Nadam` after some steps, which no file of Keras 2 holds.
fn momenta(beta: f32, steps: i64) -> f32 {
    let momentum = |step: i64| beta * (1.0 - 0.5 * 0.96f32.powf(step as f32));
    // Far along it is zero.
    (1..=steps.min(100_000)).map(momentum).product()
}

/// Keeps the arrays under numbers of their own.
fn as_they_are(artifact: &mut Artifact, arrays: &[Named]) -> Result<()> {
    for (index, named) in arrays.iter().enumerate() {
        let array = named.array.clone();
        let mut variable = Variable::new(array.dtype, array.shape, array.data)?.with_role(Role::Optimizer);
        variable.origin = Some(array.origin);
        variable.name = Some(named.name.clone());
        artifact.variables.insert(format!("optimizer/vars/{index}"), variable)?;
    }
    Ok(())
}
