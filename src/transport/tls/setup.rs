//! Options made ready: files read and checked at once, the connector built when TLS is first needed.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use native_tls::Certificate;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::connector::{Connector, Done, Parts, TlsStream};
use super::error::{TlsError, TlsFailure};
use super::identity::Own;
use super::info::{TlsInfo, Verified};
use super::keylog::KeyLog;
use super::revoked::{self, Asked};
use super::verify::{self, Store, System, Trusted, VerifyProblem};
use super::{Sni, TlsOptions, identity};
use crate::target::Host;
use crate::transport::cert::CertInfo;
use crate::transport::io_words;
use crate::transport::pin::PinMatch;
use crate::transport::revocation::crl::{self, Crl};
use crate::transport::tap::{Seen, Tap};
use crate::wire::escape::visible;

/// The largest file that is read for certificates. All of the world's public roots are some 250 KiB.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// What is wrong with the options. Each is one line, and known before any connection is opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsSetupError {
    /// A file or folder cannot be read.
    #[error("cannot read the {what} {path}: {}", io_words(.error))]
    Unreadable {
        /// What it should be.
        what: &'static str,
        /// Its path, safe to show.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write the {what} {path}: {}", io_words(.error))]
    Unwritable {
        /// What it should be.
        what: &'static str,
        /// Its path, safe to show.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// No certificate in a file or folder.
    #[error("there is no certificate in {0} (PEM is wanted, with BEGIN CERTIFICATE)")]
    NoCertificate(String),
    /// No revocation list in a file.
    #[error("cannot use {0}: {1}")]
    NoCrl(String, crl::NotACrl),
    /// A certificate is damaged.
    #[error("the certificate in {0} cannot be used: {1}")]
    BadCertificate(String, String),
    /// No private key in a file.
    #[error("there is no private key in {0} (PEM is wanted); name its file with --key")]
    NoKey(String),
    /// The private key is damaged, or of an unknown kind.
    #[error("the private key in {0} cannot be used")]
    BadKey(String),
    /// Key and certificate belong to different pairs.
    #[error("the private key in {key} does not belong to the certificate in {cert}")]
    KeyMismatch {
        /// The key's file.
        key: String,
        /// The certificate's file.
        cert: String,
    },
    /// The key is encrypted and no passphrase was given.
    #[error("{0} is protected by a passphrase; give it")]
    PassphraseNeeded(String),
    /// The passphrase does not open the key.
    #[error("the passphrase does not open {0}")]
    WrongPassphrase(String),
    /// PKCS#12 with ciphers that OpenSSL 3 left behind.
    #[error("{0} is encrypted with an obsolete cipher that this TLS library refuses; export it again")]
    OldPkcs12(String),
    /// The lowest version is above the highest.
    #[error("the lowest version {min} is above the highest, {max}")]
    NoVersions {
        /// The lowest version.
        min: super::Version,
        /// The highest version.
        max: super::Version,
    },
    /// A name that is none.
    #[error("{0}")]
    BadName(#[from] crate::target::TargetError),
    /// The TLS library cannot be set up so.
    #[error("the TLS library refuses these options: {0}")]
    Library(String),
}

/// Checked options. Clones share what was loaded.
#[derive(Clone)]
pub struct TlsSetup(pub(super) Arc<Loaded>);

pub(super) struct Loaded {
    options: TlsOptions,
    verify_host: Option<Host>,
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) crls: Vec<Crl>,
    pub(super) asked: Arc<Mutex<Asked>>,
    own: Option<Own>,
    keylog: Option<KeyLog>,
    connector: OnceLock<Result<Connector, String>>,
    inspection: OnceLock<TlsSetup>,
    store: OnceLock<Option<Store>>,
}

impl std::fmt::Debug for TlsSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSetup").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Loaded {
    fn parts(&self) -> Parts<'_> {
        Parts {
            options: &self.options,
            roots: &self.roots,
            own: self.own.as_ref(),
            keylog: self.keylog.as_ref(),
        }
    }
}

impl TlsSetup {
    /// Reads the files that the options name and checks them.
    ///
    /// # Errors
    /// A [`TlsSetupError`], before any connection is opened.
    pub fn load(options: &TlsOptions) -> Result<TlsSetup, TlsSetupError> {
        if let Some(max) = options.max.filter(|max| *max < options.min) {
            return Err(TlsSetupError::NoVersions { min: options.min, max });
        }
        if let Sni::Name(name) = &options.sni {
            Host::parse(name)?;
        }
        let loaded = Loaded {
            verify_host: options.verify_name.as_deref().map(Host::parse).transpose()?,
            roots: options.ca.as_deref().map_or(Ok(Vec::new()), roots)?,
            crls: revoked::lists(&options.crls)?,
            asked: Arc::default(),
            own: identity::load(options)?,
            keylog: options.keylog.as_deref().map(KeyLog::open).transpose()?,
            options: options.clone(),
            connector: OnceLock::new(),
            inspection: OnceLock::new(),
            store: OnceLock::new(),
        };
        let setup = TlsSetup(Arc::new(loaded));
        if options.beyond_native() {
            // What the library does not take of it is known before any connection.
            setup.connector().map_err(TlsSetupError::Library)?;
        }
        Ok(setup)
    }

    /// The options.
    pub fn options(&self) -> &TlsOptions {
        &self.0.options
    }

    /// The same files with other options. Only versions, names, ALPN, timeout and `insecure` may differ.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut TlsOptions)) -> TlsSetup {
        let Loaded { options, verify_host, own, .. } = self.0.as_ref();
        let mut options = options.clone();
        change(&mut options);
        self.derived(options, verify_host.clone(), own.clone())
    }

    /// To look at certificates only: TLS 1.2 at most, where they go in clear; whatever they are; and without showing
    /// the client's own. Made once, as what is loaded for it serves again.
    pub(in crate::transport) fn for_inspection(&self) -> TlsSetup {
        let make = || {
            let Loaded { options, verify_host, .. } = self.0.as_ref();
            let options = TlsOptions {
                min: options.min.min(super::Version::V1_2),
                max: Some(super::Version::V1_2),
                insecure: true,
                pins: Vec::new(),
                keylog: None,
                ..options.clone()
            };
            self.derived(options, verify_host.clone(), None)
        };
        self.0.inspection.get_or_init(make).clone()
    }

    /// For HTTPS beside the session: the same trust and patience, and nothing else of the options.
    pub(in crate::transport) fn for_https(&self) -> TlsSetup {
        let options = &self.0.options;
        let options = TlsOptions {
            no_system_ca: options.no_system_ca,
            timeout: options.timeout,
            ..TlsOptions::default()
        };
        self.derived(options, None, None)
    }

    /// The same trusted roots with other options.
    fn derived(&self, options: TlsOptions, verify_host: Option<Host>, own: Option<Own>) -> TlsSetup {
        TlsSetup(Arc::new(Loaded {
            keylog: self.0.keylog.clone().filter(|_| options.keylog.is_some()),
            options,
            verify_host,
            roots: self.0.roots.clone(),
            crls: self.0.crls.clone(),
            asked: self.0.asked.clone(),
            own,
            connector: OnceLock::new(),
            inspection: OnceLock::new(),
            store: OnceLock::new(),
        }))
    }

    /// Loading the system's authorities takes some 20 ms, so it waits until TLS is needed.
    fn connector(&self) -> Result<Connector, String> {
        self.0.connector.get_or_init(|| Connector::new(&self.0.parts())).clone()
    }

    /// The handshake, and the checks that come with it.
    pub(in crate::transport) async fn handshake(
        &self,
        tcp: TcpStream,
        target: &Host,
    ) -> Result<(TlsStream, TlsInfo), TlsError> {
        let start = Instant::now();
        let host = self.0.verify_host.as_ref().unwrap_or(target).clone();
        let connector =
            self.connector().map_err(|said| TlsError::from_library(&said, Seen::default(), &host))?;
        let (tap, listener) = Tap::new(tcp);
        let name = self.name_sent(target);
        let done = match timeout(self.0.options.timeout, connector.connect(&name, tap)).await {
            Ok(Ok(done)) => done,
            Ok(Err(said)) => return Err(TlsError::from_library(&said, listener.seen(), &host)),
            Err(_) => return Err(TlsError::new(timed_out(self, &listener.seen()), listener.seen())),
        };
        let info = self.info(&done, listener.seen(), &host, start)?;
        Ok((done.stream, info))
    }

    /// What the library is told as the server's name; it becomes the SNI unless that is switched off.
    fn name_sent(&self, host: &Host) -> String {
        match &self.0.options.sni {
            Sni::Name(name) => Host::parse(name).map_or_else(|_| name.clone(), |host| host.to_string()),
            Sni::Default | Sni::None => host.to_string(),
        }
    }

    fn info(&self, done: &Done, seen: Seen, host: &Host, start: Instant) -> Result<TlsInfo, TlsError> {
        let leaf = done.leaf.as_ref().or_else(|| seen.chain.first());
        let leaf = leaf.and_then(|der| CertInfo::from_der(der).ok());
        let chain: Vec<CertInfo> = seen.chain.iter().filter_map(|der| CertInfo::from_der(der).ok()).collect();
        let (verified, matched_name, root) = self.verdict(leaf.as_ref(), &chain, host);
        if let (Verified::No(problem), false) = (&verified, self.0.options.insecure) {
            return Err(TlsError::new(TlsFailure::Verify(Box::new(problem.clone())), seen));
        }
        let pinned = match self.pinned(leaf.as_ref()) {
            Ok(pinned) => pinned,
            Err(failure) => return Err(TlsError::new(failure, seen)),
        };
        let alpn = done.alpn.as_deref().map(visible);
        Ok(TlsInfo {
            version: seen.version,
            cipher: seen.cipher.clone(),
            group: seen.group.clone(),
            alpn,
            sni: seen.sni.clone(),
            checked_name: host.to_string(),
            matched_name,
            verified,
            root,
            revocation: None,
            insecure: self.0.options.insecure,
            pinned,
            leaf,
            chain,
            binding: done.binding.clone(),
            keylog: self.0.keylog.as_ref().map(KeyLog::state),
            took: start.elapsed(),
            seen,
        })
    }

    /// How the certificate fits the pins. Pins hold under `--insecure`, too: that is what they are for.
    fn pinned(&self, leaf: Option<&CertInfo>) -> Result<Option<PinMatch>, TlsFailure> {
        let pins = &self.0.options.pins;
        let found = leaf.and_then(|leaf| pins.iter().find_map(|pin| pin.matches(leaf)));
        match found {
            None if !pins.is_empty() => Err(TlsFailure::Pin(leaf.cloned().map(Box::new))),
            found => Ok(found),
        }
    }

    /// Whether the certificate verifies, by which of its names, and the root where it is known.
    fn verdict(
        &self,
        leaf: Option<&CertInfo>,
        chain: &[CertInfo],
        host: &Host,
    ) -> (Verified, Option<String>, Option<String>) {
        let Some(leaf) = leaf else {
            // Without a certificate nobody has been verified (anonymous suites, which are not offered).
            return (Verified::Unknown("the server showed no certificate"), None, None);
        };
        let name = verify::name(leaf, host);
        let path = match self.0.options.insecure {
            false => PathVerdict::Good(None),
            true => self.path(leaf, chain, host),
        };
        match (path, name) {
            (PathVerdict::Good(root), Ok(name)) => {
                (Verified::Yes, Some(name), root.or_else(|| self.quick_root(leaf, chain)))
            }
            (PathVerdict::Good(root), Err(problem)) => (Verified::No(problem), None, root),
            (PathVerdict::Bad(problem), name) => (Verified::No(problem), name.ok(), None),
            (PathVerdict::Unknown(why), Ok(name)) => (Verified::Unknown(why), Some(name), None),
            (PathVerdict::Unknown(_), Err(problem)) => (Verified::No(problem), None, None),
        }
    }

    /// The root of a certificate that has verified, where it can be told without reading all of the system's.
    fn quick_root(&self, leaf: &CertInfo, chain: &[CertInfo]) -> Option<String> {
        let system = if self.0.options.no_system_ca { System::None } else { System::Folder };
        let trusted = Trusted { system, own: &self.0.roots, any: false };
        let found = verify::path(leaf.der(), chain.get(1..).unwrap_or_default(), &trusted.store()?)?;
        root_of(&found.ok()?)
    }

    /// What the library would have said, had it been asked.
    fn path(&self, leaf: &CertInfo, chain: &[CertInfo], host: &Host) -> PathVerdict {
        let problem = |reason, said: String| {
            let leaf = Some(Box::new(leaf.clone()));
            PathVerdict::Bad(VerifyProblem { reason, said, wanted: host.to_string(), leaf })
        };
        if let Some(reason) = verify::time(leaf, chrono::Utc::now()) {
            return problem(reason, String::new());
        }
        let system = if self.0.options.no_system_ca { System::None } else { System::All };
        let trusted = Trusted { system, own: &self.0.roots, any: false };
        let store = self.0.store.get_or_init(|| trusted.store()).as_ref();
        let rest = chain.get(1..).unwrap_or_default();
        match store.and_then(|store| verify::path(leaf.der(), rest, store)) {
            None => PathVerdict::Unknown("this machine's TLS library cannot tell under --insecure"),
            Some(Ok(path)) => PathVerdict::Good(root_of(&path)),
            Some(Err(said)) => match verify::reason(&said, chain) {
                verify::VerifyReason::UnknownIssuer if chain.is_empty() => PathVerdict::Unknown(
                    "its issuer is not known here, and TLS 1.3 hides the chain that was sent",
                ),
                reason => problem(reason, said),
            },
        }
    }
}

fn root_of(path: &[CertInfo]) -> Option<String> {
    path.last().map(|root| root.subject.clone())
}

enum PathVerdict {
    Good(Option<String>),
    Bad(VerifyProblem),
    Unknown(&'static str),
}

fn timed_out(setup: &TlsSetup, seen: &Seen) -> TlsFailure {
    match &seen.not_tls {
        Some(said) => TlsFailure::PlaintextReply(said.clone()),
        None => TlsFailure::Timeout(setup.0.options.timeout),
    }
}

/// The certificates of `--ca` in DER.
fn roots(path: &Path) -> Result<Vec<Vec<u8>>, TlsSetupError> {
    let unreadable = |error| TlsSetupError::Unreadable { what: "CA file", path: shown(path), error };
    let mut found = Vec::new();
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.is_file() {
                // A folder may hold other things than certificates.
                found.extend(certificates(&read("CA file", &file)?).unwrap_or_default());
            }
        }
    } else {
        let bad = |error: native_tls::Error| TlsSetupError::BadCertificate(shown(path), error.to_string());
        found = certificates(&read("CA file", path)?).map_err(bad)?;
    }
    match found.is_empty() {
        true => Err(TlsSetupError::NoCertificate(shown(path))),
        false => Ok(found),
    }
}

fn certificates(bytes: &[u8]) -> native_tls::Result<Vec<Vec<u8>>> {
    match Certificate::from_der(bytes) {
        Ok(one) => Ok(vec![one.to_der()?]),
        Err(_) => Certificate::stack_from_pem(bytes)?.iter().map(Certificate::to_der).collect(),
    }
}

/// A whole file, unless it is far too large to be what it should be.
pub(super) fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsSetupError> {
    let unreadable = |error| TlsSetupError::Unreadable { what, path: shown(path), error };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 > LARGEST_FILE {
        true => Err(unreadable(io::Error::other("it is too large"))),
        false => Ok(bytes),
    }
}

pub(super) fn shown(path: &Path) -> String {
    visible(path.as_os_str().as_encoded_bytes())
}
