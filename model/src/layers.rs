//! The parts of a module: linear map, attention, `SwiGLU` over features or positions, and the post-norm block.

use crate::{
    Error, Result,
    kernels::{self, BlockWeights, Blocks, Mixer, PackedWeight, PackedWeights, Rope, Weight},
};
use candle_core::{DType, Tensor};
use hrm_types::experiment::ForwardDtype;
use std::{collections::BTreeMap, sync::Arc};

/// Weights by name.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) tensors: &'a BTreeMap<String, Tensor>,
    /// Their packed forms.
    pub(crate) packed: &'a PackedWeights,
    /// What matrix products take them in.
    pub(crate) dtype: ForwardDtype,
}

impl Source<'_> {
    pub(crate) fn get(self, name: &str) -> Result<Tensor> {
        self.tensors.get(name).cloned().ok_or_else(|| Error::Weight {
            name: name.to_owned(),
            expected: "a tensor".to_owned(),
            found: "nothing".to_owned(),
        })
    }
}

/// x · Wᵀ for W (out, in).
pub(crate) struct Linear {
    weight: Tensor,
    packed: Arc<PackedWeight>,
    dtype: ForwardDtype,
}

impl Linear {
    pub(crate) fn load(source: Source<'_>, name: &str) -> Result<Self> {
        Ok(Self { weight: source.get(name)?, packed: source.packed.get(name), dtype: source.dtype })
    }

    /// (…, in) → (…, out), of the same type.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_as(x, x.dtype())
    }

    /// (…, in) → (…, out), of this type.
    pub(crate) fn forward_as(&self, x: &Tensor, dtype: DType) -> Result<Tensor> {
        let (out, inputs) = self.weight.dims2()?;
        let mut shape = x.dims().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = out;
        }
        // One matrix product over all rows: (rows, in) · (in, out)
        let rows = x.reshape(((), inputs))?;
        let packed = (self.dtype == ForwardDtype::Bfloat16).then_some(&self.packed);
        Ok(kernels::linear(&rows, &self.weight, packed, dtype)?.reshape(shape)?)
    }

    fn weight(&self) -> Weight {
        Weight { values: self.weight.clone(), packed: Arc::clone(&self.packed) }
    }
}

/// Softmax attention over all positions with a fused qkv projection.
pub(crate) struct Attention {
    qkv_proj: Linear,
    o_proj: Linear,
    num_heads: usize,
    rope: Option<Rope>,
}

impl Attention {
    /// (B, T, D) → (B, T, D)
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let qkv = self.qkv_proj.forward(x)?; // (B, T, 3·D)
        self.o_proj.forward(&kernels::attention(&qkv, self.num_heads, self.rope.as_ref())?)
    }
}

/// down(silu(gate) · up)
pub(crate) struct SwiGlu {
    gate_up_proj: Linear,
    down_proj: Linear,
}

impl SwiGlu {
    fn load(source: Source<'_>, prefix: &str) -> Result<Self> {
        let linear = |name: &str| Linear::load(source, &format!("{prefix}.{name}.weight"));
        Ok(Self { gate_up_proj: linear("gate_up_proj")?, down_proj: linear("down_proj")? })
    }

    fn weights(&self) -> [Weight; 2] {
        [self.gate_up_proj.weight(), self.down_proj.weight()]
    }

    /// (…, K) → (…, K), K the features of D or the positions of T.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.down_proj.forward(&kernels::swiglu(&self.gate_up_proj.forward(x)?)?)
    }
}

/// How a block mixes positions.
pub(crate) enum Mixing {
    /// By attention.
    Attention(Attention),
    /// By a `SwiGLU` over the positions of each feature.
    Positions(SwiGlu),
}

impl Mixing {
    /// norm(h + mixed(h)), (B, T, D) → (B, T, D). What attention gives is normed over features, what comes of positions over
    /// positions.
    fn forward(&self, h: &Tensor, eps: f64) -> Result<Tensor> {
        match self {
            Self::Attention(attention) => Ok(kernels::add_rms_norm(h, &attention.forward(h)?, eps)?),
            Self::Positions(swiglu) => {
                let h = h.transpose(1, 2)?.contiguous()?; // (B, D, T)
                let h = kernels::add_rms_norm(&h, &swiglu.forward(&h)?, eps)?;
                Ok(h.transpose(1, 2)?.contiguous()?)
            }
        }
    }
}

/// What every block of a model shares.
#[derive(Clone)]
pub(crate) struct BlockSettings {
    /// Whether positions are mixed by an MLP.
    pub(crate) mlp_t: bool,
    pub(crate) num_heads: usize,
    pub(crate) rope: Option<Rope>,
    pub(crate) eps: f64,
}

/// Post-norm block: h = norm(h + mixed(h)); h = norm(h + mlp(h)).
pub(crate) struct Block {
    pub(crate) mixing: Mixing,
    pub(crate) mlp: SwiGlu,
    eps: f64,
}

impl Block {
    pub(crate) fn load(source: Source<'_>, prefix: &str, settings: &BlockSettings) -> Result<Self> {
        let linear = |name: &str| Linear::load(source, &format!("{prefix}.self_attn.{name}.weight"));
        let mixing = if settings.mlp_t {
            Mixing::Positions(SwiGlu::load(source, &format!("{prefix}.mlp_t"))?)
        } else {
            Mixing::Attention(Attention {
                qkv_proj: linear("qkv_proj")?,
                o_proj: linear("o_proj")?,
                num_heads: settings.num_heads,
                rope: settings.rope.clone(),
            })
        };
        Ok(Self { mixing, mlp: SwiGlu::load(source, &format!("{prefix}.mlp"))?, eps: settings.eps })
    }

    fn weights(&self) -> BlockWeights {
        let mixing = match &self.mixing {
            Mixing::Attention(attention) => [attention.qkv_proj.weight(), attention.o_proj.weight()],
            Mixing::Positions(swiglu) => swiglu.weights(),
        };
        let [gate_up_proj, down_proj] = self.mlp.weights();
        BlockWeights { mixing, gate_up_proj, down_proj }
    }

    /// (B, T, D) → (B, T, D)
    pub(crate) fn forward(&self, h: &Tensor) -> Result<Tensor> {
        let h = self.mixing.forward(h, self.eps)?;
        Ok(kernels::add_rms_norm(&h, &self.mlp.forward(&h)?, self.eps)?)
    }
}

/// The fast or the slow module: h = h + injection, then its blocks.
pub(crate) struct Module {
    pub(crate) blocks: Vec<Block>,
    /// All of it as one operation, on the backends that have it.
    fused: Arc<Blocks>,
}

impl Module {
    pub(crate) fn load(source: Source<'_>, prefix: &str, layers: usize, settings: &BlockSettings) -> Result<Self> {
        let blocks = (0..layers).map(|i| Block::load(source, &format!("{prefix}.layers.{i}"), settings));
        let blocks = blocks.collect::<Result<Vec<_>>>()?;
        let BlockSettings { mlp_t, num_heads, rope, eps } = settings.clone();
        let weights = blocks.iter().map(Block::weights).collect();
        let mixer = if mlp_t { Mixer::Positions } else { Mixer::Attention { num_heads, rope } };
        let fused = Blocks::new(weights, source.packed, mixer, eps, source.dtype);
        Ok(Self { blocks, fused })
    }

    /// Both (B, T, D) → (B, T, D)
    pub(crate) fn forward(&self, h: &Tensor, injection: &Tensor) -> Result<Tensor> {
        self.read(h, injection, h.dim(1)?)
    }

    /// Both (B, T, D) → the result's first position alone (B, D): what is read nowhere else is not computed.
    pub(crate) fn first(&self, h: &Tensor, injection: &Tensor) -> Result<Tensor> {
        Ok(self.read(h, injection, 1)?.squeeze(1)?)
    }

    /// The result's first positions, (B, `positions`, D).
    fn read(&self, h: &Tensor, injection: &Tensor, positions: usize) -> Result<Tensor> {
        if let Some(h) = self.fused.forward(h, injection, 0..positions)? {
            return Ok(h);
        }
        let h = self.blocks.iter().try_fold((h + injection)?, |h, block| block.forward(&h))?;
        Ok(h.narrow(1, 0, positions)?)
    }
}
