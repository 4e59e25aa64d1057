//! The walk against `fixtures/walk/cases.jsonl`: what real Keras saves for models and layers of every class.

use std::collections::HashSet;

use kerata_core::{Limits, Tree};

use super::{SlotTarget, classes, objects, slots};

fn cases() -> Vec<Tree> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/walk/cases.jsonl");
    let text = std::fs::read_to_string(path).expect("the fixture is in the repository");
    text.lines().map(|line| Tree::parse(line.as_bytes(), &Limits::default()).expect("JSON")).collect()
}

fn texts(tree: &Tree) -> Vec<&str> {
    tree.as_list().expect("a list").iter().map(|item| item.as_str().unwrap_or_default()).collect()
}

fn name(case: &Tree) -> &str {
    case.get("case").and_then(Tree::as_str).expect("a name")
}

#[test]
fn walk_visits_what_keras_saves_in_its_order() {
    let mut failed = Vec::new();
    for case in cases().iter().filter(|case| case.get("config").is_some()) {
        let walk = objects(case.get("config").expect("filtered"));
        let expected: Vec<(&str, &str)> = case
            .get("objects")
            .and_then(Tree::as_list)
            .expect("objects")
            .iter()
            .map(|object| {
                let object = texts(object);
                (object[0], object[1])
            })
            .collect();
        let found: Vec<(&str, &str)> =
            walk.objects().iter().map(|object| (object.path.as_str(), object.class_name.as_str())).collect();
        if found != expected {
            failed.push(format!("{}: objects\n  {found:?}\n  {expected:?}", name(case)));
        }
        let saved = texts(case.get("saved").expect("saved"));
        let own: Vec<&str> = walk
            .objects()
            .iter()
            .flat_map(|object| object.variables.iter().flatten())
            .filter_map(|variable| variable.path.as_deref())
            .collect();
        if own != saved {
            failed.push(format!("{}: saved\n  {own:?}\n  {saved:?}", name(case)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn weights_come_in_keras_order_with_names_and_trainability() {
    let mut failed = Vec::new();
    for case in cases().iter().filter(|case| case.get("config").is_some()) {
        let walk = objects(case.get("config").expect("filtered"));
        let lora = name(case).ends_with("_lora");
        let expected: Vec<String> = case
            .get("weights")
            .and_then(Tree::as_list)
            .expect("weights")
            .iter()
            .map(|weight| {
                let weight = weight.as_list().expect("a weight");
                // The fixture finds datasets by value, which merging LoRA factors changes.
                let path = if lora { "" } else { weight[0].as_str().unwrap_or_default() };
                format!("{path} {} {}", weight[1].as_str().expect("name"), weight[2].as_bool().expect("flag"))
            })
            .collect();
        let line = |weight: &super::Weight<'_>| {
            let path = if lora { "" } else { weight.path() };
            format!("{path} {} {}", weight.variable.name, weight.variable.trainable)
        };
        let found: Vec<String> = walk.weights().iter().map(line).collect();
        if found != expected {
            failed.push(format!("{}\n  {found:?}\n  {expected:?}", name(case)));
        }
        let legacy = case.get("legacy").and_then(Tree::as_list).expect("legacy");
        let legacy: Vec<&String> = legacy
            .iter()
            .map(|at| &expected[usize::try_from(at.as_u64().expect("index")).expect("fits")])
            .collect();
        let root = &walk.objects()[0];
        let found: Vec<String> = walk.legacy_weights_of(root).iter().map(line).collect();
        if found.iter().collect::<Vec<_>>() != legacy {
            failed.push(format!("{} legacy\n  {found:?}\n  {legacy:?}", name(case)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn optimizer_slots_come_in_keras_order() {
    let mut failed = Vec::new();
    let mut seen = 0;
    for case in cases().iter().filter(|case| case.get("optimizer").is_some()) {
        seen += 1;
        let targets: Vec<SlotTarget> = case
            .get("variables")
            .and_then(Tree::as_list)
            .expect("variables")
            .iter()
            .map(|variable| {
                let variable = variable.as_list().expect("a pair");
                let shape =
                    variable[1].as_list().expect("a shape").iter().map(|axis| axis.as_u64().expect("size"));
                SlotTarget { path: variable[0].as_str().expect("path").to_owned(), shape: shape.collect() }
            })
            .collect();
        let found = slots(case.get("optimizer").expect("filtered"), &targets).expect("a built-in optimizer");
        let saved = texts(case.get("saved").expect("saved"));
        let paths: Vec<&str> = found.iter().map(|slot| slot.path.as_str()).collect();
        if paths != saved {
            failed.push(format!("{} paths\n  {paths:?}\n  {saved:?}", name(case)));
        }
        let names = texts(case.get("slots").expect("slots"));
        let own: Vec<&super::Slot> =
            found.iter().filter(|slot| slot.path.starts_with("optimizer/vars/")).collect();
        // Keras names Adafactor's means after the weight alone.
        if name(case) != "optimizer_adafactor" {
            let found: Vec<&str> = own.iter().map(|slot| slot.keras_path.as_str()).collect();
            if found != names {
                failed.push(format!("{} names\n  {found:?}\n  {names:?}", name(case)));
            }
        }
        let shapes: Vec<Tree> = own.iter().map(|slot| Tree::from(slot.shape.clone())).collect();
        let expected = case.get("shapes").and_then(Tree::as_list).expect("shapes");
        if shapes != expected {
            failed.push(format!("{} shapes\n  {shapes:?}\n  {expected:?}", name(case)));
        }
    }
    assert!(seen > 25, "{seen} optimizers");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_layer_class_has_facts() {
    let cases = cases();
    let stateless = cases.iter().find(|case| name(case) == "stateless").expect("listed");
    let mut wanted: HashSet<String> = HashSet::new();
    for pair in stateless.get("classes").and_then(Tree::as_list).expect("pairs") {
        let pair = texts(pair);
        let class = classes::find(pair[0]).unwrap_or_else(|| panic!("no facts of {}", pair[0]));
        assert_eq!(class.python, pair[1]);
        wanted.insert(pair[0].to_owned());
    }
    for object in cases.iter().filter_map(|case| case.get("objects")?.as_list()).flatten() {
        let class = texts(object)[1];
        wanted.insert(class.to_owned());
        assert!(
            classes::find(class).is_some()
                || object
                    .as_list()
                    .is_some_and(|o| o[0].as_str().is_some_and(|p| p.starts_with("optimizer"))),
            "{class}"
        );
    }
    assert!(wanted.len() > 140, "{} classes", wanted.len());
}

#[test]
fn custom_classes_are_unknown_and_no_error() {
    let config = br#"{"module": "m", "class_name": "Mine", "registered_name": "pkg>Mine", "config": {"name": "mine", "units": 3}}"#;
    let walk = objects(&Tree::parse(config, &Limits::default()).expect("JSON"));
    assert_eq!(walk.objects().len(), 1);
    assert!(walk.objects()[0].variables.is_none() && !walk.is_complete());
    assert!(objects(&Tree::Null).weights().is_empty());
}
