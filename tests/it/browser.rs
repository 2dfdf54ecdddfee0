//! The page in a real browser, served by the real program: what people do with it, from beginning to end.

mod accounts;
mod addresses;
mod appearance;
mod axe;
mod back;
mod batches;
mod choices;
mod comparing;
mod data;
mod drawing;
mod driver;
mod models;
mod moments;
mod places;
mod queueing;
mod reconnect;
mod screens;
mod sending;
mod solving;
mod speed;
mod streams;
mod sweeps;
mod tab;
mod teams;
mod training;
mod turning;
