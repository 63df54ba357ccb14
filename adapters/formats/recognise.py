"""Which format a file is in, told from its first bytes.

Formats that the hub does not read are recognised as well, so that the refusal can name them: a
person who sends a CZI file should read "CZI" and not "unknown".
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from store.errors import Invalid, Unsupported

Format = Literal["TIFF", "PNG", "JPEG", "OME-Zarr"]

ACCEPTED = "TIFF, OME-TIFF, PNG, JPEG, OME-Zarr folders"

_READ: tuple[tuple[bytes, Format], ...] = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
)
_SUFFIXES: dict[str, Format] = {
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".tf8": "TIFF",
    ".btf": "TIFF",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
}
_REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"ZISRAWFILE", "Zeiss CZI"),
    (0, b"\xda\xce\xbe\x0a", "Nikon ND2"),
    (0, b"\x70\0\0\0", "Leica LIF"),
    (128, b"DICM", "DICOM"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5 (Imaris IMS and others)"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE container (OIB, ZVI and others)"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (8, b"WEBP", "WebP"),
    (4, b"ftyp", "MP4, AVIF or HEIF"),
    (344, b"n+1\0", "NIfTI"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"P5", "PGM"),
    (0, b"P6", "PPM"),
    (0, b"8BPS", "Photoshop PSD"),
    (0, b"%PDF", "PDF"),
    (0, b"\x93NUMPY", "NumPy"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"7z\xbc\xaf", "7z"),
    (0, b"SQLite format 3\0", "SQLite"),
    (0, b"<?xml", "XML"),
    (0, b"<!DOCTYPE html", "HTML"),
)


def recognise(path: Path, name: str) -> Format:
    """Return the format of a file or folder.

    Raises
    ------
    Unsupported
        For another format; the message says which, and what is accepted.
    Invalid
        For an empty file, one that cannot be opened, or one whose content is not what a known
        ending of its name promises.
    """
    if path.is_dir():
        return "OME-Zarr"
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise Invalid("file", f"{name} cannot be opened: {error.strerror}") from error
    if not head:
        raise Invalid("file", f"{name} is empty (0 bytes); send the file again")
    for magic, found in _READ:
        if head.startswith(magic):
            return found
    for offset, magic, other in _REFUSED:
        if head[offset:].startswith(magic):
            raise Unsupported(
                f"{name} is {other}, which the hub does not read; it reads {ACCEPTED}.",
                format=other,
            )
    promised = _SUFFIXES.get(Path(name).suffix.lower())
    beginning = head[:8].hex(" ")
    if promised:
        raise Invalid(
            "file", f"{name} is named as {promised} but is none: it begins with bytes {beginning}"
        )
    raise Unsupported(
        f"{name} is in no format the hub knows: it begins with bytes {beginning}."
        f" It reads {ACCEPTED}.",
        format=None,
    )
