"""Memory that was freed by threads goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Five threads take 20 MB each in pieces, let go of all and end. A large piece was let go of before,
# as by any program that computes: from then on glibc keeps up to 64 MB free at an arena's end.
THREADS = """
import sys, threading
from pathlib import Path
from vademecum.corpora.memory import share_arena, trim

def anonymous():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))

def take():
    together.wait()
    held = [bytearray(60_000) for _ in range(350)]
    together.wait()
    held.clear()

if "share" in sys.argv:
    share_arena()
together = threading.Barrier(5)
large = bytearray(30 << 20)
del large
before = anonymous()
threads = [threading.Thread(target=take) for _ in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
trim()
print(anonymous() - before)
"""


def kept(*how: str) -> int:
    """Kilobytes that are left of what the threads took."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", THREADS, *how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep little")
def test_what_threads_let_go_of_is_given_back_where_they_share_an_arena() -> None:
    assert kept("share") < 10_000
    assert kept() > 40_000  # the reason why they should
