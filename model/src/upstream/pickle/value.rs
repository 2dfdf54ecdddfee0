//! What the machine that reads a pickle knows.

use super::super::storage::{ElementType, StoredTensor};

/// The number of a value in the machine's list.
pub(super) type Id = usize;

/// What an instruction of a pickle makes.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Nothing,
    Bool,
    Int(i64),
    Text(String),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// The type and the key of a storage, and the number of its elements.
    Storage(ElementType, String, u64),
    Tensor(StoredTensor),
}

impl Value {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "None",
            Self::Bool => "a truth value",
            Self::Int(_) => "a whole number",
            Self::Text(_) => "a text",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dictionary",
            Self::Global(_) => "a name",
            Self::Storage(..) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// The names that may stand in a checkpoint.
#[derive(Debug, Clone)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(ElementType),
}
