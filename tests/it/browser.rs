//! The page in a real browser, served by the real program: what people do with it, from beginning to end.

mod appearance;
mod comparing;
mod drawing;
mod driver;
mod solving;
mod tab;
mod training;
