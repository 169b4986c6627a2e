//! Asking servers for files. Proxies come from the environment (`HTTPS_PROXY`, `NO_PROXY`, …), trusted authorities from
//! `SSL_CERT_FILE`, else from where the system has them, else from Mozilla's list.
//!
//! It knows nothing of what the files are.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error as Failure};

use super::Surroundings;
use crate::error::{Error, Result};
use crate::fs;

/// How long a server may take to be reached, and to say something.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often, and after which pauses, a server that is busy is asked again.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(2)];
/// What is asked for at the same time.
pub(super) const AT_ONCE: usize = 16;

/// Where systems have their authorities.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A client that keeps its connections.
#[derive(Debug)]
pub(super) struct Http {
    agent: Agent,
}

impl Http {
    /// # Errors
    /// `SSL_CERT_FILE` names a file that has no certificates.
    pub(super) fn new(surroundings: &Surroundings) -> Result<Self> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(5)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .max_idle_connections(AT_ONCE)
            .max_idle_connections_per_host(AT_ONCE)
            .user_agent(concat!("wake/", env!("CARGO_PKG_VERSION")))
            .tls_config(
                TlsConfig::builder()
                    .root_certs(trusted(surroundings)?)
                    .build(),
            )
            .build()
            .new_agent();
        Ok(Self { agent })
    }

    /// The content at an address, of at most `limit` bytes; `None`: the server has nothing there.
    ///
    /// # Errors
    /// The server cannot be reached, refuses, or is silent for long.
    pub(super) fn get(&self, address: &str, limit: u64) -> Result<Option<Box<dyn Read + Send>>> {
        let mut pauses = PAUSES.iter();
        loop {
            let is_secure = address.starts_with("https://");
            let answered = self
                .agent
                .get(address)
                .config()
                // Who asks by a secure way is not led away from it.
                .https_only(is_secure)
                .build()
                .call();
            let cause = match answered {
                Ok(response) => match response.status().as_u16() {
                    200 => {
                        let body = response.into_body().into_with_config().limit(limit);
                        return Ok(Some(Box::new(body.reader())));
                    }
                    404 | 410 => return Ok(None),
                    status @ (429 | 502..=504) => format!("the server says {status}"),
                    status => return Err(failed(address, &format!("the server says {status}"))),
                },
                Err(Failure::Timeout(_)) => "the server does not answer".to_owned(),
                Err(failure) => return Err(failed(address, &failure.to_string())),
            };
            match pauses.next() {
                Some(pause) => std::thread::sleep(*pause),
                None => return Err(failed(address, &cause)),
            }
        }
    }
}

/// The error for an address whose content does not come.
pub(super) fn failed(address: &str, cause: &str) -> Error {
    Error::environment(format!("Cannot fetch `{}`", shown(address))).cause(cause)
}

/// Whether wake can ask there.
pub(super) fn is_address(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        let host = text.strip_prefix(scheme).unwrap_or_default();
        host.starts_with(|first: char| !"/?#".contains(first))
    })
}

/// An address without the password in it.
pub(super) fn shown(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match host.rfind('@') {
        Some(at) => format!("{scheme}://…{}", &rest[at..]),
        None => address.to_owned(),
    }
}

fn trusted(surroundings: &Surroundings) -> Result<RootCerts> {
    if let Some(path) = surroundings.environment.get("SSL_CERT_FILE") {
        let roots = authorities(&fs::read(Path::new(path))?);
        return roots.ok_or_else(|| {
            Error::user(format!("`{path}` has no certificates"))
                .hint("the variable `SSL_CERT_FILE` names it")
        });
    }
    let found = AUTHORITIES
        .iter()
        .find_map(|path| authorities(&fs::read(Path::new(path)).ok()?));
    Ok(found.unwrap_or(RootCerts::WebPki))
}

/// The certificates of a file in PEM.
fn authorities(pem: &[u8]) -> Option<RootCerts> {
    let certificates: Vec<_> = parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    (!certificates.is_empty()).then(|| certificates.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches passwords in messages, which end up in logs.
    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("https://me:secret@h/x@1"), "https://…@h/x@1");
        assert_eq!(shown("https://h/@scope/x"), "https://h/@scope/x");
        assert!(is_address("http://h") && !is_address("file:///x") && !is_address("https:///x"));
    }
}
