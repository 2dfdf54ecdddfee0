//! A model's weights by the names they have in the reference's checkpoints.

use crate::{
    Error, Result,
    random::{self, Purpose},
    shape::Dims,
};
use candle_core::{Device, Tensor, Var};
use hrm_types::experiment::{ArchConfig, PosEncodings};
use std::collections::BTreeMap;

/// Name of the puzzle embedding's table, the one weight that the sparse optimiser trains.
pub const PUZZLE_EMB: &str = "puzzle_emb.weights";

/// How a weight starts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Init {
    /// Truncated normal with this standard deviation.
    Normal(f64),
    /// All the same.
    Constant(f32),
}

/// A weight's name, shape and start.
struct Spec {
    name: String,
    shape: Vec<usize>,
    init: Init,
}

/// Whether the optimisers leave a saved weight as it started.
pub fn is_fixed(name: &str) -> bool {
    matches!(name, "H_init" | "L_init")
}

fn linear(name: String, out: usize, inputs: usize) -> Spec {
    Spec { name, shape: vec![out, inputs], init: Init::Normal(1.0 / (inputs as f64).sqrt()) }
}

fn swiglu(prefix: &str, width: usize, inner: usize) -> [Spec; 2] {
    [
        linear(format!("{prefix}.gate_up_proj.weight"), 2 * inner, width),
        linear(format!("{prefix}.down_proj.weight"), width, inner),
    ]
}

fn block(prefix: &str, arch: &ArchConfig, dims: &Dims) -> Vec<Spec> {
    let width = arch.hidden_size;
    let mixing = if arch.mlp_t {
        swiglu(&format!("{prefix}.mlp_t"), dims.positions, dims.positions_inner_size)
    } else {
        [
            linear(format!("{prefix}.self_attn.qkv_proj.weight"), 3 * width, width),
            linear(format!("{prefix}.self_attn.o_proj.weight"), width, width),
        ]
    };
    mixing.into_iter().chain(swiglu(&format!("{prefix}.mlp"), width, dims.inner_size)).collect()
}

/// Every weight of a model, in the order of the names.
fn specs(arch: &ArchConfig, dims: &Dims) -> Vec<Spec> {
    let width = arch.hidden_size;
    let embedding = Init::Normal(1.0 / (width as f64).sqrt());
    let spec = |name: &str, shape: &[usize], init| Spec { name: name.to_owned(), shape: shape.to_vec(), init };
    let mut specs = vec![
        spec("H_init", &[width], Init::Normal(1.0)),
        spec("L_init", &[width], Init::Normal(1.0)),
        spec("embed_tokens.embedding_weight", &[dims.task.vocab_size, width], embedding),
        spec(PUZZLE_EMB, &[dims.task.num_puzzle_identifiers, arch.puzzle_emb_ndim], Init::Constant(0.0)),
        spec("q_head.weight", &[2, width], Init::Constant(0.0)),
        spec("q_head.bias", &[2], Init::Constant(-5.0)),
        linear("lm_head.weight".to_owned(), dims.task.vocab_size, width),
    ];
    if arch.pos_encodings == PosEncodings::Learned {
        specs.push(spec("embed_pos.embedding_weight", &[dims.positions, width], embedding));
    }
    for (module, layers) in [("H_level", arch.H_layers), ("L_level", arch.L_layers)] {
        specs.extend((0..layers).flat_map(|i| block(&format!("{module}.layers.{i}"), arch, dims)));
    }
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    specs
}

/// Number of dense trained weights. The puzzle embedding is left out, as the published counts do: its size is the
/// dataset's, not the model's.
pub fn count(arch: &ArchConfig, dims: &Dims) -> u64 {
    let trained = specs(arch, dims).into_iter().filter(|spec| !is_fixed(&spec.name) && spec.name != PUZZLE_EMB);
    trained.map(|spec| spec.shape.iter().product::<usize>() as u64).sum()
}

/// Fresh weights of a seed. A weight's values depend on its place among the names alone.
pub fn initial(arch: &ArchConfig, dims: &Dims, seed: u64, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let initialise = |(index, spec): (usize, Spec)| {
        let count = spec.shape.iter().product();
        let values = match spec.init {
            Init::Constant(value) => vec![value; count],
            Init::Normal(std) => {
                random::truncated_normal(&mut random::stream(seed, Purpose::Weights, index as u64), count, std)
            }
        };
        Ok((spec.name, Tensor::from_vec(values, spec.shape, device)?))
    };
    specs(arch, dims).into_iter().enumerate().map(initialise).collect()
}

/// The shape of every weight the settings ask for, by name.
pub fn shapes(arch: &ArchConfig, dims: &Dims) -> BTreeMap<String, Vec<usize>> {
    specs(arch, dims).into_iter().map(|spec| (spec.name, spec.shape)).collect()
}

/// Checks that there is every weight the settings ask for, of its shape, and nothing else.
pub fn check(arch: &ArchConfig, dims: &Dims, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    let wrong = |name: &str, expected: String, found: String| Error::Weight { name: name.to_owned(), expected, found };
    let specs = specs(arch, dims);
    for spec in &specs {
        match tensors.get(&spec.name) {
            None => return Err(wrong(&spec.name, format!("{:?}", spec.shape), "nothing".into())),
            Some(tensor) if tensor.dims() != spec.shape => {
                return Err(wrong(&spec.name, format!("{:?}", spec.shape), format!("{:?}", tensor.dims())));
            }
            Some(_) => {}
        }
    }
    match tensors.iter().find(|(name, _)| specs.iter().all(|spec| spec.name != **name)) {
        Some((name, tensor)) => Err(wrong(name, "nothing".into(), format!("{:?}", tensor.dims()))),
        None => Ok(()),
    }
}

/// Weights in training: each can be updated in place, and read with or without a gradient.
pub struct Params {
    vars: BTreeMap<String, Var>,
}

impl Params {
    /// Takes (copies of) the given weights into training.
    pub fn new(tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        let vars = tensors.iter().map(|(name, tensor)| Ok((name.clone(), Var::from_tensor(&tensor.copy()?)?)));
        Ok(Self { vars: vars.collect::<Result<_>>()? })
    }

    /// The weights, recorded for the backward pass.
    pub fn tracked(&self) -> BTreeMap<String, Tensor> {
        self.vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect()
    }

    /// The same storage, never recorded: what they hold changes with every update.
    pub fn detached(&self) -> BTreeMap<String, Tensor> {
        self.vars.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect()
    }

    /// Copies that later updates do not change.
    pub fn snapshot(&self) -> Result<BTreeMap<String, Tensor>> {
        self.vars.iter().map(|(name, var)| Ok((name.clone(), var.as_detached_tensor().copy()?))).collect()
    }

    /// The weights that `AdamATan2` trains, in the order of their names.
    pub fn dense(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.vars
            .iter()
            .filter(|(name, _)| !is_fixed(name) && *name != PUZZLE_EMB)
            .map(|(name, var)| (name.as_str(), var))
    }

    /// The puzzle embedding's table.
    pub fn puzzle_emb(&self) -> Option<&Var> {
        self.vars.get(PUZZLE_EMB)
    }
}
