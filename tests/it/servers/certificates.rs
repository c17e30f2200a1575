//! Certificates for servers on loopback, from an authority that nobody knows but the tests.

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};

/// Signs certificates.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for 127.0.0.1.
    pub(crate) fn for_loopback(&self) -> Certificate {
        self.for_address(Ipv4Addr::LOCALHOST)
    }

    /// A certificate for an address.
    pub(crate) fn for_address(&self, address: Ipv4Addr) -> Certificate {
        self.sign(vec![SanType::IpAddress(IpAddr::V4(address))])
    }

    /// A certificate for another host.
    pub(crate) fn for_host(&self, name: &str) -> Certificate {
        self.sign(vec![SanType::DnsName(name.try_into().expect("a name"))])
    }

    fn sign(&self, names: Vec<SanType>) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "a server of the tests");
        params.subject_alt_names = names;
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key");
        let pem = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Certificate { pem, key: key.serialize_pem() }
    }
}
