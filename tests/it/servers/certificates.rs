//! Certificates for servers on loopback, from an authority that nobody knows but the tests.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};

use super::{program, run};

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
        self.sign_with(names, |_| {})
    }

    /// A certificate for 127.0.0.1 that is changed before it is signed.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        self.sign_with(vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))], change)
    }

    fn sign_with(&self, names: Vec<SanType>, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "a server of the tests");
        params.subject_alt_names = names;
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let pem = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Certificate { pem, key: key.serialize_pem() }
    }
}

/// A self-signed certificate as `openssl req -x509` makes it, with these further arguments.
pub(crate) fn self_signed(arguments: &[&str]) -> Certificate {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path of text").to_owned();
    let (key, pem) = (path("key.pem"), path("certificate.pem"));
    let fixed =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", &key, "-out", &pem];
    run(Command::new(program("openssl")).args(fixed).args(arguments));
    let read = |path: &str| fs::read_to_string(path).expect("read");
    Certificate { pem: read(&pem), key: read(&key) }
}
