"""A certificate authority of one folder, for the servers of tests: `openssl` makes its files."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from devstack import children
from devstack.children import Program
from devstack.errors import DevstackError

_SECONDS = 30.0
_DAYS = 2
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates; its own and all others are PEM files of its folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """What those who trust it are given."""
        return self.folder / "ca.pem"

    def found(self, name: str = "devstack") -> None:
        """Make the key and the certificate of the authority."""
        self.folder.mkdir(parents=True, exist_ok=True)
        subject = ("-subj", f"/CN={name}")
        self._openssl(
            "req", "-x509", *_NEW_KEY, *subject, "-days", str(_DAYS),
            "-keyout", "ca.key", "-out", self.certificate.name,
        )  # fmt: skip

    def sign(self, name: str, *, alternatives: str = "", days: int = _DAYS) -> Path:
        """Make a key and its certificate and return the file that holds both, the key first.

        `alternatives` are the names of a server as OpenSSL writes them: `IP:127.0.0.1`. With
        negative `days` it has expired.
        """
        extensions = ("-addext", f"subjectAltName={alternatives}") if alternatives else ()
        self._openssl(
            "req", "-new", *_NEW_KEY, "-subj", f"/CN={name}", *extensions,
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-copy_extensions", "copy",
            "-CA", self.certificate.name, "-CAkey", "ca.key", "-days", str(days),
            "-out", f"{name}.crt",
        )  # fmt: skip
        both = self.folder / f"{name}.pem"
        parts = (self.folder / f"{name}.{part}" for part in ("key", "crt"))
        both.write_text("".join(part.read_text() for part in parts))
        return both

    def _openssl(self, *arguments: str) -> None:
        log = self.folder / "openssl.log"
        openssl = shutil.which("openssl")
        if openssl is None:
            raise DevstackError("openssl is not installed: it makes the certificates of tests")
        program = Program(command=(openssl, *arguments), log=log, env={}, cwd=self.folder)
        children.run(program, doing="making certificates", timeout=_SECONDS)
