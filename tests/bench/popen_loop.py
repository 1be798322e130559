"""What an interpreter can do that only starts commands: popen_loop.py COUNT LIMIT PROBE LOG. Prints seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import time


def main() -> None:
    """Start them all, never more than LIMIT at once."""
    count, limit, probe, log = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    children: dict[int, subprocess.Popen[bytes]] = {}
    begin = time.monotonic()
    for number in range(count):
        child = subprocess.Popen([probe, log, str(number)], stdin=subprocess.DEVNULL, start_new_session=True)
        children[child.pid] = child
        while len(children) >= limit:
            reap(children)
    while children:
        reap(children)
    print(f"{time.monotonic() - begin:.6f}")


def reap(children: dict[int, subprocess.Popen[bytes]]) -> None:
    """Wait for one of them."""
    pid, status = os.wait()
    children.pop(pid).returncode = status


if __name__ == "__main__":
    main()
