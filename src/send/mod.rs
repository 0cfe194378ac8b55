//! One test message: built, put into its envelope, delivered.
//!
//! 1. [`address`]: people and their addresses, as they are written on a command line.
//! 2. [`message`]: a message out of its parts. [`content`]: what is in it, whoever made it.
//! 3. [`envelope`]: the commands, and what they and the content need of the server.
//! 4. [`delivery`]: the transaction over a [`crate::transport::Connection`]; the only part that does anything.
//! 5. [`outcome`]: what became of it, recipient by recipient.

pub mod address;
pub mod content;
pub mod delivery;
pub mod envelope;
pub mod message;
pub mod outcome;

pub use address::{AddressError, Person, parse_list, parse_sender, reverse_path};
pub use content::{Crlf, Survey};
pub use delivery::{Manner, Until, deliver};
pub use envelope::{Envelope, Lack, Plan, Wishes, plan};
pub use message::{Attachment, Draft, Field, HeaderError, check_text};
pub use outcome::{Fate, Outcome, Recipient};
