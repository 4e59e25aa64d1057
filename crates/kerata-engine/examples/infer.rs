//! Measures engines on graphs of the usual kinds: `infer MODEL BATCH THREADS RUNS`, CPU milliseconds a call.
//!
//! Weights are noise and the layers are those of the models named, so the work is theirs. With `all`, every model at
//! batch 1 on one thread. With more threads, the fastest call is compared with that of one. `EXPLAIN=1` names the kernels, `PROFILE=1` times them on one thread and on two: a kernel that is
//! no faster on two does its work alone. `PROFILE=steps` shows each step.

use std::collections::HashMap;
use std::time::Instant;

use kerata_core::graph::{Graph, Tensor};
use kerata_core::ops::{self, Padding};
use kerata_core::{Array, DType, Error, GraphBuilder, Result, Shape, TensorSpec};
use kerata_engine::cpu::Cpu;
use kerata_engine::{Engine, SessionOptions};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: usize| arguments.get(at).and_then(|x| x.parse().ok()).unwrap_or(default);
    let name = arguments.first().map_or("all", String::as_str);
    for (known, make) in MODELS {
        if name == "all" || name == *known {
            measure(known, *make, number(1, 1), number(2, 1), number(3, 20))?;
        }
    }
    Ok(())
}

type Make = fn(&mut Model, usize) -> Result<(Tensor, Vec<usize>)>;

const MODELS: &[(&str, Make)] = &[
    ("mlp", mlp),
    ("cnn", cnn),
    ("mobilenet_v2", mobilenet_v2),
    ("efficientnet_b0", efficientnet_b0),
    ("resnet50", resnet50),
    ("transformer", transformer),
    ("lstm", lstm),
];

fn measure(name: &str, make: Make, batch: usize, threads: usize, runs: usize) -> Result<()> {
    let mut model = Model { builder: GraphBuilder::new(name), variables: HashMap::new() };
    let (output, shape) = make(&mut model, batch)?;
    let graph: Graph = model.builder.finish(&[("output", &output)])?;
    let variables = |path: &str| model.variables.get(path).cloned().ok_or_else(|| Error::not_found(path));
    let options = SessionOptions::default().with_threads(threads);
    let start = cpu_seconds();
    let session = Cpu::new().prepare(&graph, &variables, &options)?;
    let prepared = cpu_seconds() - start;
    let input = noise(&shape, 1)?;
    session.run(std::slice::from_ref(&input))?;
    // Short calls are timed many at a time.
    let clock = Instant::now();
    session.run(std::slice::from_ref(&input))?;
    let calls = (0.05 / clock.elapsed().as_secs_f64()).ceil().clamp(1.0, 1e4) as usize;
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let (start, clock) = (cpu_seconds(), Instant::now());
        for _ in 0..calls {
            session.run(std::slice::from_ref(&input))?;
        }
        cpu.push((cpu_seconds() - start) * 1e3 / calls as f64);
        wall.push(clock.elapsed().as_secs_f64() * 1e3 / calls as f64);
    }
    cpu.sort_by(f64::total_cmp);
    wall.sort_by(f64::total_cmp);
    println!(
        "{name:14} batch {batch:3} threads {threads}: cpu {:9.3} ms (least {:.3}), wall {:9.3} ms, prepare {:.1} ms",
        cpu[runs / 2],
        cpu[0],
        wall[runs / 2],
        prepared * 1e3
    );
    if threads > 1 {
        let alone = Cpu::new().prepare(&graph, &variables, &SessionOptions::default())?;
        let mut least = [f64::INFINITY; 2];
        for _ in 0..runs {
            for (session, least) in [&alone, &session].into_iter().zip(&mut least) {
                for _ in 0..calls {
                    let clock = Instant::now();
                    session.run(std::slice::from_ref(&input))?;
                    *least = least.min(clock.elapsed().as_secs_f64() * 1e3);
                }
            }
        }
        let [one, many] = least;
        println!("  fastest call {many:.4} ms, on one thread {one:.4} ms ({:.2})", one / many);
    }
    if std::env::var_os("EXPLAIN").is_some() {
        println!("  {}", Cpu::new().explain(&graph, &variables)?.join(" "));
    }
    if let Some(wanted) = std::env::var_os("PROFILE") {
        let profile = |threads: usize| {
            let options = SessionOptions::default().with_threads(threads);
            Cpu::new().profile(&graph, &variables, &options, std::slice::from_ref(&input), 10 * runs)
        };
        // Kernels of one name together, in the order of their first, unless steps are asked for.
        let is_apart = wanted == "steps";
        let mut kernels: Vec<(String, usize, f64, f64)> = Vec::new();
        for (one, two) in profile(1)?.into_iter().zip(profile(2)?) {
            let (one_ms, two_ms) = (one.time.as_secs_f64() * 1e3, two.time.as_secs_f64() * 1e3);
            match kernels.iter_mut().find(|(name, ..)| *name == one.kernel && !is_apart) {
                Some((_, count, a, b)) => (*count, *a, *b) = (*count + 1, *a + one_ms, *b + two_ms),
                None => kernels.push((one.kernel, 1, one_ms, two_ms)),
            }
        }
        for (name, count, one, two) in kernels {
            println!(
                "  {name:18} {count:3} steps: {one:9.3} ms, on two threads {two:9.3} ms ({:.2})",
                one / two
            );
        }
    }
    Ok(())
}

/// CPU seconds of all threads of the process so far.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn noise(shape: &[usize], seed: u64) -> Result<Array> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    let values = (0..shape.iter().product())
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1u64 << 23) as f32) - 1.0
        })
        .collect();
    Array::from_f32(shape.to_vec(), values)
}

struct Model {
    builder: GraphBuilder,
    variables: HashMap<String, Array>,
}

impl Model {
    fn input(&self, shape: &[usize]) -> Tensor {
        let axes = std::iter::once(None).chain(shape.iter().map(|&size| Some(size as u64)));
        self.builder.input("x", TensorSpec::new(DType::Float32, Shape::new(axes)))
    }

    fn variable(&mut self, shape: &[usize], scale: f32, shift: f32) -> Result<Tensor> {
        let path = format!("v{}", self.variables.len());
        let values = noise(shape, self.variables.len() as u64 + 3)?;
        let values = values.as_f32()?.iter().map(|x| x * scale + shift).collect();
        self.variables.insert(path.clone(), Array::from_f32(shape.to_vec(), values)?);
        let axes: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
        self.builder.variable(&path, TensorSpec::new(DType::Float32, Shape::known(axes)), true)
    }

    fn dense(&mut self, x: &Tensor, to: usize) -> Result<Tensor> {
        let from = x.spec().known_axis(-1)?;
        let kernel = self.variable(&[from, to], (3.0 / from as f32).sqrt(), 0.0)?;
        ops::add(&ops::matmul(x, &kernel)?, &self.variable(&[to], 0.1, 0.0)?)
    }

    fn norm(&mut self, x: &Tensor) -> Result<Tensor> {
        let width = x.spec().known_axis(-1)?;
        let (mean, variance) = (self.variable(&[width], 0.1, 0.0)?, self.variable(&[width], 0.3, 1.0)?);
        let (offset, scale) = (self.variable(&[width], 0.1, 0.0)?, self.variable(&[width], 0.2, 1.0)?);
        ops::batch_normalization(x, &mean, &variance, -1, Some(&offset), Some(&scale), 1e-3)
    }

    fn conv(
        &mut self,
        x: &Tensor,
        window: usize,
        to: usize,
        stride: usize,
        padding: Padding,
    ) -> Result<Tensor> {
        let from = x.spec().known_axis(-1)?;
        let scale = (3.0 / (from * window * window) as f32).sqrt();
        let kernel = self.variable(&[window, window, from, to], scale, 0.0)?;
        let y = ops::conv(x, &kernel, &[stride], padding, &[1])?;
        self.norm(&y)
    }

    /// A convolution of windows of one, with a bias.
    fn biased(&mut self, x: &Tensor, to: usize) -> Result<Tensor> {
        let from = x.spec().known_axis(-1)?;
        let kernel = self.variable(&[1, 1, from, to], (3.0 / from as f32).sqrt(), 0.0)?;
        let y = ops::conv(x, &kernel, &[1], Padding::Same, &[1])?;
        ops::add(&y, &self.variable(&[to], 0.1, 0.0)?)
    }

    fn depthwise(&mut self, x: &Tensor, window: usize, stride: usize) -> Result<Tensor> {
        let from = x.spec().known_axis(-1)?;
        let kernel = self.variable(&[window, window, from, 1], 0.5, 0.0)?;
        let y = ops::depthwise_conv(x, &kernel, &[stride], Padding::Same, &[1])?;
        self.norm(&y)
    }

    fn layer_norm(&mut self, x: &Tensor) -> Result<Tensor> {
        let width = x.spec().known_axis(-1)?;
        let centered = ops::subtract(x, &ops::mean(x, &[-1], true)?)?;
        let variance = ops::mean(&ops::square(&centered)?, &[-1], true)?;
        let inverse = ops::rsqrt(&ops::plus(&variance, 1e-3)?)?;
        let y = ops::multiply(&ops::multiply(&centered, &inverse)?, &self.variable(&[width], 0.1, 1.0)?)?;
        ops::add(&y, &self.variable(&[width], 0.1, 0.0)?)
    }
}

fn mlp(model: &mut Model, batch: usize) -> Result<(Tensor, Vec<usize>)> {
    let mut x = model.input(&[784]);
    for units in [512, 512] {
        x = ops::relu(&model.dense(&x, units)?)?;
    }
    let x = ops::softmax(&model.dense(&x, 10)?, &[-1])?;
    Ok((x, vec![batch, 784]))
}

fn cnn(model: &mut Model, batch: usize) -> Result<(Tensor, Vec<usize>)> {
    let mut x = model.input(&[28, 28, 1]);
    for filters in [32, 64] {
        x = ops::relu(&model.conv(&x, 3, filters, 1, Padding::Valid)?)?;
        x = ops::max_pool(&x, &[2], &[2], Padding::Valid)?;
    }
    let x = ops::reshape(&x, [x.size(0), 1600u64.into()])?;
    let x = ops::relu(&model.dense(&x, 128)?)?;
    let x = ops::softmax(&model.dense(&x, 10)?, &[-1])?;
    Ok((x, vec![batch, 28, 28, 1]))
}

fn mobilenet_v2(model: &mut Model, batch: usize) -> Result<(Tensor, Vec<usize>)> {
    let x = model.input(&[224, 224, 3]);
    let x = model.conv(&x, 3, 32, 2, Padding::Same)?;
    let mut x = ops::relu6(&x)?;
    for (expansion, channels, repeats, stride) in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ] {
        for repeat in 0..repeats {
            let from = x.spec().known_axis(-1)?;
            let stride = if repeat == 0 { stride } else { 1 };
            let mut y = x.clone();
            if expansion > 1 {
                y = ops::relu6(&model.conv(&y, 1, from * expansion, 1, Padding::Same)?)?;
            }
            y = ops::relu6(&model.depthwise(&y, 3, stride)?)?;
            y = model.conv(&y, 1, channels, 1, Padding::Same)?;
            x = if from == channels && stride == 1 { ops::add(&x, &y)? } else { y };
        }
    }
    let x = ops::relu6(&model.conv(&x, 1, 1280, 1, Padding::Same)?)?;
    let x = ops::mean(&x, &[1, 2], false)?;
    let x = ops::softmax(&model.dense(&x, 1000)?, &[-1])?;
    Ok((x, vec![batch, 224, 224, 3]))
}

fn efficientnet_b0(model: &mut Model, batch: usize) -> Result<(Tensor, Vec<usize>)> {
    let x = model.input(&[224, 224, 3]);
    let mut x = ops::silu(&model.conv(&x, 3, 32, 2, Padding::Same)?)?;
    for (expansion, channels, repeats, stride, window) in [
        (1, 16, 1, 1, 3),
        (6, 24, 2, 2, 3),
        (6, 40, 2, 2, 5),
        (6, 80, 3, 2, 3),
        (6, 112, 3, 1, 5),
        (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ] {
        for repeat in 0..repeats {
            let from = x.spec().known_axis(-1)?;
            let stride = if repeat == 0 { stride } else { 1 };
            let mut y = x.clone();
            if expansion > 1 {
                y = ops::silu(&model.conv(&y, 1, from * expansion, 1, Padding::Same)?)?;
            }
            y = ops::silu(&model.depthwise(&y, window, stride)?)?;
            let squeezed = ops::mean(&y, &[1, 2], true)?;
            let squeezed = ops::silu(&model.biased(&squeezed, (from / 4).max(1))?)?;
            let excited = ops::sigmoid(&model.biased(&squeezed, from * expansion)?)?;
            y = model.conv(&ops::multiply(&y, &excited)?, 1, channels, 1, Padding::Same)?;
            x = if from == channels && stride == 1 { ops::add(&x, &y)? } else { y };
        }
    }
    let x = ops::silu(&model.conv(&x, 1, 1280, 1, Padding::Same)?)?;
    let x = ops::mean(&x, &[1, 2], false)?;
    let x = ops::softmax(&model.dense(&x, 1000)?, &[-1])?;
    Ok((x, vec![batch, 224, 224, 3]))
}

fn resnet50(model: &mut Model, batch: usize) -> Result<(Tensor, Vec<usize>)> {
    let x = model.input(&[224, 224, 3]);
    let x = ops::pad(&x, &[(0, 0), (3, 3), (3, 3), (0, 0)], ops::PadMode::Constant, 0.0)?;
    let x = ops::relu(&model.conv(&x, 7, 64, 2, Padding::Valid)?)?;
    let x = ops::pad(&x, &[(0, 0), (1, 1), (1, 1), (0, 0)], ops::PadMode::Constant, 0.0)?;
    let mut x = ops::max_pool(&x, &[3], &[2], Padding::Valid)?;
    for (channels, repeats, stride) in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)] {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            let shortcut = if repeat == 0 {
                model.conv(&x, 1, channels * 4, stride, Padding::Valid)?
            } else {
                x.clone()
            };
            let y = ops::relu(&model.conv(&x, 1, channels, stride, Padding::Valid)?)?;
            let y = ops::relu(&model.conv(&y, 3, channels, 1, Padding::Same)?)?;
            let y = model.conv(&y, 1, channels * 4, 1, Padding::Valid)?;
            x = ops::relu(&ops::add(&shortcut, &y)?)?;
        }
    }
    let x = ops::mean(&x, &[1, 2], false)?;
    let x = ops::softmax(&model.dense(&x, 1000)?, &[-1])?;
    Ok((x, vec![batch, 224, 224, 3]))
}

fn transformer(model: &mut Model, batch: usize) -> Result<(Tensor, Vec<usize>)> {
    let (length, width, heads) = (128, 384, 6);
    let mut x = model.input(&[length, width]);
    for _ in 0..6 {
        let split = |x: &Tensor| {
            let sizes = [x.size(0), length.into(), heads.into(), (width / heads).into()];
            ops::reshape(x, sizes)
        };
        let mut parts = Vec::new();
        for _ in 0..3 {
            parts.push(split(&model.dense(&x, width)?)?);
        }
        let y = ops::dot_product_attention(&parts[0], &parts[1], &parts[2], None, None, None, false)?;
        let y = ops::reshape(&y, [y.size(0), length.into(), width.into()])?;
        let y = model.dense(&y, width)?;
        x = model.layer_norm(&ops::add(&x, &y)?)?;
        let y = ops::gelu(&model.dense(&x, width * 4)?, false)?;
        let y = model.dense(&y, width)?;
        x = model.layer_norm(&ops::add(&x, &y)?)?;
    }
    Ok((x, vec![batch, length, width]))
}

fn lstm(model: &mut Model, batch: usize) -> Result<(Tensor, Vec<usize>)> {
    let (length, width) = (100, 64);
    let mut x = model.input(&[length, width]);
    for units in [128, 128] {
        let from = x.spec().known_axis(-1)?;
        let kernel = model.variable(&[from, 4 * units], 0.2, 0.0)?;
        let recurrent = model.variable(&[units, 4 * units], 0.2, 0.0)?;
        let bias = model.variable(&[4 * units], 0.2, 0.0)?;
        let zero = ops::full(&model.builder, [x.size(0), units.into()], 0.0, DType::Float32)?;
        let steps = ops::transpose(&x, &[1, 0, 2])?;
        let (_, results) = ops::scan(
            &model.builder,
            &[zero.clone(), zero],
            &[steps],
            ops::ScanOptions::default(),
            |h, x| {
                let z = ops::add(&ops::matmul(&x[0], &kernel)?, &ops::matmul(&h[0], &recurrent)?)?;
                let gates = ops::split(&ops::add(&z, &bias)?, 4, -1)?;
                let kept = ops::multiply(&ops::sigmoid(&gates[1])?, &h[1])?;
                let new = ops::multiply(&ops::sigmoid(&gates[0])?, &ops::tanh(&gates[2])?)?;
                let cell = ops::add(&kept, &new)?;
                let hidden = ops::multiply(&ops::sigmoid(&gates[3])?, &ops::tanh(&cell)?)?;
                Ok((vec![hidden.clone(), cell], vec![hidden]))
            },
        )?;
        x = ops::transpose(&results[0], &[1, 0, 2])?;
    }
    Ok((x, vec![batch, length, width]))
}
