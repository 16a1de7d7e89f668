"""A certificate authority of this cloud's own, and a certificate for every name it is called by.

The authority's key never leaves its directory: `ca.pem` there is what clients are told to trust. Certificates for
server names are made when TLS clients first ask for them (SNI, RFC 6066), and kept there for the next start.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from .exchange import log

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

DEFAULT_NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1")
PROTOCOLS = ["h2", "http/1.1"]

AUTHORITY_DAYS = 3650
LEAF_DAYS = 397
"""Browsers take no longer ones (CA/Browser Forum, Baseline Requirements, 6.3.2)."""
RENEWAL_DAYS = 30
KEPT = 512
"""Certificates kept in memory, and as many on disk: clients choose the names."""

_NAME = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


class Certificates:
    """TLS contexts for server names, signed by the authority in a directory; made when first needed."""

    def __init__(self, directory: Path, names: tuple[str, ...] = DEFAULT_NAMES) -> None:
        self._directory = directory
        self._names = names
        self._making = threading.Lock()
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self.ready: ssl.SSLContext | None = None
        """What `context` returns, if it need not be made."""

    @property
    def authority(self) -> Path:
        """The certificate, in PEM, that clients have to trust."""
        self._ensure_authority()
        return self._directory / "ca.pem"

    def context(self) -> ssl.SSLContext:
        """The context to accept connections with: it turns to another for each name that clients ask for."""
        with self._making:
            if self.ready is None:
                context = self._context_of("default", self._names)
                context.sni_callback = self._choose
                self.ready = context
            return self.ready

    def context_for(self, name: str) -> ssl.SSLContext:
        """The context with a certificate for a server name; ValueError if that is no name."""
        name = name.lower().rstrip(".")
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a server name")
        if name in self._names:  # a wildcard is not enough: OpenSSL heeds none right below a top-level domain
            return self.context()
        with self._making:
            if name not in self._contexts:
                self._contexts[name] = self._context_of(_stem(name), (name,))
            self._contexts.move_to_end(name)
            while len(self._contexts) > KEPT:
                self._contexts.popitem(last=False)
            return self._contexts[name]

    # Contexts

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, default: ssl.SSLContext
    ) -> int | None:
        if name is None:
            return None
        try:
            connection.context = self.context_for(name)
        except ValueError:
            return None  # an address, say: let the client judge the default certificate
        except Exception:
            log.exception("no certificate for %s", name)
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    def _context_of(self, stem: str, names: tuple[str, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(PROTOCOLS)
        context.load_cert_chain(self._leaf(stem, names))
        return context

    # Files

    def _leaf(self, stem: str, names: tuple[str, ...]) -> Path:
        """The file with key and certificate for these names, made anew if missing, old, or another authority's."""
        self._ensure_authority()
        issuer = hashlib.sha256((self._directory / "ca.pem").read_bytes()).hexdigest()[:16]
        file = self._directory / "leaves" / f"{stem}.pem"
        now = time.time()
        if not _usable(file, issuer, names, now):
            with self._locked():
                pem = _make_leaf(self._directory, names, now)
                label = _label(issuer, names, now + LEAF_DAYS * 86400)
                _write(file, label + pem)
                _prune(file.parent)
        return file

    def _ensure_authority(self) -> None:
        certificate, key = self._directory / "ca.pem", self._directory / "ca-key.pem"
        if certificate.exists() and key.exists():
            return
        with self._locked():
            if not (certificate.exists() and key.exists()):
                key_pem, certificate_pem = _make_authority(time.time())
                _write(key, key_pem)
                _write(certificate, certificate_pem, 0o644)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Only one process at a time makes files here."""
        (self._directory / "leaves").mkdir(parents=True, exist_ok=True)
        with (self._directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _stem(name: str) -> str:
    """A file name for a server name, which may be longer than file names are."""
    return f"name-{name}" if len(name) < 200 else f"name-{hashlib.sha256(name.encode()).hexdigest()}"


def _label(issuer: str, names: tuple[str, ...], expires: float) -> bytes:
    """A first line for a leaf's file, which says all that decides on its use: PEM readers skip it (RFC 7468, 2)."""
    return f"authority {issuer} until {int(expires)} for {' '.join(names)}\n".encode()


def _usable(file: Path, issuer: str, names: tuple[str, ...], now: float) -> bool:
    try:
        with file.open("rb") as leaf:
            label = leaf.readline()
        expires = int(label.split()[3])
    except (OSError, ValueError, IndexError):
        return False
    return label == _label(issuer, names, expires) and expires > now + RENEWAL_DAYS * 86400


def _write(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that is whole or not there."""
    temporary = file.with_name(f".writing-{os.getpid()}-{threading.get_ident()}")
    temporary.unlink(missing_ok=True)
    try:
        with open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, mode)) as output:
            output.write(content)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _prune(directory: Path) -> None:
    leaves = sorted(directory.glob("name-*.pem"), key=lambda leaf: leaf.stat().st_mtime)
    for leaf in leaves[:-KEPT]:
        leaf.unlink(missing_ok=True)


# Keys and certificates


def _make_authority(now: float) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = _named(f"Pileus local authority {os.urandom(4).hex()}")
    usage = _usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        _certificate(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _key_pem(key), _signed(certificate, key)


def _make_leaf(directory: Path, names: tuple[str, ...], now: float) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    signer = load_pem_private_key((directory / "ca-key.pem").read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey) or signer.public_key() != authority.public_key():
        raise ValueError(f"ca-key.pem in {directory} is not the key of ca.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _certificate(_named(names[0][:64]), authority.subject, key.public_key(), now, LEAF_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return _key_pem(key) + _signed(certificate, signer)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePublicKey, now: float, days: int
) -> x509.CertificateBuilder:
    from cryptography import x509

    start = datetime.fromtimestamp(now, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))  # clocks differ
        .not_valid_after(start + timedelta(days=days))
    )


def _named(common_name: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    import ipaddress

    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(**granted: bool) -> x509.KeyUsage:
    from cryptography import x509

    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{usage: granted.get(usage, False) for usage in every.split()})


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _signed(certificate: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.sign(key, SHA256()).public_bytes(Encoding.PEM)
