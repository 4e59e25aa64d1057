//! Measures dense layers with 8-bit weights beside the same with floats: `quantized [ROUNDS] [ISA...]`, CPU time over float32.
//!
//! A model is three layers of one width with bias and relu, on one thread. Rounds alternate between the two; the median of
//! each counts. ISA is a place in the list of instruction sets of the machine, narrowest first; without, the widest.

use std::time::Duration;

use kerata_core::ops;
use kerata_core::{Array, DType, Error, GraphBuilder, Result, Shape, TensorSpec};
use kerata_engine::cpu::Cpu;
use kerata_engine::cpu::kernels::isa::Isa;
use kerata_engine::{Engine, Session, SessionOptions};

const WIDTHS: [usize; 9] = [8, 16, 24, 32, 64, 128, 256, 512, 1024];
const BATCHES: [usize; 6] = [1, 2, 8, 32, 128, 1024];
const LAYERS: usize = 3;

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(15);
    let all = Isa::available();
    let wanted = numbers.get(1..).unwrap_or_default().iter().filter_map(|at| all.get(*at).copied());
    let mut wanted: Vec<Isa> = wanted.collect();
    if wanted.is_empty() {
        wanted.push(Isa::best());
    }
    for isa in wanted {
        println!("\n{isa:?}\n\n| width | {} |", BATCHES.map(|batch| format!("batch {batch}")).join(" | "));
        println!("|---{}|", "|---".repeat(BATCHES.len()));
        for width in WIDTHS {
            let (floats, bytes) = (session(isa, width, false)?, session(isa, width, true)?);
            let cells = BATCHES.map(|batch| ratio(&*floats, &*bytes, batch, width, rounds));
            let cells = cells.into_iter().collect::<Result<Vec<_>>>()?;
            println!("| {width} | {} |", cells.join(" | "));
        }
    }
    Ok(())
}

/// The time with bytes over the time with floats.
fn ratio(
    floats: &dyn Session,
    bytes: &dyn Session,
    batch: usize,
    width: usize,
    rounds: usize,
) -> Result<String> {
    let values = (0..batch * width).map(|at| ((at * 7919) % 2003) as f32 / 1001.0 - 1.0).collect();
    let input = [Array::from_f32([batch, width], values)?];
    let time = |session: &dyn Session, calls: usize| {
        let start = cpu_time();
        for _ in 0..calls {
            std::hint::black_box(session.run(&input)?);
        }
        Ok::<_, Error>((cpu_time() - start) / u32::try_from(calls).unwrap_or(1))
    };
    time(floats, 3)?;
    time(bytes, 3)?;
    let once = time(floats, 3)?.max(Duration::from_nanos(200));
    let calls = (Duration::from_millis(2).as_nanos() / once.as_nanos()).clamp(1, 10_000) as usize;
    let (mut all_floats, mut all_bytes) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        all_floats.push(time(floats, calls)?);
        all_bytes.push(time(bytes, calls)?);
    }
    let [floats, bytes] = [all_floats, all_bytes].map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e6
    });
    Ok(format!("{:.2} ({floats:.1}, {bytes:.1} us)", bytes / floats))
}

fn session(isa: Isa, width: usize, is_quantized: bool) -> Result<Box<dyn Session>> {
    let builder = GraphBuilder::new("model");
    let mut x = builder.input("x", TensorSpec::new(DType::Float32, Shape::new([None, Some(width as u64)])));
    for layer in 0..LAYERS {
        let number = |at: usize| ((at * 31 + layer) % 255) as i64 - 127;
        let weights: Vec<i8> = (0..width * width).map(|at| number(at) as i8).collect();
        let scale = 127.0 * (width as f32).sqrt();
        let y = if is_quantized {
            let scales = builder.constant(Array::from_f32([width], vec![scale; width])?);
            let kernel = builder.constant(Array::from_vec([width, width], weights)?);
            ops::quantized_matmul(&x, &kernel, &scales)?
        } else {
            let weights = weights.into_iter().map(|weight| f32::from(weight) / scale).collect();
            ops::matmul(&x, &builder.constant(Array::from_f32([width, width], weights)?))?
        };
        let bias = builder.constant(Array::from_f32([width], vec![0.1; width])?);
        x = ops::relu(&ops::add(&y, &bias)?)?;
    }
    let graph = builder.finish(&[("y", &x)])?;
    Cpu::with_isa(isa).prepare(&graph, &|path| Err(Error::not_found(path)), &SessionOptions::default())
}

/// Processor time of this process.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
