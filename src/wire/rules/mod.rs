//! The grammar itself: one function for each rule of `grammar/abnf/`, in a file of the same name as its
//! ABNF file. A rule's name is its function's name, with `-` written as `_`.
//!
//! The functions are strict, pure and borrow from their input. A function reads what stands at the head of its
//! input; [`whole`] asks that nothing is left over, and agrees with the ABNF on every input. The test `grammar`
//! holds that.

pub mod auth;
pub mod commands;
pub mod core;
pub mod ehlo;
pub mod enhanced;
pub mod extensions;
pub mod paths;
pub mod replies;

use nom::combinator::all_consuming;
use nom::error::Error;
use nom::{IResult, Parser};

/// What a rule's function returns: what is left of the input, and what was read.
pub type Parsed<'a, T = &'a [u8]> = IResult<&'a [u8], T>;

/// Reads the whole of `input` by one rule; nothing if the rule does not take all of it.
pub fn whole<'a, T, P>(rule: P, input: &'a [u8]) -> Option<T>
where
    P: Parser<&'a [u8], Output = T, Error = Error<&'a [u8]>>,
{
    all_consuming(rule).parse(input).ok().map(|(_, value)| value)
}

/// The bytes of a rule that takes nothing but UTF-8, as text.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
