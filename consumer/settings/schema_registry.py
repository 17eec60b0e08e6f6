"""Where the schemas of a cluster's topics are kept, and how to reach it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, model_validator

from consumer.settings.shape import ReadableFile, SecretFile, Shape, secret_in


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must start with http:// or https://, and name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold credentials: set username and password_file")
    return text.rstrip("/")


class SchemaRegistrySettings(Shape):
    """A schema registry that speaks Confluent's REST API."""

    url: Annotated[str, AfterValidator(_url)]
    """As in `https://registry:8081`, with the path of the API where it has one: of Apicurio `/apis/ccompat/v7`."""

    username: str | None = None
    """The user of basic authentication."""

    password: SecretStr | None = None
    """Better as `${REGISTRY_PASSWORD}`, from the environment, or in a file: see `password_file`."""

    password_file: SecretFile | None = None
    """A file that holds the password, such as a mounted Kubernetes secret."""

    token: SecretStr | None = None
    """A bearer token, in place of a user."""

    token_file: SecretFile | None = None
    """A file that holds the token. It is read for each question, so whatever renews the token needs only write it."""

    logical_cluster: str | None = None
    """With a token: the cluster that Confluent Cloud asks for (`lsrc-...`)."""

    identity_pool: str | None = None
    """With a token: the identity pool that Confluent Cloud asks for (`pool-...`)."""

    ca_file: ReadableFile | None = None
    """The certificates of the authority that signed the registry's own, in PEM; what browsers trust where nothing is said."""

    certificate_file: ReadableFile | None = None
    """Our own certificate, in PEM, where the registry asks for one."""

    key_file: SecretFile | None = None
    """The key of our certificate, where it does not stand in the same file."""

    @model_validator(mode="after")
    def _goes_together(self) -> SchemaRegistrySettings:
        if wrong := "; ".join(self._wrong()):
            raise ValueError(wrong)
        return self

    def _wrong(self) -> Iterator[str]:
        for name, of_file in (("password", "password_file"), ("token", "token_file")):
            if getattr(self, name) is not None and getattr(self, of_file) is not None:
                yield f"takes either {name} or {of_file}, and has both"
        has_password = self.password is not None or self.password_file is not None
        has_token = self.token is not None or self.token_file is not None
        if has_password and self.username is None:
            yield "has a password and no username"
        if self.username is not None and not has_password:
            yield "has a username and no password: set password_file"
        if self.username is not None and ":" in self.username:
            yield "has a colon in its username, which basic authentication cannot tell from the password"
        if has_password and has_token:
            yield "takes either a password or a token, and has both"
        if not has_token and (self.logical_cluster or self.identity_pool):
            yield "has a logical_cluster or an identity_pool, which go with a token, and none"
        if self.key_file is not None and self.certificate_file is None:
            yield "has a key_file and no certificate_file"
        if self.url.startswith("http://") and (self.ca_file or self.certificate_file):
            yield "has certificates, and its url says http://: make it https://"

    @property
    def properties(self) -> Mapping[str, Any]:
        """All that Confluent's client is told, secrets included; files are read anew, so it may raise `Misconfigured`."""
        files = {
            "ssl.ca.location": self.ca_file,
            "ssl.certificate.location": self.certificate_file,
            "ssl.key.location": self.key_file,
        }
        named = {name: str(path) for name, path in files.items() if path is not None}
        return {"url": self.url, **named, **self._credentials()}

    def _credentials(self) -> Mapping[str, str]:
        if self.username is not None:
            password = _secret(self.password, self.password_file)
            return {"basic.auth.user.info": f"{self.username}:{password}"}
        if self.token is None and self.token_file is None:
            return {}
        bearer = {
            "bearer.auth.credentials.source": "STATIC_TOKEN",
            "bearer.auth.token": _secret(self.token, self.token_file),
            "bearer.auth.logical.cluster": self.logical_cluster or "",
        }
        return bearer | (
            {"bearer.auth.identity.pool.id": self.identity_pool} if self.identity_pool else {}
        )


def _secret(value: SecretStr | None, file: SecretFile | None) -> str:
    if file is not None:
        return secret_in(file)
    return "" if value is None else value.get_secret_value()
