//! The loops that do the work, for each instruction set; the only place of the engine with `unsafe`.
#![allow(unsafe_code)]

pub mod depthwise;
pub mod dot;
pub mod elementwise;
pub mod gradients;
pub mod isa;
pub mod math;
pub mod memory;
pub mod moves;
pub mod outer;
pub mod pack;
pub mod patches;
pub mod pool;
pub mod product;
pub mod quantized;
pub mod reduce;
pub mod rounded;
pub mod rounding;
pub mod team;
pub mod tile;
pub mod vector;
pub mod way;
