//! The model's settings.

use super::{InvalidExperiment, ensure, is_default};
use crate::evaluation::Protocol;
use serde::{Deserialize, Serialize};

/// Position information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PosEncodings {
    /// Rotary embedding of queries and keys.
    Rope,
    /// A learned table added to the input embedding.
    Learned,
    /// None: for blocks that mix positions by an MLP over them, which tells them apart.
    None,
}

/// Which updates of the states are trained; those before them are made without a gradient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Gradient {
    /// HRM's one-step gradient: the last fast and the last slow update.
    #[default]
    OneStep,
    /// TRM's: all updates of the last slow cycle.
    LastCycle,
    /// All updates of an ACT step, as in a plain recurrent transformer.
    WholeStep,
}

/// The token loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LossType {
    /// Cross entropy over s(x) = x + 1 (x ≥ 0), 1 / (1 − x) (x < 0), in f64.
    StablemaxCrossEntropy,
    /// Cross entropy over softmax, in f32.
    SoftmaxCrossEntropy,
}

/// The number format of the operands of matrix products in the forward and backward passes. Their sums and the stored weights
/// are f32; so is everything between them on processors, where GPUs keep it in this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ForwardDtype {
    /// 32-bit floating point.
    Float32,
    /// bfloat16.
    Bfloat16,
}

/// The model's settings, under the names of the reference implementations. The defaults are HRM's; TRM is `H_layers = 0`,
/// `gradient = "last_cycle"` and `no_ACT_continue = true`, trained with `ema_rate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
#[expect(non_snake_case, reason = "the names the paper and the reference code use")]
pub struct ArchConfig {
    /// Width D of every hidden state.
    pub hidden_size: usize,
    /// Attention heads; divides `hidden_size` into even head widths.
    pub num_heads: usize,
    /// Mix positions by a SwiGLU over all of them in place of attention, as TRM does for Sudokus; `num_heads` is not used
    /// then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mlp_t: bool,
    /// SwiGLU expansion before the 2/3 correction.
    pub expansion: f64,
    /// Blocks of the slow module; 0: the fast module makes the slow updates, too, as TRM's single network does.
    pub H_layers: usize,
    /// Blocks of the fast module.
    pub L_layers: usize,
    /// Slow updates per ACT step.
    pub H_cycles: usize,
    /// Fast updates per slow update.
    pub L_cycles: usize,
    /// Which updates of an ACT step are trained.
    #[serde(skip_serializing_if = "is_default")]
    pub gradient: Gradient,
    /// ACT steps at most.
    pub halt_max_steps: usize,
    /// Probability that a sequence must explore a drawn number of steps before it may halt.
    pub halt_exploration_prob: f64,
    /// Learn the value of halting alone, and halt where it is above 0, as TRM does; else also the value of going on, and
    /// halt where halting is worth more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_ACT_continue: bool,
    /// Width of a puzzle's own embedding.
    pub puzzle_emb_ndim: usize,
    /// Positions before the tokens that the puzzle's embedding stands in, with zeros behind it; 0 for as many as it fills.
    #[serde(skip_serializing_if = "is_default")]
    pub puzzle_emb_len: usize,
    /// Position information.
    pub pos_encodings: PosEncodings,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Epsilon of `RMSNorm`.
    pub rms_norm_eps: f64,
    /// The token loss.
    pub loss: LossType,
    /// Number format of the operands of matrix products.
    pub forward_dtype: ForwardDtype,
}

impl Default for ArchConfig {
    /// The reference model: 27,275,266 weights with Sudoku's vocabulary.
    fn default() -> Self {
        Self {
            hidden_size: 512,
            num_heads: 8,
            mlp_t: false,
            expansion: 4.0,
            H_layers: 4,
            L_layers: 4,
            H_cycles: 2,
            L_cycles: 2,
            gradient: Gradient::OneStep,
            halt_max_steps: 16,
            halt_exploration_prob: 0.1,
            no_ACT_continue: false,
            puzzle_emb_ndim: 512,
            puzzle_emb_len: 0,
            pos_encodings: PosEncodings::Rope,
            rope_theta: 10_000.0,
            rms_norm_eps: 1e-5,
            loss: LossType::StablemaxCrossEntropy,
            forward_dtype: ForwardDtype::Float32,
        }
    }
}

impl ArchConfig {
    /// Checks that the model can be built.
    ///
    /// # Errors
    /// The field's path with what was expected and what was found.
    pub fn validate(&self) -> Result<(), InvalidExperiment> {
        let within = |value: usize, low: usize, high: usize, field: &'static str| {
            ensure((low..=high).contains(&value), field, || format!("expected {low} to {high}, found {value}"))
        };
        within(self.hidden_size, 8, 4096, "arch.hidden_size")?;
        within(self.num_heads, 1, 64, "arch.num_heads")?;
        ensure(
            self.hidden_size.is_multiple_of(self.num_heads) && (self.hidden_size / self.num_heads).is_multiple_of(2),
            "arch.num_heads",
            || format!("expected heads of an even width: {} into {} heads is not", self.hidden_size, self.num_heads),
        )?;
        ensure((0.5..=16.0).contains(&self.expansion), "arch.expansion", || {
            format!("expected 0.5 to 16, found {}", self.expansion)
        })?;
        within(self.H_layers, 0, 64, "arch.H_layers")?;
        within(self.L_layers, 1, 64, "arch.L_layers")?;
        within(self.H_cycles, 1, 64, "arch.H_cycles")?;
        within(self.L_cycles, 1, 64, "arch.L_cycles")?;
        within(self.halt_max_steps, 1, *Protocol::STEPS.end() as usize, "arch.halt_max_steps")?;
        within(self.puzzle_emb_ndim, 0, 65_536, "arch.puzzle_emb_ndim")?;
        // q_head reads position 0, which must exist before the first token's.
        ensure(self.puzzle_emb_ndim > 0, "arch.puzzle_emb_ndim", || {
            "expected at least 1: the halting head reads the puzzle embedding's first position".into()
        })?;
        within(self.puzzle_emb_len, 0, 1024, "arch.puzzle_emb_len")?;
        let room = self.puzzle_emb_len * self.hidden_size;
        ensure(self.puzzle_emb_len == 0 || room >= self.puzzle_emb_ndim, "arch.puzzle_emb_len", || {
            let ndim = self.puzzle_emb_ndim;
            format!("expected room for {ndim} values, found {} positions of {}", self.puzzle_emb_len, self.hidden_size)
        })?;
        self.validate_positions()?;
        ensure((0.0..=1.0).contains(&self.halt_exploration_prob), "arch.halt_exploration_prob", || {
            format!("expected 0 to 1, found {}", self.halt_exploration_prob)
        })?;
        ensure(self.rope_theta.is_finite() && self.rope_theta > 1.0, "arch.rope_theta", || {
            format!("expected more than 1, found {}", self.rope_theta)
        })?;
        ensure(self.rms_norm_eps > 0.0 && self.rms_norm_eps < 1.0, "arch.rms_norm_eps", || {
            format!("expected between 0 and 1, found {}", self.rms_norm_eps)
        })
    }

    /// What nothing would tell positions apart by is refused, and positions that nothing would read.
    fn validate_positions(&self) -> Result<(), InvalidExperiment> {
        let field = "arch.pos_encodings";
        ensure(!(self.mlp_t && self.pos_encodings == PosEncodings::Rope), field, || {
            "expected learned or none beside mlp_t, found rope: it is attention that reads rotary positions".into()
        })?;
        ensure(self.mlp_t || self.pos_encodings != PosEncodings::None, field, || {
            "expected rope or learned without mlp_t, found none: attention would see no order".into()
        })
    }

    /// Blocks of a slow update.
    pub fn slow_layers(&self) -> usize {
        if self.H_layers == 0 { self.L_layers } else { self.H_layers }
    }

    /// Blocks that an ACT step passes through.
    pub fn blocks_passed(&self) -> usize {
        self.H_cycles * (self.L_cycles * self.L_layers + self.slow_layers())
    }

    /// Those of them that are trained.
    pub fn blocks_trained(&self) -> usize {
        match self.gradient {
            Gradient::OneStep => self.L_layers + self.slow_layers(),
            Gradient::LastCycle => self.L_cycles * self.L_layers + self.slow_layers(),
            Gradient::WholeStep => self.blocks_passed(),
        }
    }
}
