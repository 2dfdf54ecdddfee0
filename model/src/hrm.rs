//! The inner model: one ACT step of HRM's two recurrent modules (arXiv 2506.21734, section 2), or of TRM's single network
//! that makes the updates of both (arXiv 2510.04871).
#![expect(non_snake_case, reason = "z_H, z_L, H_level and L_level are the field's names")]

use crate::{
    Result,
    kernels::{self, PackedWeights, Rope},
    layers::{BlockSettings, Linear, Module, Source},
    params::PUZZLE_EMB,
    shape::Dims,
};
use candle_core::{D, DType, Device, Tensor};
use hrm_types::experiment::{ArchConfig, ForwardDtype, Gradient, PosEncodings};
use std::collections::BTreeMap;

/// The two hidden states, (B, T, D) each, of the type of the activations.
#[derive(Clone)]
pub struct Hidden {
    /// The slow module's.
    pub z_H: Tensor,
    /// The fast module's.
    pub z_L: Tensor,
}

/// What the heads read off `z_H`.
pub struct Outputs {
    /// (B, S, V), f32.
    pub logits: Tensor,
    /// Value of halting, (B), f32.
    pub q_halt: Tensor,
    /// Value of going on, (B), f32.
    pub q_continue: Tensor,
}

/// The inner model over one set of weights. Two of them over the same storage, one recorded and one not, make up
/// training's gradient, which most updates have no part in.
pub struct Hrm {
    H_level: Option<Module>,
    pub(crate) L_level: Module,
    embed_tokens: Tensor,
    embed_pos: Option<Tensor>,
    puzzle_emb: Tensor,
    lm_head: Linear,
    q_head: Linear,
    q_bias: Tensor,
    H_init: Tensor,
    L_init: Tensor,
    cycles: (usize, usize),
    gradient: Gradient,
    values_going_on: bool,
    width: usize,
    dims: Dims,
    activations: DType,
}

impl Hrm {
    /// Over weights that [`crate::params::check`] has accepted. Models over the same storage share `packed`.
    pub fn load(
        arch: &ArchConfig,
        dims: Dims,
        tensors: &BTreeMap<String, Tensor>,
        packed: &PackedWeights,
    ) -> Result<Self> {
        let source = Source { tensors, packed, dtype: arch.forward_dtype };
        let exact = Source { dtype: ForwardDtype::Float32, ..source };
        let rope = (arch.pos_encodings == PosEncodings::Rope)
            .then(|| Rope::new(dims.positions, dims.head_dim, arch.rope_theta));
        let embed_pos = match arch.pos_encodings {
            PosEncodings::Learned => Some(source.get("embed_pos.embedding_weight")?),
            PosEncodings::Rope | PosEncodings::None => None,
        };
        let (mlp_t, num_heads, eps) = (arch.mlp_t, arch.num_heads, arch.rms_norm_eps);
        let settings = BlockSettings { mlp_t, num_heads, rope, eps };
        let module = |name: &str, layers: usize| Module::load(source, name, layers, &settings);
        let embed_tokens = source.get("embed_tokens.embedding_weight")?;
        let activations = kernels::activations(arch.forward_dtype, embed_tokens.device());
        Ok(Self {
            H_level: (arch.H_layers > 0).then(|| module("H_level", arch.H_layers)).transpose()?,
            L_level: module("L_level", arch.L_layers)?,
            embed_tokens,
            embed_pos,
            puzzle_emb: source.get(PUZZLE_EMB)?,
            lm_head: Linear::load(source, "lm_head.weight")?,
            q_head: Linear::load(exact, "q_head.weight")?,
            q_bias: source.get("q_head.bias")?,
            H_init: source.get("H_init")?,
            L_init: source.get("L_init")?,
            cycles: (arch.H_cycles, arch.L_cycles),
            gradient: arch.gradient,
            values_going_on: !arch.no_ACT_continue,
            width: arch.hidden_size,
            dims,
            activations,
        })
    }

    /// The model's sizes.
    pub fn dims(&self) -> &Dims {
        &self.dims
    }

    /// Where its weights are.
    pub fn device(&self) -> &Device {
        self.embed_tokens.device()
    }

    /// Rows of the puzzle embedding, (B, `puzzle_emb_ndim`), for identifiers (B) u32.
    pub fn puzzle_rows(&self, puzzle_identifiers: &Tensor) -> Result<Tensor> {
        Ok(self.puzzle_emb.index_select(puzzle_identifiers, 0)?)
    }

    /// Input embeddings (B, T, D) of tokens (B, S) u32 behind their puzzle's rows (B, `puzzle_emb_ndim`).
    pub fn embed(&self, inputs: &Tensor, puzzle_rows: &Tensor) -> Result<Tensor> {
        let (batch, seq_len) = inputs.dims2()?;
        let (width, positions) = (self.width, self.dims.puzzle_positions);
        let tokens = kernels::embedding(&self.embed_tokens, &inputs.flatten_all()?, self.activations)?;
        let tokens = tokens.reshape((batch, seq_len, width))?; // (B, S, D)
        let padding = positions * width - puzzle_rows.dim(1)?;
        let puzzle = puzzle_rows.pad_with_zeros(1, 0, padding)?.reshape((batch, positions, width))?; // (B, P, D)
        let puzzle = puzzle.to_dtype(self.activations)?;
        let mut embedding = Tensor::cat(&[puzzle, tokens], 1)?; // (B, T, D)
        if let Some(positions) = &self.embed_pos {
            embedding =
                (embedding.broadcast_add(&positions.to_dtype(self.activations)?)? * std::f64::consts::FRAC_1_SQRT_2)?;
        }
        Ok((embedding * (width as f64).sqrt())?)
    }

    /// The states every sequence starts from.
    pub fn initial(&self, batch: usize) -> Result<Hidden> {
        let shape = (batch, self.dims.positions, self.width);
        let repeat = |start: &Tensor| -> Result<Tensor> {
            Ok(start.to_dtype(self.activations)?.broadcast_as(shape)?.contiguous()?)
        };
        Ok(Hidden { z_H: repeat(&self.H_init)?, z_L: repeat(&self.L_init)? })
    }

    /// The same states with those of the sequences that have halted (B) at their start.
    pub fn restart(&self, hidden: &Hidden, halted: &[bool]) -> Result<Hidden> {
        let restart = |states: &Tensor, start: &Tensor| kernels::restart(states, start, halted);
        Ok(Hidden { z_H: restart(&hidden.z_H, &self.H_init)?, z_L: restart(&hidden.z_L, &self.L_init)? })
    }

    /// The updates of one ACT step that are not trained; [`Self::finish`] makes the others.
    pub fn begin(&self, hidden: &Hidden, x: &Tensor) -> Result<Hidden> {
        let (H_cycles, L_cycles) = self.cycles;
        match self.gradient {
            Gradient::OneStep => self.fast_updates(self.slow_cycles(hidden.clone(), x, H_cycles - 1)?, x, L_cycles - 1),
            Gradient::LastCycle => self.slow_cycles(hidden.clone(), x, H_cycles - 1),
            Gradient::WholeStep => Ok(hidden.clone()),
        }
    }

    /// The updates that are trained.
    pub fn finish(&self, hidden: &Hidden, x: &Tensor) -> Result<Hidden> {
        self.slow_update(self.approach(hidden, x)?)
    }

    /// The updates that are trained but for the very last, a slow one.
    fn approach(&self, hidden: &Hidden, x: &Tensor) -> Result<Hidden> {
        let (H_cycles, L_cycles) = self.cycles;
        match self.gradient {
            Gradient::OneStep => self.fast_updates(hidden.clone(), x, 1),
            Gradient::LastCycle => self.fast_updates(hidden.clone(), x, L_cycles),
            Gradient::WholeStep => self.fast_updates(self.slow_cycles(hidden.clone(), x, H_cycles - 1)?, x, L_cycles),
        }
    }

    /// Fast updates with the slow one behind them, so many times.
    fn slow_cycles(&self, hidden: Hidden, x: &Tensor, count: usize) -> Result<Hidden> {
        (0..count).try_fold(hidden, |hidden, _| self.slow_update(self.fast_updates(hidden, x, self.cycles.1)?))
    }

    fn fast_updates(&self, hidden: Hidden, x: &Tensor, count: usize) -> Result<Hidden> {
        if count == 0 {
            return Ok(hidden);
        }
        let Hidden { z_H, z_L } = hidden;
        let injection = (&z_H + x)?;
        let z_L = (0..count).try_fold(z_L, |z_L, _| self.L_level.forward(&z_L, &injection))?;
        Ok(Hidden { z_H, z_L })
    }

    fn slow_update(&self, Hidden { z_H, z_L }: Hidden) -> Result<Hidden> {
        Ok(Hidden { z_H: self.H_level().forward(&z_H, &z_L)?, z_L })
    }

    /// What makes the slow updates.
    pub(crate) fn H_level(&self) -> &Module {
        self.H_level.as_ref().unwrap_or(&self.L_level)
    }

    /// One whole ACT step.
    pub fn step(&self, hidden: &Hidden, x: &Tensor) -> Result<Hidden> {
        self.finish(&self.begin(hidden, x)?, x)
    }

    /// Reads the heads.
    pub fn heads(&self, hidden: &Hidden) -> Result<Outputs> {
        // Of all positions, because a copy of those that are read, and its gradient's, would take longer than the rest.
        let logits = self.lm_head.forward_as(&hidden.z_H, DType::F32)?; // (B, T, V)
        let logits = logits.narrow(1, self.dims.puzzle_positions, self.dims.task.seq_len)?.contiguous()?; // (B, S, V)
        let (q_halt, q_continue) = self.q_values(hidden)?;
        Ok(Outputs { logits, q_halt, q_continue })
    }

    /// The halting head alone: values of halting and of going on, (B) each, f32.
    fn q_values(&self, hidden: &Hidden) -> Result<(Tensor, Tensor)> {
        self.q_of(&hidden.z_H.narrow(1, 0, 1)?.squeeze(1)?)
    }

    /// The same after one more ACT step.
    pub fn next_q_values(&self, hidden: &Hidden, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let Hidden { z_H, z_L } = self.approach(&self.begin(hidden, x)?, x)?;
        self.q_of(&self.H_level().first(&z_H, &z_L)?)
    }

    /// What the value of halting must exceed for a sequence to halt, (B): that of going on, or 0 where that is not learned.
    pub fn going_on(&self, outputs: &Outputs) -> Result<Tensor> {
        Ok(if self.values_going_on { outputs.q_continue.clone() } else { outputs.q_continue.zeros_like()? })
    }

    /// Reads the halting head off the first position, (B, D).
    fn q_of(&self, first: &Tensor) -> Result<(Tensor, Tensor)> {
        let q = self.q_head.forward(&first.to_dtype(DType::F32)?)?.broadcast_add(&self.q_bias)?; // (B, 2)
        Ok((q.narrow(D::Minus1, 0, 1)?.squeeze(1)?, q.narrow(D::Minus1, 1, 1)?.squeeze(1)?))
    }
}
