//! TLS to the database: one root, a verified host name, nothing weaker.

use super::error::{StoreError, with_message};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::error::Error as _;
use std::sync::Arc;

/// Trusts this one root and verifies the host name; tokio-postgres's `sslmode` cannot ask for that.
pub(super) fn config(ca_pem: &str) -> Result<ClientConfig, StoreError> {
    let unreadable = || StoreError::Settings("DATABASE_CA_PEM holds no readable certificate".to_owned());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots
            .add(certificate.map_err(|_| unreadable())?)
            .map_err(|_| unreadable())?;
    }
    if roots.is_empty() {
        return Err(unreadable());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Settings(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Why a connection failed, with advice if TLS was refused.
pub(super) fn explained(error: &tokio_postgres::Error) -> String {
    let said = with_message(error);
    match advice(error) {
        Some(advice) => format!("{said}; {advice}"),
        None => said,
    }
}

fn advice(error: &tokio_postgres::Error) -> Option<&'static str> {
    let cause = error.source()?;
    // The driver has no type for this error.
    if cause.to_string() == "server does not support TLS" {
        return Some("DATABASE_CA_PEM is set, so nothing is sent without TLS: turn it on at the server");
    }
    let refused = cause.downcast_ref::<std::io::Error>()?.get_ref()?;
    let rustls::Error::InvalidCertificate(reason) = refused.downcast_ref()? else {
        return None;
    };
    Some(match reason {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "DATABASE_URL must name the host as the server's certificate does"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "DATABASE_CA_PEM must be the root that signed the server's certificate"
        }
        _ => "the server's certificate must be replaced, or this machine's clock set",
    })
}
