//! A private certificate authority, made when the tests start.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its root certificate.
    pub pem: String,
}

/// What a server shows, and its key, as PEM.
pub struct Certified {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// All bear the same name: what tells them apart is the key.
    pub fn new() -> Self {
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        root.distinguished_name.push(DnType::CommonName, "A private root");
        let key = KeyPair::generate().unwrap();
        Self {
            pem: root.self_signed(&key).unwrap().pem(),
            issuer: Issuer::new(root, key),
        }
    }

    /// For a server of this name and no other.
    pub fn certify(&self, host: &str) -> Certified {
        let mut server = CertificateParams::new(vec![host.to_owned()]).unwrap();
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        Certified {
            certificate: server.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}
