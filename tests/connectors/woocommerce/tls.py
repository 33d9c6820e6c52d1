"""Stores over https on this machine, with certificates of an authority made up for the tests."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.recorded_store import RecordedStore

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        form = serialization.PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def sign(name: str, *, by: Signed | None = None, days: int = 30) -> Signed:
    """A certificate for ``name`` that ends in ``days``; without ``by`` it is signed by itself, as an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .sign((by.key if by else key), hashes.SHA256())
    )
    return Signed(built, key)


def over_tls(store: RecordedStore, signed: Signed, folder: Path) -> None:
    """Let a store that has not been started yet speak TLS with this certificate."""
    pem, key = folder / "store.pem", folder / "store.key"
    pem.write_bytes(signed.pem())
    key.write_bytes(signed.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    store._server.socket = context.wrap_socket(store._server.socket, server_side=True)
    store.url = store.url.replace("http://127.0.0.1", "https://localhost")
