//! A session as data: the transcript.
//!
//! * [`entry`], [`payload`], [`info`]: what a transcript holds, as types.
//! * [`grammar`], [`read`], [`mod@write`], [`text`]: the file format, version 1 (`docs/transcript-format.md`); `plain`:
//!   its most common line, read faster.
//! * [`redact`], [`fold`], [`record`]: what happens to a session before it is stored.
//! * [`track`], [`turns`]: which line is what, and which reply belongs to which command.
//! * [`script`]: the steps of the client for `rerun`, the replies of the server for `serve`.
//! * [`mask`], [`diff`]: two sessions compared.
//! * [`export`], [`import`]: other forms of a transcript. [`scan`]: secrets that are still in one.
//! * [`pseudonym`]: names and content that are nobody else's business.
//!
//! Nothing here opens a file or asks a clock: readers, writers and times are passed in.

pub mod diff;
pub mod entry;
pub mod export;
pub mod fold;
pub mod grammar;
pub mod import;
pub mod info;
pub mod mask;
pub mod payload;
mod plain;
pub mod pseudonym;
pub mod read;
pub mod record;
pub mod redact;
pub mod scan;
pub mod script;
pub mod text;
pub mod track;
pub mod turns;
mod unreadable;
pub mod write;

pub use entry::{Entry, EntryKind, Header};
pub use fold::ContentFold;
pub use info::{ClosedBy, Info, TlsSummary};
pub use payload::{LineEnd, Payload, Piece, SecretMark};
pub use read::{ReadError, Reader};
pub use record::{RecordError, Recorder};
pub use redact::{Known, SentKind};
pub use unreadable::Unreadable;
pub use write::Writer;

/// The format version that is written, and the highest that is read.
pub const VERSION: u32 = 1;

#[cfg(test)]
mod tests;
