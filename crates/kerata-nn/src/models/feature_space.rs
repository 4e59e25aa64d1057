//! `FeatureSpace`: the columns of a table by name, each prepared by a layer of its own, some crossed, encoded and put
//! together.

use indexmap::IndexMap;
use kerata_core::graph::{Tensor, TensorSpec};
use kerata_core::{DType, Error, Object, Result, ResultExt, Shape, Tree, ops};

use super::{Network, Port, Seen, list_attributes};
use crate::config::{Config, FromConfig, Value, required, unexpected};
use crate::layers::preprocessing::{CategoryEncoding, HashedCrossing};
use crate::layers::{AnyLayer, Argument, Arguments, Layer, Masked, Scope};
use crate::registry::Registry;

/// The columns of a table, prepared.
#[derive(Clone, Debug)]
pub struct FeatureSpace {
    features: Vec<Feature>,
    crosses: Vec<Cross>,
    gives_object: bool,
    config: Object,
}

/// A column.
#[derive(Clone, Debug)]
struct Feature {
    name: String,
    dtype: DType,
    preprocessor: AnyLayer,
    is_one_hot: bool,
}

/// Columns that are looked at together.
#[derive(Clone, Debug)]
struct Cross {
    name: String,
    parts: Vec<String>,
    crosser: AnyLayer,
    bins: usize,
    is_one_hot: bool,
}

impl FeatureSpace {
    /// Runs the layers; `call` runs one on the tensors of its first argument. Gives the features by name, sorted, and
    /// those of crosses after the others.
    fn run(
        &self,
        inputs: &[Tensor],
        mut call: impl FnMut(&str, &AnyLayer, Arguments) -> Result<Vec<Masked>>,
        asset: impl Fn(&str) -> Result<Option<Vec<u8>>>,
    ) -> Result<IndexMap<String, Tensor>> {
        if inputs.len() != self.features.len() {
            let (expected, found) = (self.features.len(), inputs.len());
            return Err(Error::mismatch(format!("expected {expected} inputs, found {found}")));
        }
        let mut call = |attribute: &str, layer: &AnyLayer, inputs: &[Tensor]| {
            let inputs: Vec<Masked> = inputs.iter().cloned().map(Masked::from).collect();
            let made = call(attribute, layer, Arguments::tensors(&inputs))?.into_iter().next();
            made.map(|made| made.tensor).ok_or_else(|| Error::internal("a layer without a result"))
        };
        let mut given: IndexMap<&str, &Tensor> = self.names().into_iter().zip(inputs).collect();
        let mut prepared: IndexMap<&str, Tensor> = IndexMap::new();
        for (feature, attribute) in self.features.iter().zip(self.attributes().into_iter().flatten()) {
            let name = feature.name.as_str();
            let column = given.swap_remove(name).ok_or_else(|| Error::internal("a feature without input"))?;
            let column = if column.rank() < 2 { ops::expand_dims(column, -1)? } else { column.clone() };
            prepared.insert(name, call(&attribute, &feature.preprocessor, &[column])?);
        }
        let mut out: IndexMap<String, Tensor> = IndexMap::new();
        for name in self.names() {
            let feature = self.features.iter().find(|feature| feature.name == name);
            let (Some(feature), Some(tensor)) = (feature, prepared.get(name)) else { continue };
            let depth = match feature.is_one_hot {
                true => Some(self.depth(feature, &asset).at(|| format!("feature `{name}`"))?),
                false => None,
            };
            out.insert(name.to_owned(), encoded(tensor, depth).at(|| format!("feature `{name}`"))?);
        }
        let mut crosses: Vec<(usize, &Cross)> = self.crosses.iter().enumerate().collect();
        crosses.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        for (position, cross) in crosses {
            let part = |name: &String| {
                let found = prepared.get(name.as_str()).cloned();
                found.ok_or_else(|| Error::corrupt(format!("a cross of the unknown feature `{name}`")))
            };
            let parts = cross.parts.iter().map(part).collect::<Result<Vec<_>>>()?;
            let attribute = crosser_attribute(position);
            let crossed =
                call(&attribute, &cross.crosser, &parts).at(|| format!("cross `{}`", cross.name))?;
            let depth = cross.is_one_hot.then_some(cross.bins);
            out.insert(cross.name.clone(), encoded(&crossed, depth)?);
        }
        Ok(out)
    }

    /// Puts the features one after the other, or gives each.
    fn merged(&self, features: IndexMap<String, Tensor>) -> Result<Vec<Tensor>> {
        if self.gives_object {
            let mut features: Vec<(String, Tensor)> = features.into_iter().collect();
            features.sort_by(|(a, _), (b, _)| a.cmp(b));
            return Ok(features.into_iter().map(|(_, tensor)| tensor).collect());
        }
        if let Some((name, tensor)) = features.iter().find(|(_, tensor)| !tensor.dtype().is_float()) {
            return Err(Error::mismatch(format!(
                "the feature `{name}` is {} and cannot be put beside floats",
                tensor.dtype()
            ))
            .hint("`output_mode=\"dict\"` gives each feature by itself"));
        }
        let features: Vec<Tensor> = features.into_values().collect();
        Ok(vec![ops::concatenate(&features, -1)?])
    }

    /// How many categories a feature has.
    fn depth(&self, feature: &Feature, asset: &impl Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<usize> {
        let config = feature.preprocessor.layer().config();
        let number = |key: &str| config.get(key).and_then(Tree::as_i64).and_then(|n| usize::try_from(n).ok());
        let counted = match feature.preprocessor.class_name() {
            "IntegerLookup" | "StringLookup" => match number("vocabulary_size") {
                Some(size) => Some(size),
                // The file of a vocabulary holds those tokens that stand for others too.
                None => {
                    let position = self.features.iter().position(|other| other.name == feature.name);
                    let attribute = position.and_then(|at| self.attributes().into_iter().flatten().nth(at));
                    let text = asset(&format!("{}/vocabulary.txt", attribute.unwrap_or_default()))?;
                    text.map(|text| String::from_utf8_lossy(&text).lines().count())
                }
            },
            "CategoryEncoding" => number("num_tokens"),
            "Hashing" | "HashedCrossing" => number("num_bins"),
            "Discretization" => number("num_bins").or_else(|| {
                let boundaries = config.get("bin_boundaries").and_then(Tree::as_list);
                boundaries.map(|boundaries| boundaries.len() + 1)
            }),
            class => return Err(Error::unsupported(format!("categories of a `{class}` are not counted"))),
        };
        counted.ok_or_else(|| Error::corrupt("the number of its categories is not known"))
    }

    /// The names of the features, sorted: the order of the inputs.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.features.iter().map(|feature| feature.name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// Numbers of categories as vectors, with so many; floats as they are.
fn encoded(x: &Tensor, depth: Option<usize>) -> Result<Tensor> {
    let Some(depth) = depth else { return Ok(x.clone()) };
    if !x.dtype().is_integer() {
        return Err(Error::mismatch(format!("expected whole numbers to be encoded, found {}", x.dtype())));
    }
    let layer: AnyLayer = CategoryEncoding::new().num_tokens(depth).into();
    let made = layer.call_alone(&Scope::alone(x.builder()), std::slice::from_ref(x))?;
    made.into_iter().next().ok_or_else(|| Error::internal("a layer without a result"))
}

/// The attribute of a crossing by its position.
fn crosser_attribute(position: usize) -> String {
    match position {
        0 => "crossers/hashed_crossing".to_owned(),
        position => format!("crossers/hashed_crossing_{position}"),
    }
}

impl Config for FeatureSpace {
    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn config(&self) -> Object {
        self.config.clone()
    }
}

impl FromConfig for FeatureSpace {
    const CLASS: &'static str = "FeatureSpace";

    fn from_config(config: &Object, registry: &Registry) -> Result<Self> {
        let text = |config: &Object, key: &str| -> Result<String> { required(config, key, registry) };
        let inner = |tree: &Tree| {
            let config = tree.get("config").and_then(Tree::as_object).cloned();
            config.ok_or_else(|| unexpected("a serialized object", tree))
        };
        let missing = |key: &str| Error::corrupt(format!("the config has no argument `{key}`"));
        let features = config.get("features").ok_or_else(|| missing("features"))?;
        let features = features.as_object().ok_or_else(|| unexpected("features by name", features))?;
        let feature = |(name, tree): (&String, &Tree)| {
            let config = inner(tree)?;
            Ok(Feature {
                name: name.clone(),
                dtype: required(&config, "dtype", registry)?,
                preprocessor: required(&config, "preprocessor", registry)?,
                is_one_hot: text(&config, "output_mode")? == "one_hot",
            })
        };
        let features = features
            .iter()
            .map(|entry| feature(entry).at(|| format!("feature `{}`", entry.0)))
            .collect::<Result<_>>()?;
        let crosses = config.get("crosses").and_then(Tree::as_list).unwrap_or_default();
        let cross = |tree: &Tree| {
            let config = inner(tree)?;
            let names = config.get("feature_names").ok_or_else(|| missing("feature_names"))?;
            let names = names.path(&["config", "value"]).unwrap_or(names);
            let parts: Vec<String> = Value::read(names, registry)?;
            let (name, bins) = (parts.join("_X_"), required(&config, "crossing_dim", registry)?);
            let is_one_hot = text(&config, "output_mode")? == "one_hot";
            let crosser = AnyLayer::new(HashedCrossing::new(bins)).named(name.clone());
            Ok(Cross { name, parts, crosser, bins, is_one_hot })
        };
        let crosses = crosses.iter().map(|tree| cross(tree).at(|| "crosses")).collect::<Result<_>>()?;
        let gives_object = config.get("output_mode").and_then(Tree::as_str) == Some("dict");
        Ok(Self { features, crosses, gives_object, config: config.clone() })
    }
}

impl Layer for FeatureSpace {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        let Argument::Object(ports) = self.inputs()? else { return Err(Error::internal("ports by name")) };
        let ports = Argument::Object(ports);
        let builder = scope.builder().clone();
        let inputs: Vec<Tensor> =
            ports.tensors().into_iter().map(|port| builder.input(port.label(), port.spec.clone())).collect();
        for (feature, attribute) in self.features.iter().zip(self.attributes().into_iter().flatten()) {
            let input =
                self.names().iter().position(|name| *name == feature.name).and_then(|at| inputs.get(at));
            let input = input.ok_or_else(|| Error::internal("a feature without input"))?;
            let column = ops::expand_dims(input, -1)?;
            scope.build_on(&attribute, &feature.preprocessor, Arguments::tensors(&[column.into()]))?;
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let call = |attribute: &str, layer: &AnyLayer, arguments: Arguments| {
            scope.call_with(attribute, layer, &arguments)
        };
        self.merged(self.run(inputs, call, |name| scope.asset(name))?)
    }

    fn autocast(&self) -> bool {
        false
    }

    fn as_model(&self) -> Option<&dyn Network> {
        Some(self)
    }

    fn base_keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn module(&self) -> &'static str {
        "keras.utils"
    }

    fn check(&self) -> Result<()> {
        self.features.iter().try_for_each(|feature| {
            let layer = &feature.preprocessor;
            layer.layer().check().at(|| layer.place_text())
        })
    }
}

impl Network for FeatureSpace {
    fn members(&self) -> Vec<&AnyLayer> {
        self.features.iter().map(|feature| &feature.preprocessor).collect()
    }

    fn attributes(&self) -> Vec<Option<String>> {
        list_attributes(
            "preprocessors",
            self.features.iter().map(|feature| Some(feature.preprocessor.class_name())),
        )
    }

    fn inputs(&self) -> Result<Argument<Port>> {
        let port = |feature: &Feature| {
            let name = feature.name.clone();
            // One value a row: Keras adds the axis of columns itself.
            let spec = TensorSpec::new(feature.dtype, Shape::new([None]));
            let port = Port { key: Some(name.clone()), name: name.clone(), spec, is_optional: false };
            (name, Argument::Tensor(port))
        };
        Ok(Argument::Object(self.features.iter().map(port).collect()))
    }

    fn outputs(&self) -> Argument<String> {
        if !self.gives_object {
            return Argument::Tensor("features".to_owned());
        }
        let names = self.features.iter().map(|feature| &feature.name);
        let names = names.chain(self.crosses.iter().map(|cross| &cross.name));
        Argument::Object(names.map(|name| (name.clone(), Argument::Tensor(name.clone()))).collect())
    }

    fn connections(&self) -> Vec<Vec<String>> {
        self.features.iter().map(|feature| vec![format!("{}[0][0]", feature.name)]).collect()
    }

    fn explore(&self, scope: &mut Scope, _: &[TensorSpec], see: &mut dyn FnMut(&AnyLayer, Seen)) {
        for (feature, attribute) in self.features.iter().zip(self.attributes().into_iter().flatten()) {
            let spec = TensorSpec::new(feature.dtype, Shape::new([None, Some(1)]));
            let input = scope.builder().input(feature.name.as_str(), spec.clone());
            let made = scope.build_on(&attribute, &feature.preprocessor, Arguments::tensors(&[input.into()]));
            let outputs = made.iter().flatten().map(|output| output.tensor.spec().clone()).collect();
            see(&feature.preprocessor, Seen { inputs: vec![spec], outputs });
        }
    }
}
