//! Mutual TLS with the Docker Engine: <https://docs.docker.com/engine/security/protect-access/>

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use super::error::{Error, Result, cause};
use super::tls_files::TlsFiles;
use crate::files;

/// Opens TLS sessions with one engine.
pub(super) struct Tls {
    connector: TlsConnector,
    server: ServerName<'static>,
}

impl Tls {
    pub(super) fn new(host: &str, files: &TlsFiles) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for authority in certificates(&files.ca, "the certificate of the authority")? {
            roots.add(authority).map_err(|error| unusable(&files.ca, &error))?;
        }
        let chain = certificates(&files.cert, "the certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key, "the key")?)
            .map_err(|error| unusable(&files.key, &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&files.cert, &error))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|error| unusable(&files.key, &error))?;
        let server = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::Config(format!("`{host}` is not the name of a host")))?;
        Ok(Self { connector: Arc::new(config).into(), server })
    }

    /// Secures a connection. See [`explain`] for its errors.
    pub(super) async fn connect(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.server.clone(), stream).await
    }
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(&read(path, what)?)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| unusable(path, &error))?;
    if found.is_empty() {
        return Err(unusable(path, &"it holds no certificate in PEM form"));
    }
    Ok(found)
}

fn read(path: &Path, what: &'static str) -> Result<Vec<u8>> {
    files::read(path).map_err(|reason| Error::File { what, reason })
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::Config(format!("cannot use `{}`: {reason}", path.display()))
}

/// What to check, if one of the error's causes is about TLS. The engine may refuse a client's certificate as
/// late as in its first answer.
pub(super) fn explain(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    cause(error).map(advice)
}

fn advice(error: &rustls::Error) -> String {
    use CertificateError as Certificate;

    match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                "its certificate is not signed by an authority in ca.pem".to_owned()
            }
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                "its certificate has expired".to_owned()
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "its certificate is not valid yet, or the clock here is wrong".to_owned()
            }
            Certificate::NotValidForName => "its certificate is for another host".to_owned(),
            Certificate::NotValidForNameContext { expected, presented } if presented.is_empty() => {
                format!(
                    "its certificate names no host; it needs `{}` as a subject alternative name, \
                     since a common name does not count",
                    expected.to_str()
                )
            }
            Certificate::NotValidForNameContext { expected, presented } => format!(
                "its certificate is for {}, not for `{}`",
                presented.join(", "),
                expected.to_str()
            ),
            other => format!("its certificate is not valid: {other}"),
        },
        rustls::Error::AlertReceived(alert) => {
            format!("it refused the certificate in cert.pem ({alert:?})")
        }
        rustls::Error::InvalidMessage(_) => {
            "it does not speak TLS; unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH if that is meant"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls_pki_types::ServerName;
    use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

    use super::explain;

    #[test]
    fn the_cause_is_found_wherever_it_is_and_told_with_the_way_out() {
        let unnamed = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("10.0.0.1").unwrap(),
            presented: Vec::new(),
        };
        for (error, part) in [
            (Error::InvalidCertificate(unnamed), "it needs `10.0.0.1` as a subject alternative"),
            (Error::InvalidCertificate(CertificateError::Expired), "has expired"),
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), "authority in ca.pem"),
            (Error::AlertReceived(AlertDescription::BadCertificate), "refused the certificate in"),
        ] {
            let wrapped = io::Error::other(io::Error::other(error));
            let text = explain(&wrapped).unwrap();
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(explain(&io::Error::other("no TLS")), None);
    }
}
