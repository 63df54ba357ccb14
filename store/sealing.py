"""Secrets the hub must be able to read again, sealed with a key that lies beside the database.

A copy of the database alone opens nothing; a backup needs ``server.key`` too, or the sealed keys
have to be made anew. Each use of the key derives its own, so that a seal is never a signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.disk import disk_errors, flush
from store.errors import Unavailable

log = logging.getLogger(__name__)

KEY_FILE = "server.key"
KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1."


class Sealing:
    """Seals and signs short texts with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise Unavailable("The server key", f"it has {len(key)} bytes instead of {KEY_BYTES}")
        self._cipher = AESGCM(_derived(key, "seal"))
        self._signing = _derived(key, "sign")

    def __repr__(self) -> str:
        return "Sealing(…)"

    def seal(self, text: str, purpose: str) -> str:
        """Return `text` encrypted and authenticated; it opens for the same `purpose` only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), purpose.encode())
        return _VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, purpose: str) -> str:
        """Return the text of a seal. Raises Unavailable for another key, purpose or damage."""
        try:
            if not sealed.startswith(_VERSION):
                raise binascii.Error("unknown version")
            raw = base64.b64decode(sealed.removeprefix(_VERSION), altchars=b"-_", validate=True)
            nonce, body = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, body, purpose.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unavailable(
                "A sealed key",
                f"it was not sealed with this server's {KEY_FILE}; restore that file or make new "
                "keys",
            ) from error

    def sign(self, text: str) -> str:
        """Return a signature of `text`: 43 characters that fit into a URL."""
        mac = hmac.new(self._signing, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    def signed(self, text: str, signature: str) -> bool:
        """Whether `signature` was made by `sign` for this text; takes the same time either way."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode(errors="replace"))


def open_sealing(folder: Path) -> Sealing:
    """Return the seal of a data folder; its key file is made, readable to its owner only, if new.

    Processes that start together agree on one key. Raises Unavailable for a damaged file.
    """
    path = folder / KEY_FILE
    with disk_errors(str(path)):
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _make_key(path)
        if path.stat().st_mode & 0o077:
            log.warning("%s is readable to other accounts of this machine; use chmod 600", path)
        written = path.read_text("ascii", errors="replace").strip()
    try:
        key = base64.b64decode(written, altchars=b"-_", validate=True)
    except ValueError as error:
        raise Unavailable(
            "The server key", f"{path} is damaged; restore it from a backup"
        ) from error
    return Sealing(key)


def _make_key(path: Path) -> None:
    """Write a whole key under another name and link it into place; the first one to link wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _place(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    flush(path.parent)


def _place(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:
        # Some file systems have no hard links; renaming is whole too, only not exclusive.
        if not path.exists():
            draft.rename(path)


def _derived(key: bytes, use: str) -> bytes:
    """Return a key of its own for one use (one block of HKDF-Expand, RFC 5869)."""
    return hmac.new(key, f"imagehub {use}".encode() + b"\x01", hashlib.sha256).digest()
