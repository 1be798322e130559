"""SHA-256 of what was dropped, as the run log keeps it.

Owns where that is had from. The module behind `hashlib` is enough and takes 0.4 ms to load; all of `hashlib` brings
OpenSSL along, which is 4 MiB in a daemon that needs nothing else of it. Loaded with the spool and not when the first
file comes: what is loaded late can fail for want of descriptors.
"""

from __future__ import annotations

try:
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]
except ImportError:  # before Python 3.12
    try:
        from _sha256 import sha256  # type: ignore[import-not-found,no-redef,unused-ignore]
    except ImportError:
        from hashlib import sha256  # type: ignore[assignment,no-redef,unused-ignore]


def digest_of(raw: bytes) -> str:
    """In hexadecimal digits, as `sha256sum` prints it."""
    return str(sha256(raw).hexdigest())
