"""Run ids: UUIDs that sort by the time they were made (RFC 9562, version 7), so that a listing of a job's run
directories is its history. Must not know runs."""

from __future__ import annotations

import os


def new_id(wall: float) -> str:
    """48 bits of milliseconds, 74 bits of chance."""
    value = (int(wall * 1000) & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
