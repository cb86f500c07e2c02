"""Gunzip no more than is wanted. Covered by tests/test_nifti.py."""

from __future__ import annotations

from pathlib import Path

from isal import isal_zlib

from brats_seg.errors import FileError

GZIP = b"\x1f\x8b"
"""First bytes of a gzip file."""
MEMBER = 31
"""Of zlib: a gzip header, and the largest window."""


def is_gzip(data: bytes) -> bool:
    """Whether bytes are those of a gzip file, whatever its name."""
    return data.startswith(GZIP)


def unzip_start(data: bytes, count: int) -> bytes:
    """The first bytes of the content.

    Args:
        data: The beginning of a gzip file.
        count: How many bytes at most.

    Returns:
        As many of them as the data hold.
    """
    start = b""
    while is_gzip(data) and len(start) < count:
        member = isal_zlib.decompressobj(wbits=MEMBER)
        start += member.decompress(data, count - len(start))
        data = member.unused_data
    return start


def unzip(path: Path, data: bytes, most_bytes: int) -> bytes:
    """The whole content, after the check of its sum.

    Args:
        path: Of the file, for the error.
        data: All of it; maybe several members, as bgzip writes them.
        most_bytes: A longer content is refused before it takes memory.

    Returns:
        The content.

    Raises:
        FileError: The content is longer.
        EOFError: The file is cut short.
    """
    parts: list[bytes] = []
    left = most_bytes
    while is_gzip(data):
        member = isal_zlib.decompressobj(wbits=MEMBER)
        part = member.decompress(data, left + 1)
        left -= len(part)
        if left < 0:
            raise FileError(path, f"at most {most_bytes} bytes, as its header says", "more")
        if not member.eof:
            raise EOFError("it ends too early")
        parts.append(part)
        data = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)
