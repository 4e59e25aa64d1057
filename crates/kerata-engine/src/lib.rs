//! Engines that run a [`Graph`](kerata_core::graph::Graph): the reference engine and the CPU engine.
