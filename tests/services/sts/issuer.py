"""Identity providers as tests run them: a real issuer of ID tokens on this machine, with or without TLS."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


class Issuer:
    """An OpenID Connect provider: what it publishes, and the tokens that it signs."""

    def __init__(self, server: ThreadingHTTPServer, secure: bool, thumbprint: str = "") -> None:
        self.url = f"{'https' if secure else 'http'}://localhost:{server.server_port}"
        self.thumbprint = thumbprint
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "first"
        self.asked = 0
        """How often somebody has fetched the keys."""

    @property
    def place(self) -> str:
        return self.url.partition("://")[2]

    def rotate(self) -> None:
        self.key, self.key_id = rsa.generate_private_key(public_exponent=65537, key_size=2048), "second"

    def documents(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [public | {"kid": self.key_id, "use": "sig", "alg": "RS256"}]},
        }

    def token(self, now: float, **claims: Any) -> str:
        """A token for the app, good for a minute."""
        usual = {"iss": self.url, "sub": "user-1", "aud": "app", "iat": now, "exp": now + 60}
        return jwt.encode(usual | claims, self.key, algorithm="RS256", headers={"kid": self.key_id})


@contextmanager
def issuing(folder: Path | None = None) -> Iterator[Issuer]:
    """An issuer; with a folder for its certificate it speaks TLS, by an authority that nobody knows."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thumbprint = ""
    if folder is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        thumbprint = certify(context, folder)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer = Issuer(server, folder is not None, thumbprint)
    server.issuer = issuer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        issuer: Issuer = self.server.issuer  # type: ignore[attr-defined]
        found = issuer.documents().get(self.path)
        issuer.asked += self.path == "/keys"
        content = json.dumps(found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        pass


def certify(context: ssl.SSLContext, folder: Path) -> str:
    """Give a server a certificate of an authority made for it; the authority's thumbprint."""
    authority = ec.generate_private_key(ec.SECP256R1())
    root = certificate("authority", authority, "authority", authority, authority=True)
    key = ec.generate_private_key(ec.SECP256R1())
    own = certificate("localhost", key, "authority", authority)
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (own, root)))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context.load_cert_chain(chain, secret)
    return hashlib.sha1(root.public_bytes(serialization.Encoding.DER)).hexdigest()


def certificate(subject: str, key: Any, issuer: str, signer: Any, authority: bool = False) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    return builder.sign(signer, hashes.SHA256())
