//! The forms of a report.

pub mod html;
pub mod json;
pub mod legs;
pub mod nagios;
pub mod offered;
pub mod prometheus;
#[cfg(test)]
mod sample;
pub mod text;
