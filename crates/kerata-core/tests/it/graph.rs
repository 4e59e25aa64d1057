//! Building, rewriting, printing and reading graphs.

use kerata_core::graph::{NodeKind, Step};
use kerata_core::ops::{self, ScanOptions, Size};
use kerata_core::{
    Array, DType, Error, ErrorKind, Graph, GraphBuilder, Limits, Result, Shape, Tensor, TensorSpec, Tree,
};

fn spec(axes: &[Option<u64>]) -> TensorSpec {
    TensorSpec::new(DType::Float32, Shape::new(axes.iter().copied()))
}

fn no_variables(path: &str) -> Result<Array> {
    Err(Error::not_found(path))
}

/// A dense layer: `relu(x · kernel + bias)`.
fn dense(x: &Tensor, name: &str, units: usize) -> Tensor {
    let builder = x.builder();
    let _scope = builder.scope(name);
    let width = x.spec().known_axis(-1).unwrap() as u64;
    let kernel =
        builder.variable(&format!("{name}/0"), spec(&[Some(width), Some(units as u64)]), true).unwrap();
    let bias = builder.variable(&format!("{name}/1"), spec(&[Some(units as u64)]), true).unwrap();
    ops::relu(&ops::add(&ops::matmul(x, &kernel).unwrap(), &bias).unwrap()).unwrap()
}

#[test]
fn a_graph_prints_a_line_a_node() {
    let builder = GraphBuilder::new("serve");
    let x = builder.input("x", spec(&[None, Some(3)]));
    let y = dense(&x, "layers/dense", 2);
    let y = ops::reshape(&y, [y.size(0), Size::Known(1), Size::Known(2)]).unwrap();
    let graph = builder.finish(&[("y", &y)]).unwrap();
    let expected = r#"graph serve {
  %0 = input "x" : float32(None, 3)
  %1 = variable "layers/dense/0" : float32(3, 2)
  %2 = variable "layers/dense/1" : float32(2,)
  %3 = matmul(%0, %1) : float32(None, 2)  # layers/dense
  %4 = add(%3, %2) : float32(None, 2)  # layers/dense
  %5 = relu(%4) : float32(None, 2)  # layers/dense
  %6 = reshape(%5) {dims=[[0, 0], 1, 2]} : float32(None, 1, 2)
  return "y" = %6
}
"#;
    assert_eq!(graph.to_string(), expected);
}

#[test]
fn equal_nodes_are_built_once_and_dead_ones_left_out() {
    let builder = GraphBuilder::new("g");
    let x = builder.input("x", spec(&[Some(2)]));
    let unused = builder.input("unused", spec(&[Some(2)]));
    let a = ops::exp(&x).unwrap();
    let b = ops::exp(&x).unwrap();
    assert!(a.is(&b));
    assert!(!ops::clip(&x, 0.0, 1.0).unwrap().is(&ops::clip(&x, 0.0, 2.0).unwrap()));
    ops::exp(&unused).unwrap();
    let graph = builder.finish(&[("y", &ops::add(&a, &b).unwrap())]).unwrap();
    let ops: Vec<&str> = graph.nodes.iter().filter_map(|node| node.op().map(|op| op.name())).collect();
    assert_eq!(ops, ["exp", "add"]);
    assert_eq!(graph.input_names(), ["x", "unused"]);
}

#[test]
fn bodies_capture_what_they_use() {
    let builder = GraphBuilder::new("g");
    let x = builder.input("x", spec(&[Some(3), None]));
    let weight = builder.variable("w", spec(&[Some(1)]), true).unwrap();
    let start = ops::full(&builder, [x.size(1)], 0.0, DType::Float32).unwrap();
    let (last, _) = ops::scan(&builder, &[start], &[x], ScanOptions::default(), |states, elements| {
        // exp(w) does not change in the loop, so it is computed outside of it.
        let weighted = ops::multiply(&elements[0], &ops::exp(&weight)?)?;
        Ok((vec![ops::add(&states[0], &weighted)?], vec![]))
    })
    .unwrap();
    let graph = builder.finish(&[("sum", &last[0])]).unwrap();
    let scan = graph.nodes.iter().find(|node| node.op().is_some_and(|op| op.name() == "scan")).unwrap();
    assert_eq!(scan.inputs.len(), 3);
    let body = scan.op().unwrap().subgraphs()[0];
    assert!(body.nodes.iter().all(|node| node.op().is_none_or(|op| op.name() != "exp")), "{graph}");
    let x = Array::from_f32([3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let (found, _) = graph.evaluate(&[x], &|_| Array::from_f32([1], vec![0.0])).unwrap();
    assert_eq!(found[0].as_f32().unwrap(), [9.0, 12.0]);
}

#[test]
fn tensors_of_other_graphs_are_refused() {
    let (a, b) = (GraphBuilder::new("a"), GraphBuilder::new("b"));
    let (x, y) = (a.input("x", spec(&[Some(2)])), b.input("y", spec(&[Some(2)])));
    assert_eq!(ops::add(&x, &y).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn constants_fold_and_nodes_can_be_replaced() {
    let builder = GraphBuilder::new("g");
    let x = builder.input("x", spec(&[Some(2)]));
    let two = builder.constant(Array::from_f32([], vec![2.0]).unwrap());
    let y = ops::multiply(&x, &ops::square(&ops::square(&two).unwrap()).unwrap()).unwrap();
    let graph = builder.finish(&[("y", &y)]).unwrap().with_folded_constants(16).unwrap();
    assert_eq!(graph.nodes.len(), 3, "{graph}");
    let doubled = graph
        .rewrite(|rewriter, node| {
            let inputs = rewriter.inputs(node)?;
            Ok(Step::Replace(vec![ops::add(&inputs[0], &inputs[0])?]))
        })
        .unwrap();
    let x = Array::from_f32([2], vec![1.0, -3.0]).unwrap();
    assert_eq!(
        graph.evaluate(std::slice::from_ref(&x), &no_variables).unwrap().0[0].as_f32().unwrap(),
        [16.0, -48.0]
    );
    assert_eq!(doubled.evaluate(&[x], &no_variables).unwrap().0[0].as_f32().unwrap(), [2.0, -6.0]);
}

#[test]
fn a_gradient_step_goes_through_the_tree() {
    let builder = GraphBuilder::new("step");
    let x = builder.input("x", spec(&[None, Some(3)]));
    let y = dense(&x, "d", 2);
    let loss = ops::mean(&ops::square(&y).unwrap(), &[], false).unwrap();
    let kernel = builder.variable("d/0", spec(&[Some(3), Some(2)]), true).unwrap();
    let grad =
        kerata_core::autodiff::gradients(&builder, &loss, std::slice::from_ref(&kernel)).unwrap().remove(0);
    builder.update("d/0", &ops::subtract(&kernel, &grad).unwrap()).unwrap();
    let large = builder.constant(Array::from_f32([400], vec![0.5; 400]).unwrap());
    let graph = builder.finish(&[("loss", &loss), ("large", &large)]).unwrap();
    let (tree, constants) = graph.to_tree();
    assert_eq!(constants.len(), 1);
    let back = Graph::from_tree(&tree, &constants, &Limits::default()).unwrap();
    assert_eq!(back.to_string(), graph.to_string());
}

/// A trace with one change, which must be refused.
fn refused(change: impl FnOnce(&mut Tree)) -> ErrorKind {
    let builder = GraphBuilder::new("g");
    let x = builder.input("x", spec(&[None, Some(3)]));
    let y = ops::sum(&dense(&x, "d", 2), &[1], false).unwrap();
    let (mut tree, constants) = builder.finish(&[("y", &y)]).unwrap().to_tree();
    assert!(Graph::from_tree(&tree, &constants, &Limits::default()).is_ok());
    change(&mut tree);
    Graph::from_tree(&tree, &constants, &Limits::default()).unwrap_err().kind()
}

fn node(tree: &mut Tree, at: usize) -> &mut Tree {
    &mut tree.get_mut("nodes").unwrap().as_list_mut().unwrap()[at]
}

#[test]
fn hostile_traces_are_refused() {
    let set = |tree: &mut Tree, key: &str, value: Tree| {
        *tree.get_mut(key).unwrap() = value;
    };
    let pair = |a: i64, b: i64| Tree::List(vec![a.into(), b.into()]);
    let list = |items: Vec<Tree>| Tree::List(items);
    assert_eq!(refused(|tree| set(tree, "version", 2i64.into())), ErrorKind::Unsupported);
    assert_eq!(refused(|tree| set(tree, "nodes", Tree::Null)), ErrorKind::Corrupt);
    // A value that is made later, never, or not at this output.
    for value in [pair(5, 0), pair(9_999_999, 0), pair(0, 1), pair(-1, 0), Tree::Int(3)] {
        assert_eq!(
            refused(|tree| set(node(tree, 3), "inputs", list(vec![value, pair(1, 0)]))),
            ErrorKind::Corrupt
        );
    }
    assert_eq!(refused(|tree| set(node(tree, 3), "op", "system".into())), ErrorKind::Unsupported);
    assert_eq!(refused(|tree| set(node(tree, 3), "inputs", list(vec![]))), ErrorKind::Mismatch);
    // A spec that the op does not give, and attributes that do not fit.
    let other = list(vec![list(vec!["float32".into(), list(vec![Tree::Null, 7i64.into()])])]);
    assert_eq!(refused(|tree| set(node(tree, 3), "outputs", other)), ErrorKind::Corrupt);
    let axes = |axis: Tree| Tree::from([("axes", list(vec![axis])), ("keepdims", false.into())]);
    for (axis, kind) in [
        (Tree::Int(7), ErrorKind::Mismatch),
        (Tree::Int(-1), ErrorKind::Corrupt),
        ("x".into(), ErrorKind::Corrupt),
    ] {
        assert_eq!(refused(|tree| set(node(tree, 6), "attributes", axes(axis))), kind);
    }
    // Inputs that are not listed, listed twice, or none.
    for inputs in [list(vec![]), list(vec![pair(0, 0), pair(0, 0)]), list(vec![pair(1, 0)])] {
        assert_eq!(refused(|tree| set(tree, "inputs", inputs)), ErrorKind::Corrupt);
    }
    let huge = list(vec![list(vec!["float32".into(), list(vec![Tree::Int(1 << 60)])])]);
    assert_eq!(refused(|tree| set(node(tree, 0), "outputs", huge)), ErrorKind::LimitExceeded);
}

#[test]
fn a_thousand_layers_build_in_milliseconds() {
    let start = std::time::Instant::now();
    let builder = GraphBuilder::new("deep");
    let mut x = builder.input("x", spec(&[None, Some(64)]));
    for layer in 0..1000 {
        x = dense(&x, &format!("layers/dense_{layer}"), 64);
    }
    let graph = builder.finish(&[("y", &x)]).unwrap();
    let elapsed = start.elapsed();
    assert_eq!(graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Op(_))).count(), 3000);
    // About 10 ms unoptimized; the bound only catches a build that is not linear.
    assert!(elapsed.as_millis() < 1000, "{elapsed:?}");
}
