//! `Sequential`: layers in a row.

use kerata_core::graph::{Inputs, Tensor, TensorSpec};
use kerata_core::{DType, Error, Object, Result, ResultExt, Shape, Tree};

use super::explore::specs_of;
use super::{Network, Port, Seen, list_attributes};
use crate::config::{Config, FromConfig, Value, unexpected};
use crate::layers::core::InputLayer;
use crate::layers::{AnyLayer, Argument, Arguments, Layer, Masked, Scope};
use crate::registry::Registry;

/// Layers in a row.
#[derive(Clone, Debug)]
pub struct Sequential {
    layers: Vec<AnyLayer>,
    build_input_shape: Option<Shape>,
}

impl Sequential {
    /// A model of layers in a row.
    pub fn new(layers: impl IntoIterator<Item = AnyLayer>) -> Self {
        let mut model = Self { layers: Vec::new(), build_input_shape: None };
        layers.into_iter().for_each(|layer| model.push(layer));
        model
    }

    /// The same with one more layer.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "Keras calls it `add`")]
    pub fn add(mut self, layer: impl Into<AnyLayer>) -> Self {
        self.push(layer.into());
        self
    }

    /// Names are made different by a number, as Keras does.
    fn push(&mut self, layer: AnyLayer) {
        let is_taken = |name: &str| self.layers.iter().any(|other| other.name() == name);
        let base = layer.name().to_owned();
        let mut name = base.clone();
        let mut number = 0;
        while is_taken(&name) {
            number += 1;
            name = format!("{base}_{number}");
        }
        self.layers.push(layer.named(name));
    }

    /// The layer through which the input comes, when there is one.
    fn input_layer(&self) -> Option<&AnyLayer> {
        self.layers.first().filter(|layer| layer.class_name() == "InputLayer")
    }

    /// The layers without that of the input.
    fn inner(&self) -> &[AnyLayer] {
        &self.layers[usize::from(self.input_layer().is_some())..]
    }

    /// Runs the layers one after the other; `call` runs one.
    fn run(
        &self,
        input: Masked,
        mut call: impl FnMut(&str, &AnyLayer, Arguments) -> Result<Vec<Masked>>,
    ) -> Result<Vec<Masked>> {
        let mut values = vec![input];
        for (layer, attribute) in self.inner().iter().zip(self.inner_attributes()) {
            values = call(&attribute, layer, Arguments::tensors(&values))?;
        }
        Ok(values)
    }

    fn inner_attributes(&self) -> Vec<String> {
        let classes = self.inner().iter().map(|layer| Some(layer.class_name()));
        list_attributes("layers", classes).into_iter().flatten().collect()
    }

    fn port(&self) -> Result<Port> {
        if let Some(layer) = self.input_layer() {
            let tree = layer.write();
            let config = tree.get("config").and_then(Tree::as_object).cloned().unwrap_or_default();
            let spec = InputLayer::from_config(&config, Registry::built_in())?.spec()?;
            return Ok(Port { key: None, name: layer.name().to_owned(), spec, is_optional: false });
        }
        let shape = self.build_input_shape.clone().ok_or_else(|| {
            Error::usage("the model does not know its input shape").hint("put an `InputLayer` first")
        })?;
        let spec = TensorSpec::new(DType::Float32, shape);
        Ok(Port { key: None, name: "input_layer".to_owned(), spec, is_optional: false })
    }
}

impl Config for Sequential {
    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn config(&self) -> Object {
        let layers = Tree::List(self.layers.iter().map(Value::write).collect());
        let shape = self.port().map_or(Tree::Null, |port| port.spec.shape.write());
        Object::from_iter([("layers".to_owned(), layers), ("build_input_shape".to_owned(), shape)])
    }
}

impl FromConfig for Sequential {
    const CLASS: &'static str = "Sequential";

    fn from_config(config: &Object, registry: &Registry) -> Result<Self> {
        let layers =
            config.get("layers").ok_or_else(|| Error::corrupt("the config has no argument `layers`"))?;
        let layers = layers.as_list().ok_or_else(|| unexpected("a list of layers", layers))?;
        let layers = layers
            .iter()
            .enumerate()
            .map(|(position, tree)| AnyLayer::read(tree, registry).at(|| format!("layer {position}")))
            .collect::<Result<_>>()?;
        let build_input_shape = match config.get("build_input_shape") {
            Some(tree) => Option::read(tree, registry).at(|| "build_input_shape")?,
            None => None,
        };
        Ok(Self { layers, build_input_shape })
    }
}

impl Layer for Sequential {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let spec = match self.port() {
            Ok(port) => port.spec,
            Err(error) => inputs.only().map_err(|_| error)?.clone(),
        };
        let input = scope.builder().input("input", spec);
        self.run(input.into(), |attribute, layer, arguments| scope.build_on(attribute, layer, arguments))?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut tensor = inputs.only()?.clone();
        if let Ok(port) = self.port() {
            tensor = port.adjust(&tensor)?;
        }
        let input = Masked { tensor, mask: scope.mask(0).cloned() };
        let outputs =
            self.run(input, |attribute, layer, arguments| scope.call_with(attribute, layer, &arguments))?;
        for (position, output) in outputs.iter().enumerate() {
            scope.set_mask(position, output.mask.clone());
        }
        Ok(outputs.into_iter().map(|output| output.tensor).collect())
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn autocast(&self) -> bool {
        false
    }

    fn as_model(&self) -> Option<&dyn Network> {
        Some(self)
    }

    fn module(&self) -> &'static str {
        "keras"
    }

    fn check(&self) -> Result<()> {
        self.layers.iter().try_for_each(|layer| layer.layer().check().at(|| layer.place_text()))
    }
}

impl Network for Sequential {
    fn members(&self) -> Vec<&AnyLayer> {
        self.inner().iter().collect()
    }

    fn attributes(&self) -> Vec<Option<String>> {
        self.inner_attributes().into_iter().map(Some).collect()
    }

    fn inputs(&self) -> Result<Argument<Port>> {
        self.port().map(Argument::Tensor)
    }

    fn outputs(&self) -> Argument<String> {
        Argument::Tensor(self.layers.last().map_or_else(String::new, |layer| layer.name().to_owned()))
    }

    fn connections(&self) -> Vec<Vec<String>> {
        let mut previous: Option<&str> = None;
        let connect = |layer| {
            let from = previous.map(|name| format!("{name}[0][0]"));
            previous = Some(AnyLayer::name(layer));
            from.into_iter().collect()
        };
        self.inner().iter().map(connect).collect()
    }

    fn explore(&self, scope: &mut Scope, inputs: &[TensorSpec], see: &mut dyn FnMut(&AnyLayer, Seen)) {
        let own = self.port().map(|port| port.spec).ok();
        let Some(spec) = own.or_else(|| inputs.first().cloned()) else { return };
        let input = scope.builder().input("input", spec);
        // The first layer that fails ends the row.
        let _ = self.run(input.into(), |attribute, layer, arguments| {
            let inputs = specs_of(&arguments);
            let made = scope.build_on(attribute, layer, arguments);
            let outputs = made.iter().flatten().map(|output| output.tensor.spec().clone()).collect();
            see(layer, Seen { inputs, outputs });
            made
        });
    }
}
