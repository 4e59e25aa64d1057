//! The custom layers, functions and models of the golden files, as a user of the crate would write them.

use kerata_core::Role;
use kerata_nn::initializers::{Initialize, Start};
use kerata_nn::layers::core::Dense;
use kerata_nn::layers::normalization::LayerNormalization;
use kerata_nn::layers::prelude::*;
use kerata_nn::models::Sequential;

config! {
    /// Multiplies by a learned vector.
    pub struct Scale {
        /// Start value of the vector.
        start: f64 = 1.0,
    }
}

impl Layer for Scale {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope.variable("scale", [width], &Initializer::constant(self.start))?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![ops::multiply(inputs.only()?, &scope.get("scale")?)?])
    }
}

config! {
    /// Adds a learned vector.
    pub struct Shift {}
}

impl Layer for Shift {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope.variable("shift", [width], &Initializer::zeros())?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![ops::add(inputs.only()?, &scope.get("shift")?)?])
    }
}

config! {
    /// Two dense layers around a shortcut.
    pub struct Residual(
        /// Size between the layers.
        units: usize,
    ) {}
}

impl Residual {
    fn first(&self) -> AnyLayer {
        Dense::new(self.units).activation("relu").into()
    }
}

impl Layer for Residual {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let first = self.first();
        scope.build("first", &first, inputs)?;
        let inner = scope.output_specs("first", &first, inputs)?;
        let second = Dense::new(inputs.only()?.known_axis(-1)?);
        scope.build("second", &second.into(), &inner)?;
        scope.variable("gain", [], &Initializer::ones())?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let first = scope.call("first", &self.first(), inputs)?;
        let second = Dense::new(x.spec().known_axis(-1)?);
        let second = scope.call("second", &second.into(), &first)?;
        Ok(vec![ops::add(x, &ops::multiply(&scope.get("gain")?, second.only()?)?)?])
    }
}

config! {
    /// Layers in a list, a dict, nested lists and private attributes.
    pub struct Containers {}
}

impl Containers {
    /// The layers with Keras's paths.
    fn parts() -> Vec<(&'static str, AnyLayer)> {
        let dense = |units| AnyLayer::from(Dense::new(units));
        vec![
            ("stack/dense", dense(3)),
            ("stack/dense_1", dense(4)),
            ("stack/layer_normalization", LayerNormalization::new().into()),
            ("table/dense", dense(4)),
            ("table/dense_1", dense(4)),
            ("nested/container/dense", dense(4)),
            ("nested/container_1/container/dense", dense(4)),
            ("_hidden", dense(4)),
            ("pair/dense", dense(4)),
            ("pair/dense_1", dense(4)),
        ]
    }
}

impl Layer for Containers {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let wide = inputs.only()?.clone();
        for (path, layer) in Self::parts() {
            let input = match path {
                "stack/dense_1" => TensorSpec::new(wide.dtype, Shape::new([None, Some(3)])),
                _ => wide.clone(),
            };
            scope.build(path, &layer, &[input])?;
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let parts = Self::parts();
        let call = |path: &str, x: &Tensor| {
            let part =
                parts.iter().find(|part| part.0 == path).ok_or_else(|| Error::internal("no such part"))?;
            scope.call(path, &part.1, std::slice::from_ref(x))?.only().cloned()
        };
        let mut x = call("stack/dense", inputs.only()?)?;
        x = call("stack/dense_1", &x)?;
        x = call("stack/layer_normalization", &x)?;
        x = ops::subtract(&ops::add(&x, &call("table/dense", &x)?)?, &call("table/dense_1", &x)?)?;
        x = ops::add(&call("nested/container/dense", &x)?, &call("nested/container_1/container/dense", &x)?)?;
        let product = ops::multiply(&call("pair/dense", &x)?, &call("pair/dense_1", &x)?)?;
        Ok(vec![ops::add(&call("_hidden", &x)?, &product)?])
    }
}

config! {
    /// Adds a table that is stored under a key of its own.
    pub struct OwnStore {}
}

impl Layer for OwnStore {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope.variable("table", [width], &Initializer::zeros())?.frozen().role(Role::State).keyed("table");
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![ops::add(inputs.only()?, &scope.get("table")?)?])
    }
}

config! {
    /// A model with attributes and a list.
    pub struct Subclassed(
        /// Size of the inner layers.
        units: usize,
    ) {}
}

impl Subclassed {
    fn encoder(&self) -> AnyLayer {
        Sequential::new([Dense::new(self.units).activation("relu").into(), Dense::new(self.units).into()])
            .into()
    }

    fn block(&self) -> AnyLayer {
        Dense::new(self.units).activation("tanh").into()
    }

    fn head() -> AnyLayer {
        Dense::new(2).into()
    }
}

impl Layer for Subclassed {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let batch = inputs.only()?.shape.axes().first().copied().flatten();
        let inner = [TensorSpec::new(inputs.only()?.dtype, Shape::new([batch, Some(self.units as u64)]))];
        scope.build("encoder", &self.encoder(), inputs)?;
        scope.build("blocks/dense", &self.block(), &inner)?;
        scope.build("blocks/dense_1", &self.block(), &inner)?;
        scope.build("head", &Self::head(), &inner)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut x = scope.call("encoder", &self.encoder(), inputs)?;
        for path in ["blocks/dense", "blocks/dense_1"] {
            let block = scope.call(path, &self.block(), &x)?;
            x = vec![ops::add(x.only()?, block.only()?)?];
        }
        scope.call("head", &Self::head(), &x)
    }
}

config! {
    /// One half everywhere.
    pub struct Halver {}
}

impl Initialize for Halver {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        variable.full(0.5)
    }
}

fn squash(x: &Tensor) -> Result<Tensor> {
    ops::divide(x, &ops::add(&ops::scalar(x, 1.0)?, &ops::absolute(x)?)?)
}

fn double(x: &Tensor) -> Result<Tensor> {
    ops::multiply(x, &ops::scalar(x, 2.0)?)
}

/// The registry with all of them.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry
        .layer::<Scale>("fixtures")
        .layer::<Shift>("")
        .layer::<Residual>("fixtures")
        .layer::<Containers>("fixtures")
        .layer::<OwnStore>("fixtures")
        .layer::<Subclassed>("fixtures")
        .initializer::<Halver>("fixtures")
        .activation("fixtures", "squash", squash)
        .activation("fixtures", "double", double);
    registry
}
