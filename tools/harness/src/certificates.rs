//! A private certificate authority, made when it is needed, for a PostgreSQL that speaks TLS.

use crate::postgres::{Cluster, connect};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

pub struct Certified {
    certificate: String,
    key: String,
}

impl Authority {
    /// All authorities have the same name; only their keys differ.
    pub fn new() -> Result<Self, rcgen::Error> {
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        root.distinguished_name.push(DnType::CommonName, "A private root");
        let key = KeyPair::generate()?;
        Ok(Self {
            pem: root.self_signed(&key)?.pem(),
            issuer: Issuer::new(root, key),
        })
    }

    /// For a server of this name and no other.
    pub fn certify(&self, host: &str) -> Result<Certified, rcgen::Error> {
        let mut server = CertificateParams::new(vec![host.to_owned()])?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        Ok(Certified {
            certificate: server.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

impl Certified {
    /// # Errors
    /// What the server or the file system said; a server that is built without TLS is one that says so.
    pub async fn install(&self, cluster: &Cluster) -> Result<(), String> {
        let said = |error: tokio_postgres::Error| {
            error
                .as_db_error()
                .map_or_else(|| error.to_string(), |error| error.message().to_owned())
        };
        let server = connect(&cluster.url("postgres")).await.map_err(said)?;
        let row = server
            .query_typed_one("show data_directory", &[])
            .await
            .map_err(said)?;
        let data: String = row.get(0);
        for (name, text) in [("server.crt", &self.certificate), ("server.key", &self.key)] {
            put(Path::new(&data), name, text).map_err(|error| format!("{name}: {error}"))?;
        }
        server
            .batch_execute("alter system set ssl = on")
            .await
            .map_err(said)?;
        server
            .batch_execute("select pg_reload_conf()")
            .await
            .map_err(said)
    }
}

/// Writes a file into a directory that only the directory's owner may read.
pub fn put(dir: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let (owner, file) = (std::fs::metadata(dir)?, dir.join(name));
    std::fs::write(&file, text)?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    chown(&file, Some(owner.uid()), Some(owner.gid()))
}
