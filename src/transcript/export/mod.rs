//! Other forms of a transcript.

pub mod json;
