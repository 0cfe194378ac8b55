//! NTLM over SASL (MS-NLMP, MS-SMTPNTLM): version 2 of its response, without signing. Ours.
//!
//! Version 1 rests on DES and is not spoken; Microsoft itself advises against NTLM as a whole.

mod client;
mod message;

pub(super) use client::Client;
pub(super) use message::{Challenge, user_named};

const NAME: &str = "NTLM";
