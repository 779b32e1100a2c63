"""Keys that the house makes for itself."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def kept_key(path: Path) -> bytes:
    """32 random bytes, made once and kept in this file, which its owner alone may read.

    Several processes may start at once: each writes its own, the first link wins, and nobody reads half a key.
    """
    if not path.exists():
        own = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        own.touch(mode=0o600)
        own.write_bytes(secrets.token_bytes(32))
        with suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_bytes()
