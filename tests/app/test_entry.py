"""The installed command ends quietly on Ctrl-C, from the moment it begins to load."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("pty")  # Windows interrupts otherwise

ROOT = Path(__file__).parents[2]
# A command that stops for a while: as it loads, as it works, or as it ends.
PAUSES = {
    "loads": """
import sys
class Slow:
    def find_spec(self, name, path, target=None):
        if name == "vademecum.app.cli":
            pause()
sys.meta_path.insert(0, Slow())
""",
    "begins": "import vademecum.app.cli as c; c.quieten = lambda: pause()",
    "works": "import vademecum.app.cli as c; c._flags_take_nothing = lambda _: pause()",
    "ends": "import vademecum.app.cli as c, atexit; atexit.register(lambda: pause())",
}
COMMAND = """
import time
def pause():
    print("now", flush=True)
    time.sleep(20)
{pause}
import sys
from vademecum.app.entry import main
sys.argv[1:] = ["--version"]
main()
"""


@pytest.mark.parametrize("moment", PAUSES)
def test_an_interrupt_ends_it_with_130_and_no_traceback(moment: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(pause=PAUSES[moment])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where these tests run in the background, interrupts are ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() != "now":
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert told.strip() in ("", "interrupted")


def test_who_had_interrupts_ignored_is_not_interrupted() -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "import vademecum.app.cli as c\n"
        "c.main = lambda: print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\n"
        "from vademecum.app.entry import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_it_is_what_is_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"vademecum": "vademecum.app.entry:main"}


def test_it_loads_nothing_but_what_it_needs_to_begin() -> None:
    code = (
        "import sys; before = set(sys.modules); import vademecum.app.entry\n"
        "print(*sorted({m.partition('.')[0] for m in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    third_party = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"vademecum"}
    assert not third_party
