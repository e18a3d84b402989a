"""Ed25519 keys and signature files (RFC 8032); needs `pip install 'gpumix[sign]'`."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.errors import Fault, InputError
from optimizer.load.text import decode, parse_json, read_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LARGEST_KEY_BYTES = 100_000

PASSWORD_VARIABLE = "GPUMIX_KEY_PASSWORD"
"""Environment variable with the password of an encrypted private key."""

A_PRIVATE_KEY = "an Ed25519 private key, PEM or OpenSSH: openssl genpkey -algorithm ed25519 -out key.pem"
A_PUBLIC_KEY = "an Ed25519 public key, PEM or OpenSSH: openssl pkey -in key.pem -pubout -out public.pem"
A_SIGNATURE = "a signature as `gpumix sign` writes it"


@dataclass(frozen=True)
class Signature:
    """Who vouches for a digest."""

    algorithm: str
    plan_sha256: str
    public_key: str
    """The 32 raw bytes in Base64; only a hint which key signed, never a reason to trust it."""
    signature: str
    """The 64 raw bytes in Base64."""

    def as_data(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return asdict(self)


def message_of(plan_sha256: str) -> bytes:
    """Return the bytes that are signed: what is signed is said in them, so that no other signature passes for one."""
    return f"gpumix plan_sha256 {plan_sha256}\n".encode()


def sign(plan_sha256: str, key: Ed25519PrivateKey) -> Signature:
    """Sign a digest."""
    raw = key.public_key().public_bytes_raw()
    signature = key.sign(message_of(plan_sha256))
    return Signature("Ed25519", plan_sha256, *(base64.b64encode(part).decode() for part in (raw, signature)))


def why_not_signed(found: Signature, plan_sha256: str, key: Ed25519PublicKey) -> str | None:
    """Say why a signature does not vouch for a digest in the name of a key; None where it does."""
    from cryptography.exceptions import InvalidSignature

    if found.plan_sha256 != plan_sha256:
        return f"it is of another plan, {found.plan_sha256[:12]}; this one is {plan_sha256[:12]}"
    try:
        key.verify(base64.b64decode(found.signature, validate=True), message_of(plan_sha256))
    except (InvalidSignature, binascii.Error, ValueError):
        return "it was not made with the private half of this key"
    return None


def read_signature(path: Path) -> Signature:
    """Read a signature file.

    Raises:
        InputError: it cannot be read, or is no signature.
    """
    label = str(path)
    data = parse_json(decode(read_bytes(path, most=LARGEST_KEY_BYTES), label), label, A_SIGNATURE)
    names = Signature.__dataclass_fields__
    if not isinstance(data, dict) or set(data) != set(names) or not all(isinstance(one, str) for one in data.values()):
        raise InputError([Fault(label, "", "JSON with other keys", f"{A_SIGNATURE}: {', '.join(names)}")])
    if data["algorithm"] != "Ed25519":
        raise InputError([Fault(label, "algorithm", repr(data["algorithm"]), "Ed25519")])
    return Signature(**data)


def _primitives(option: str) -> Any:
    """Import what reads keys.

    Raises:
        InputError: it is not installed.
    """
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise InputError([Fault("options", option, "no library for signatures is installed",
                                "pip install 'gpumix[sign]'")]) from None
    return serialization


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key; an encrypted one with the password of the environment.

    Raises:
        InputError: it cannot be read, is none of Ed25519, its password is missing or wrong, or the library is missing.
    """
    from_pem = _primitives("--key")
    raw, password = read_bytes(path, most=LARGEST_KEY_BYTES), os.environ.get(PASSWORD_VARIABLE)
    secret = None if password is None else password.encode()
    read = from_pem.load_ssh_private_key if b"OPENSSH PRIVATE KEY" in raw else from_pem.load_pem_private_key
    key: Ed25519PrivateKey = _ed25519(path, lambda: read(raw, secret), "Ed25519PrivateKey", A_PRIVATE_KEY)
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        InputError: it cannot be read, is none of Ed25519, or the library is missing.
    """
    from_pem = _primitives("--signed-by")
    raw = read_bytes(path, most=LARGEST_KEY_BYTES)
    read = from_pem.load_ssh_public_key if raw.startswith(b"ssh-") else from_pem.load_pem_public_key
    key: Ed25519PublicKey = _ed25519(path, lambda: read(raw), "Ed25519PublicKey", A_PUBLIC_KEY)
    return key


def _ed25519(path: Path, read: Any, kind: str, allowed: str) -> Any:
    """Read a key that must be of one kind.

    Raises:
        InputError: it is another, or none; the message quotes nothing of a key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed25519

    try:
        key = read()
    except TypeError:  # a password where none is wanted, or none where one is
        allowed = f"the password in {PASSWORD_VARIABLE} if and only if the key is encrypted"
        raise InputError([Fault(str(path), "", "a key that this password does not open", allowed)]) from None
    except (ValueError, UnsupportedAlgorithm):
        raise InputError([Fault(str(path), "", "no key that can be read", allowed)]) from None
    if not isinstance(key, getattr(ed25519, kind)):
        raise InputError([Fault(str(path), "", "a key of another algorithm", allowed)])
    return key
