"""The installed command ends quietly on Ctrl-C, from the moment it begins to load, and works with
streams that are closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("pty")  # Windows interrupts otherwise

ROOT = Path(__file__).parents[2]
VADEMECUM = Path(sys.executable).parent / "vademecum"
NOTHING_YET = "nothing was ingested yet: `vademecum ingest` does\n"
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
    "works": "import vademecum.app.cli as c; c._as_people_read_it = lambda _: pause()",
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


def test_it_ends_when_its_work_has_and_takes_nothing_apart() -> None:
    code = (
        "import atexit, os, sys, vademecum.app.cli as c\n"
        "class Loaded:\n"
        "    def __del__(self): os.write(1, b'taken apart')\n"
        "sys.loaded = Loaded()\n"
        "atexit.register(print, 'closed')\n"
        "def main():\n"
        "    print('done')\n"
        "    sys.exit(3)\n"
        "c.main = main\n"
        "from vademecum.app.entry import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "done\nclosed\n", "")


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


def closed(numbers: str, arguments: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """A command line run without some of its streams: "12" is `>&- 2>&-`."""
    shut = " ".join({"0": "<&-", "1": ">&-", "2": "2>&-"}[number] for number in numbers)
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {shut}', "sh", str(VADEMECUM), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "VADEMECUM_HOME": str(home)},
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("numbers", ["0", "1", "2", "01", "12", "012"])
@pytest.mark.parametrize("arguments", [["--version"], ["jobs"]])
def test_it_ends_well_without_a_stream(numbers: str, arguments: list[str], tmp_path: Path) -> None:
    done = closed(numbers, arguments, tmp_path)
    assert done.returncode == 0
    if "1" not in numbers and arguments == ["--version"]:
        assert done.stdout.startswith("vademecum ")
    if "2" not in numbers:
        assert done.stderr == ("" if arguments == ["--version"] else NOTHING_YET)


def test_errors_keep_their_exit_code_without_a_stream(tmp_path: Path) -> None:
    told = closed("1", ["jobs", "show", "7"], tmp_path)
    assert told.returncode != 0
    assert told.stderr.startswith("error: ")
    assert closed("2", ["jobs", "show", "7"], tmp_path).returncode == told.returncode


def test_a_file_that_is_opened_does_not_take_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    opens = (
        "import os, vademecum.app.cli as c\n"
        f"c.main = lambda: (open({str(mine)!r}, 'w'), os.write(1, b'lost'), os.system('echo'))\n"
        "from vademecum.app.entry import main; main()"
    )
    script = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", opens]
    subprocess.run(script, check=True, timeout=60)
    assert mine.read_text() == ""
