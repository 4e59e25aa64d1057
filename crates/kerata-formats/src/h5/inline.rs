//! What other formats keep outside the config, written into it: a legacy file has no place for more.

use kerata_core::{Artifact, DType, LossReport, Result, Tree};

use crate::walk::{self, Walk};

/// Puts vocabularies into the configs of their lookup layers.
pub(super) fn vocabularies(config: &mut Tree, artifact: &Artifact, losses: &mut LossReport) -> Result<()> {
    let walk = walk::objects(config);
    for (path, data) in &artifact.assets {
        let Some(owner) = path.strip_suffix("/vocabulary.txt") else {
            losses.lose(format!("asset `{path}`: legacy HDF5 has no place for files"));
            continue;
        };
        let bytes = data.bytes()?;
        let text = String::from_utf8_lossy(&bytes);
        let layer = owner.strip_suffix("/_lookup_layer").unwrap_or(owner);
        let Some(name) = named(&walk, layer) else {
            losses.lose(format!("asset `{path}`: its layer is not in the config"));
            continue;
        };
        let words: Vec<&str> = text.split('\n').collect();
        let Some(weights) = idf_weights(artifact, &walk, owner, layer)? else {
            fill(config, &name, &words, None);
            continue;
        };
        if weights.len() < words.len() {
            losses.lose(format!("asset `{path}`: {} words have {} idf weights", words.len(), weights.len()));
            continue;
        }
        fill(config, &name, &words, Some(&weights));
    }
    Ok(())
}

/// The weights of the words of a layer that counts them so; `None` where the layer has none.
fn idf_weights(artifact: &Artifact, walk: &Walk, owner: &str, layer: &str) -> Result<Option<Vec<f32>>> {
    let has_own = |object: &walk::Saved| object.variables.as_ref().is_some_and(|own| !own.is_empty());
    if !walk.object(layer).is_some_and(has_own) {
        return Ok(None);
    }
    let stored = [owner, layer].map(|place| artifact.variables.get(&format!("{place}/vars/idf_weights")));
    let Some(variable) = stored.into_iter().flatten().find(|variable| variable.dtype == DType::Float32)
    else {
        return Ok(Some(Vec::new()));
    };
    let bytes = variable.data.bytes()?;
    Ok(Some(bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()))
}

/// Class and name of the layer at a path.
fn named(walk: &Walk, path: &str) -> Option<(String, String)> {
    let object = walk.object(path)?;
    Some((object.class_name.clone(), object.name.clone()?))
}

/// Gives every lookup layer of this class and name its words; whole numbers where the layer looks up numbers.
fn fill(tree: &mut Tree, (class, name): &(String, String), words: &[&str], weights: Option<&[f32]>) {
    let is_it = tree.class_name() == Some(class)
        && tree.path(&["config", "name"]).and_then(Tree::as_str) == Some(name.as_str());
    if is_it && let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut) {
        // Text vectorization takes a vocabulary without padding and unknown token and puts them in front itself; with weights
        // they stand in front, since Keras would make up theirs.
        let skipped = if class == "TextVectorization" && weights.is_none() {
            words.iter().take(2).filter(|w| matches!(**w, "" | "[UNK]")).count()
        } else {
            0
        };
        let items = words.iter().skip(skipped).map(|word| match word.parse::<i64>() {
            Ok(number) if class == "IntegerLookup" => Tree::from(number),
            _ => Tree::from(*word),
        });
        config.insert("vocabulary".into(), Tree::List(items.collect()));
        if let Some(weights) = weights {
            // Weights behind the last word are the padding that Keras puts there.
            let weights = weights.iter().take(words.len()).map(|weight| Tree::from(f64::from(*weight)));
            config.insert("idf_weights".into(), Tree::List(weights.collect()));
        }
    }
    match tree {
        Tree::List(items) => {
            items.iter_mut().for_each(|item| fill(item, &(class.clone(), name.clone()), words, weights))
        }
        Tree::Object(entries) => {
            entries.values_mut().for_each(|item| fill(item, &(class.clone(), name.clone()), words, weights));
        }
        _ => {}
    }
}

/// LoRA factors are merged into the kernels already; asked for again, they would be variables that the file lacks.
pub(super) fn lora(tree: &mut Tree, losses: &mut LossReport) {
    if let Some(config) = tree.as_object_mut()
        && config.get("lora_rank").is_some_and(|rank| !rank.is_null())
    {
        config.shift_remove("lora_rank");
        config.shift_remove("lora_alpha");
        let name = config.get("name").and_then(Tree::as_str).unwrap_or_default();
        losses.lose(format!("`lora_rank` of `{name}`: the factors are merged into the kernel"));
    }
    match tree {
        Tree::List(items) => items.iter_mut().for_each(|item| lora(item, losses)),
        Tree::Object(entries) => entries.values_mut().for_each(|item| lora(item, losses)),
        _ => {}
    }
}

/// Writes each `...` of an index as the slices that it stands for: the reader of legacy files takes it for no config.
pub(super) fn ellipses(tree: &mut Tree) {
    if tree.class_name() == Some("GetItem") {
        let nodes = tree.get_mut("inbound_nodes").and_then(Tree::as_list_mut);
        for args in nodes.into_iter().flatten().filter_map(|node| node.get_mut("args")?.as_list_mut()) {
            if let [x, key] = args.as_mut_slice() {
                let rank = x.path(&["config", "shape"]).and_then(Tree::as_list).map(<[Tree]>::len);
                if let Some(plain) = rank.and_then(|rank| without_ellipsis(key, rank)) {
                    *key = plain;
                }
            }
        }
    }
    match tree {
        Tree::List(items) => items.iter_mut().for_each(ellipses),
        Tree::Object(entries) => entries.values_mut().for_each(ellipses),
        _ => {}
    }
}

fn without_ellipsis(key: &Tree, rank: usize) -> Option<Tree> {
    let is_ellipsis = |item: &Tree| item.class_name() == Some("__ellipsis__");
    let items = key.as_list().unwrap_or(std::slice::from_ref(key));
    let at = items.iter().position(is_ellipsis)?;
    let named = items.iter().filter(|item| !item.is_null() && !is_ellipsis(item)).count();
    let none = || Tree::from([("start", Tree::Null), ("stop", Tree::Null), ("step", Tree::Null)]);
    let slice = || Tree::from([("class_name", Tree::from("__slice__")), ("config", none())]);
    let mut plain = items.to_vec();
    plain.splice(at..=at, (0..rank.checked_sub(named)?).map(|_| slice()));
    Some(Tree::List(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::Limits;

    #[test]
    fn an_ellipsis_is_the_axes_that_are_left() {
        let parse = |text: &str| Tree::parse(text.as_bytes(), &Limits::default()).unwrap();
        let key = parse(r#"[0, null, {"class_name": "__ellipsis__", "config": {}}, 1]"#);
        let all = r#"{"class_name": "__slice__", "config": {"start": null, "stop": null, "step": null}}"#;
        assert_eq!(without_ellipsis(&key, 4), Some(parse(&format!("[0, null, {all}, {all}, 1]"))));
        assert_eq!(without_ellipsis(&key, 2), Some(parse("[0, null, 1]")));
        assert_eq!(without_ellipsis(&parse("[0, 1]"), 4), None);
    }
}
