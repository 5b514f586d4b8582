"""Those who wait for a library, and what they ask of the job that has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vademecum.corpora.control import Control
from vademecum.corpora.waiting import Line


def test_a_wish_reaches_the_job_it_is_for(tmp_path: Path) -> None:
    control = Control(tmp_path)
    assert control.wish(3) is None
    control.ask(3, "pause")
    control.ask(3, "cancel")
    assert (control.wish(3), control.wish(4)) == ("cancel", None)
    control.clear()
    control.clear()
    assert control.wish(3) is None
    (tmp_path / "library.control").write_text("{half")
    assert control.wish(3) is None


STAND = """
import sys
from pathlib import Path
from vademecum.corpora.waiting import Line
with Line(Path(sys.argv[1])).standing("ingest"):
    print("standing", flush=True)
    sys.stdin.read()
"""


def test_who_waits_stands_in_line_until_it_goes_or_dies(tmp_path: Path) -> None:
    line = Line(tmp_path)
    assert line.standing_now() == []
    with subprocess.Popen(
        [sys.executable, "-c", STAND, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "standing\n"
        with line.standing("retry job 3") as ticket:
            both = line.standing_now()
            assert [(one.pid, one.wants) for one in both] == [
                (first.pid, "ingest"),
                (os.getpid(), "retry job 3"),
            ]
            assert both[1].name == ticket
            first.kill()
            first.wait()
            assert [one.pid for one in line.standing_now()] == [os.getpid()]
    assert line.standing_now() == []
    assert list((tmp_path / "queue").iterdir()) == []
