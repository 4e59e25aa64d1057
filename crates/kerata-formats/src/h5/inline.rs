//! What other formats keep outside the config, written into it: a legacy file has no place for more.

use kerata_core::{Artifact, LossReport, Result, Tree};

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
        if walk.object(layer).and_then(|object| object.variables.as_ref()).is_some_and(|own| !own.is_empty())
        {
            losses.lose(format!("asset `{path}`: Keras takes no vocabulary without its idf weights"));
            continue;
        }
        let words: Vec<&str> = text.split('\n').collect();
        fill(config, &name, &words);
    }
    Ok(())
}

/// Class and name of the layer at a path.
fn named(walk: &Walk, path: &str) -> Option<(String, String)> {
    let object = walk.object(path)?;
    Some((object.class_name.clone(), object.name.clone()?))
}

/// Gives every lookup layer of this class and name its words; whole numbers where the layer looks up numbers.
fn fill(tree: &mut Tree, (class, name): &(String, String), words: &[&str]) {
    let is_it = tree.class_name() == Some(class)
        && tree.path(&["config", "name"]).and_then(Tree::as_str) == Some(name.as_str());
    if is_it && let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut) {
        // Text vectorization takes a vocabulary without padding and unknown token and puts them in front itself.
        let skipped = if class == "TextVectorization" {
            words.iter().take(2).filter(|w| matches!(**w, "" | "[UNK]")).count()
        } else {
            0
        };
        let items = words.iter().skip(skipped).map(|word| match word.parse::<i64>() {
            Ok(number) if class == "IntegerLookup" => Tree::from(number),
            _ => Tree::from(*word),
        });
        config.insert("vocabulary".into(), Tree::List(items.collect()));
    }
    match tree {
        Tree::List(items) => {
            items.iter_mut().for_each(|item| fill(item, &(class.clone(), name.clone()), words))
        }
        Tree::Object(entries) => {
            entries.values_mut().for_each(|item| fill(item, &(class.clone(), name.clone()), words));
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
