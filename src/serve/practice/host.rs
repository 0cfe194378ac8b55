//! What all sessions of one practice server share.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::rules::{self, RULES};
use super::users::USERS;
use super::{PracticeOptions, Try};

/// How many pairs of sender and recipient the greylist remembers.
const GREYLIST: usize = 10_000;

/// The server as its clients see it.
pub struct Host {
    pub(super) options: PracticeOptions,
    /// Its own name.
    pub(super) name: String,
    /// Whether STARTTLS is offered.
    pub(super) tls: bool,
    greylist: Mutex<HashSet<(String, String)>>,
    messages: AtomicU64,
    salt: RandomState,
}

impl Host {
    pub(super) fn new(options: PracticeOptions, tls: bool) -> Host {
        Host {
            name: format!("mx.{}", options.domain),
            options,
            tls,
            greylist: Mutex::default(),
            messages: AtomicU64::new(1),
            salt: RandomState::new(),
        }
    }

    /// Whether `sender` has tried `recipient` before; from now on it has.
    pub(super) fn tried_before(&self, sender: &str, recipient: &str) -> bool {
        let mut list = self.greylist.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() >= GREYLIST {
            list.clear();
        }
        !list.insert((sender.to_owned(), recipient.to_ascii_lowercase()))
    }

    /// An id such as queues give to messages.
    pub(super) fn queue_id(&self) -> String {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        format!("{:010X}", self.salt.hash_one(number) & 0xFF_FFFF_FFFF)
    }

    /// Text that was not used before and cannot be foretold.
    pub(super) fn random(&self) -> String {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}{:016x}", self.salt.hash_one((number, 0)), RandomState::new().hash_one(number))
    }

    /// What to try: the short list for a newcomer, or all of it.
    pub(super) fn things(&self, all: bool) -> Vec<Try> {
        let errors = self.options.error_limit.to_string();
        let values = [("domain", self.options.domain.as_str()), ("errors", &errors)];
        let rows = RULES.iter().filter(|rule| !rule.what.is_empty() && (all || rule.first));
        rows.map(|rule| Try { what: rules::fill(rule.what, &values), line: rules::fill(rule.line, &values) })
            .collect()
    }

    /// The reply to HELP: everything there is to try, and the users.
    pub(super) fn help(&self) -> String {
        let mut lines = vec!["2.0.0 This server is for practice; nothing is delivered. Try:".to_owned()];
        lines
            .extend(self.things(true).iter().map(|thing| format!("2.0.0  {}  ({})", thing.line, thing.what)));
        lines.push("2.0.0 Users, after STARTTLS:".to_owned());
        let domain = &self.options.domain;
        lines.extend(
            USERS.iter().map(|u| format!("2.0.0  {}@{domain} / {}  ({})", u.local, u.password, u.what)),
        );
        lines.join("\n")
    }
}
