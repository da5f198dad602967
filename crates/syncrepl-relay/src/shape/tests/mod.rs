//! Tests of the shape. `model` knows entries, filters and settings in a plain form; `random` compares with it.

mod changes;
mod model;
mod random;
mod settings;
