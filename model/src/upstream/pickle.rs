//! The pickle inside a checkpoint of the reference code, read as a description of tensors and as nothing else.
//!
//! A pickle is a program for a stack machine that may call anything. This machine knows the few instructions and names
//! a dictionary of tensors is written with, calls nothing, and refuses the rest. Values lie in one flat list and refer
//! to each other by number, so that neither nesting nor repetition costs more than the bytes that ask for it.

mod value;

use super::storage::{ElementType, StoredTensor};
use std::collections::BTreeMap;
use thiserror::Error;
use value::{Global, Id, Value};

/// Why a pickle is not a dictionary of tensors.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("its pickle, at byte {at}: {problem}")]
pub struct PickleError {
    /// Position of the instruction.
    pub at: usize,
    /// What was expected and what was found.
    pub problem: String,
}

/// Longest text, bytes: the name of a weight or the key of a storage.
const LONGEST_TEXT: usize = 256;

/// Most entries of the dictionary.
const MOST_TENSORS: usize = 10_000;

/// Reads the tensors of a state dictionary by their names, in the order they were written.
pub(super) fn tensors(bytes: &[u8]) -> Result<Vec<(String, StoredTensor)>, PickleError> {
    let mut machine =
        Machine { bytes, next: 0, at: 0, values: vec![], stack: vec![], marks: vec![], memo: BTreeMap::new() };
    let root = machine.run()?;
    let Value::Dict(entries) = machine.values[root].clone() else {
        return machine.refuse(format!("expected a dictionary of tensors, found {}", machine.values[root].kind()));
    };
    if entries.len() > MOST_TENSORS {
        return machine.refuse(format!("expected at most {MOST_TENSORS} tensors, found {}", entries.len()));
    }
    let named = entries.into_iter().map(|(name, tensor)| {
        let name = machine.text(name)?;
        match &machine.values[tensor] {
            Value::Tensor(tensor) => Ok((name, tensor.clone())),
            other => machine.refuse(format!("expected a tensor as {name:?}, found {}", other.kind())),
        }
    });
    named.collect()
}

struct Machine<'a> {
    bytes: &'a [u8],
    /// Position of the next byte.
    next: usize,
    /// Position of the instruction at hand.
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack where a mark was set.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Id>,
}

impl Machine<'_> {
    fn refuse<T>(&self, problem: impl Into<String>) -> Result<T, PickleError> {
        Err(PickleError { at: self.at, problem: problem.into() })
    }

    /// Runs to the end; the value that is left.
    fn run(&mut self) -> Result<Id, PickleError> {
        let [0x80, 2, ..] = self.bytes else {
            return self.refuse("expected protocol 2, the one torch.save writes");
        };
        self.next = 2;
        loop {
            self.at = self.next;
            let [instruction] = self.take()?;
            if instruction == b'.' {
                break;
            }
            self.execute(instruction)?;
        }
        let root = self.pop()?;
        if !self.stack.is_empty() || !self.marks.is_empty() {
            return self.refuse("expected one value at its end, found more");
        }
        if self.next != self.bytes.len() {
            return self
                .refuse(format!("expected nothing after its end, found {} bytes", self.bytes.len() - self.next));
        }
        Ok(root)
    }

    fn execute(&mut self, instruction: u8) -> Result<(), PickleError> {
        match instruction {
            b'(' => self.marks.push(self.stack.len()),
            b'}' => self.push(Value::Dict(vec![])),
            b')' => self.push(Value::Tuple(vec![])),
            b'N' => self.push(Value::Nothing),
            0x88 | 0x89 => self.push(Value::Bool),
            b'K' => {
                let [value] = self.take()?;
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.take()?);
                self.push(Value::Int(value.into()));
            }
            b'J' => {
                let value = i32::from_le_bytes(self.take()?);
                self.push(Value::Int(value.into()));
            }
            0x8a => {
                let value = self.long()?;
                self.push(Value::Int(value));
            }
            b'X' => {
                let length = u32::from_le_bytes(self.take()?) as usize;
                let text = self.utf8(length)?;
                self.push(Value::Text(text));
            }
            b'q' => {
                let [key] = self.take()?;
                self.memoise(key.into())?;
            }
            b'r' => {
                let key = u32::from_le_bytes(self.take()?);
                self.memoise(key)?;
            }
            b'h' => {
                let [key] = self.take()?;
                self.recall(key.into())?;
            }
            b'j' => {
                let key = u32::from_le_bytes(self.take()?);
                self.recall(key)?;
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(instruction - 0x84))?;
                self.push(Value::Tuple(items));
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            b'c' => self.global()?,
            b'Q' => self.persistent()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            other => {
                return self.refuse(format!("instruction {other:#04x} is none that a dictionary of tensors needs"));
            }
        }
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let found = self.bytes.get(self.next..).and_then(|rest| rest.first_chunk::<N>());
        let Some(&found) = found else { return self.refuse("expected more bytes, found its end") };
        self.next += N;
        Ok(found)
    }

    fn utf8(&mut self, length: usize) -> Result<String, PickleError> {
        let left = &self.bytes[self.next..];
        let Some(text) = left.get(..length).filter(|_| length <= LONGEST_TEXT) else {
            let most = LONGEST_TEXT.min(left.len());
            return self.refuse(format!("expected a text of at most {most} bytes, found one of {length}"));
        };
        let Ok(text) = std::str::from_utf8(text) else { return self.refuse("expected a text in UTF-8") };
        self.next += length;
        Ok(text.to_owned())
    }

    fn long(&mut self) -> Result<i64, PickleError> {
        let [length] = self.take()?;
        let left = &self.bytes[self.next..];
        let (true, Some(digits)) = (length <= 8, left.get(..usize::from(length))) else {
            return self.refuse(format!("expected a whole number of at most 8 bytes, found {length}"));
        };
        let sign = if digits.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut value = [sign; 8];
        value[..digits.len()].copy_from_slice(digits);
        self.next += usize::from(length);
        Ok(i64::from_le_bytes(value))
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        // What lies below a mark belongs to whoever set it.
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(id) if self.stack.len() >= floor => Ok(id),
            _ => self.refuse("expected a value on the stack, found none"),
        }
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, PickleError> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(items)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => self.refuse("expected a mark on the stack, found none"),
        }
    }

    fn memoise(&mut self, key: u32) -> Result<(), PickleError> {
        let Some(&id) = self.stack.last() else { return self.refuse("expected a value on the stack, found none") };
        self.memo.insert(key, id);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), PickleError> {
        let Some(&id) = self.memo.get(&key) else {
            return self.refuse(format!("expected a value remembered as {key}, found none"));
        };
        self.stack.push(id);
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let Some(&dict) = self.stack.last() else { return self.refuse("expected a dictionary, found an empty stack") };
        if !items.len().is_multiple_of(2) {
            return self.refuse("expected keys with values, found a key without one");
        }
        let Value::Dict(entries) = &mut self.values[dict] else {
            let kind = self.values[dict].kind();
            return self.refuse(format!("expected a dictionary, found {kind}"));
        };
        entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn global(&mut self) -> Result<(), PickleError> {
        let (module, name) = (self.line()?, self.line()?);
        let global = match (module.as_str(), name.as_str()) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            (module, name) => match ElementType::of_storage(name).filter(|_| module == "torch") {
                Some(kind) => Global::Storage(kind),
                None => return self.refuse(format!("expected tensors only, found a call of {module}.{name}")),
            },
        };
        self.push(Value::Global(global));
        Ok(())
    }

    /// A line of at most 100 bytes.
    fn line(&mut self) -> Result<String, PickleError> {
        let left = &self.bytes[self.next..];
        let Some(length) = left.iter().take(101).position(|&byte| byte == b'\n') else {
            return self.refuse("expected a name of at most 100 bytes and the end of its line");
        };
        let line = self.utf8(length)?;
        self.next += 1;
        Ok(line)
    }

    fn text(&self, id: Id) -> Result<String, PickleError> {
        match &self.values[id] {
            Value::Text(text) => Ok(text.clone()),
            other => self.refuse(format!("expected a text, found {}", other.kind())),
        }
    }

    fn size(&self, id: Id) -> Result<u64, PickleError> {
        match &self.values[id] {
            Value::Int(value) => match u64::try_from(*value) {
                Ok(value) => Ok(value),
                Err(_) => self.refuse(format!("expected a size of at least 0, found {value}")),
            },
            other => self.refuse(format!("expected a size, found {}", other.kind())),
        }
    }

    fn tuple(&self, id: Id) -> Result<&[Id], PickleError> {
        match &self.values[id] {
            Value::Tuple(items) => Ok(items),
            other => self.refuse(format!("expected a tuple, found {}", other.kind())),
        }
    }

    /// `('storage', type, key, device, elements)`
    fn persistent(&mut self) -> Result<(), PickleError> {
        let id = self.pop()?;
        let &[tag, kind, key, _device, elements] = self.tuple(id)? else {
            return self.refuse("expected a storage's five fields");
        };
        let (true, Value::Global(Global::Storage(kind))) = (self.text(tag)? == "storage", &self.values[kind]) else {
            return self.refuse("expected a storage with its type");
        };
        let storage = Value::Storage(*kind, self.text(key)?, self.size(elements)?);
        self.push(storage);
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), PickleError> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let Value::Global(callable) = &self.values[callable] else {
            let kind = self.values[callable].kind();
            return self.refuse(format!("expected a name to call, found {kind}"));
        };
        let made = match (callable, self.tuple(arguments)?) {
            (Global::OrderedDict, []) => Value::Dict(vec![]),
            (Global::RebuildTensor, &[storage, offset, shape, stride, ..]) => {
                Value::Tensor(self.tensor(storage, offset, shape, stride)?)
            }
            // The tensor it was made of says all that is kept of a parameter.
            (Global::RebuildParameter, &[tensor, ..]) => match &self.values[tensor] {
                Value::Tensor(tensor) => Value::Tensor(tensor.clone()),
                other => return self.refuse(format!("expected a parameter's tensor, found {}", other.kind())),
            },
            (callable, arguments) => {
                return self.refuse(format!("{callable:?} with {} arguments makes no tensor", arguments.len()));
            }
        };
        self.push(made);
        Ok(())
    }

    fn tensor(&self, storage: Id, offset: Id, shape: Id, stride: Id) -> Result<StoredTensor, PickleError> {
        let Value::Storage(kind, key, elements) = &self.values[storage] else {
            return self.refuse(format!("expected a tensor's storage, found {}", self.values[storage].kind()));
        };
        let (sizes, strides) = (self.tuple(shape)?, self.tuple(stride)?);
        if sizes.len() != strides.len() || sizes.len() > 8 {
            let found = format!("{} sizes and {} strides", sizes.len(), strides.len());
            return self.refuse(format!("expected as many sizes as strides, at most 8, found {found}"));
        }
        let numbers = |ids: &[Id]| ids.iter().map(|&size| self.size(size)).collect::<Result<Vec<_>, _>>();
        let (shape, stride) = (numbers(sizes)?, numbers(strides)?);
        let (kind, storage, elements) = (*kind, key.clone(), *elements);
        Ok(StoredTensor { kind, storage, elements, offset: self.size(offset)?, shape, stride })
    }

    /// A state dictionary remembers the versions of its modules as an attribute, which says nothing of its tensors.
    fn build(&mut self) -> Result<(), PickleError> {
        let (_state, object) = (self.pop()?, self.pop()?);
        if !matches!(self.values[object], Value::Dict(_)) {
            let kind = self.values[object].kind();
            return self.refuse(format!("expected a dictionary to give attributes to, found {kind}"));
        }
        self.stack.push(object);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
