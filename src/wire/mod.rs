//! The grammar of SMTP: bytes to lines, lines to replies and commands, and back.
//!
//! Reading is lossless and never fails on what a peer sent: what breaks the rules is kept and named as a
//! [`Quirk`]. Building is strict: what goes out is checked against the grammar in `grammar/abnf/`.

pub mod address;
pub mod code;
pub mod command;
pub mod dot;
pub mod ehlo;
pub mod envelope;
pub mod escape;
pub mod frame;
pub mod parameter;
pub mod quirk;
pub mod reply;
pub mod reply_line;
pub mod rules;

pub use address::{ForwardPath, Host, Mailbox, Path, ReversePath};
pub use code::{Class, EnhancedCode, ReplyCode};
pub use command::{Command, CommandLine, Verb};
pub use ehlo::{Capabilities, Capability};
pub use envelope::{path_in, size_in};
pub use frame::{Ending, Framer, Line, LineRef, LineSpan};
pub use parameter::Parameter;
pub use quirk::Quirk;
pub use reply::{Reply, ReplyAssembler};
pub use reply_line::ReplyLine;
