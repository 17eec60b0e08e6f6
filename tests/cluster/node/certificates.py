"""The keys and certificates of a node: one authority, and what it signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and of its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs the certificates of a node; `certificate` is the file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = trustme.CA()
        self.certificate = folder / "authority.crt"
        folder.mkdir(parents=True, exist_ok=True)
        self._made.cert_pem.write_to_path(str(self.certificate))

    def issue(self, name: str, *hosts: str, organization: str | None = None) -> Pair:
        """A certificate for these hosts, in the name of `name`; good for a server and for a client."""
        made = self._made.issue_cert(
            *(hosts or ("localhost",)), common_name=name, organization_name=organization
        )
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        pair.certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(pair.key))
        return pair


def signing_key(file: Path) -> Path:
    """A key with which the API server signs the tokens of service accounts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return file
