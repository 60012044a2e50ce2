//! TLS in front of PostgreSQL: the test server itself may have been built without.
//!
//! The certificates in `tls/` are for `localhost`, last a hundred years, and secure nothing: `ca.pem` has signed
//! `server.pem`, whose key is `server.key`; `other-ca.pem` has signed nothing.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub const CA: &str = include_str!("tls/ca.pem");
pub const OTHER_CA: &str = include_str!("tls/other-ca.pem");

/// Takes TLS connections for the server on `port` of this machine, and returns its own port.
pub async fn before(port: u16) -> u16 {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // A client that does not like the certificate ends its connection, and only that.
            tokio::spawn(carry(client, acceptor.clone(), port));
        }
    });
    own
}

/// Answers SSLRequest («PostgreSQL, SSL Session Encryption») and then carries what the client says.
async fn carry(mut client: TcpStream, acceptor: TlsAcceptor, port: u16) -> std::io::Result<()> {
    client.read_exact(&mut [0; 8]).await?;
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
