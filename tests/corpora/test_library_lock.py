"""One process owns a library; a second one is told who, and what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from holder_support import holding
from library_support import NAME, batch, document, filled

from vademecum.corpora.library import Library
from vademecum.corpora.lock import owner
from vademecum.errors import LibraryLocked

TRY = """
import sys
from pathlib import Path
from vademecum.corpora.library import Library
Library.open(Path(sys.argv[1])).close()
"""


def test_a_second_process_is_told_the_pid_and_the_ways_on(tmp_path: Path) -> None:
    with holding(tmp_path) as holder:
        with pytest.raises(LibraryLocked, match=f"process {holder.pid} ") as locked:
            Library.open(tmp_path)
        assert locked.value.hint == (
            "try again once it has ended, or end it: Ctrl-C in its terminal, "
            f"or `kill {holder.pid}`"
        )
    Library.open(tmp_path).close()


def test_who_serves_a_page_is_named_with_its_command_and_the_address(tmp_path: Path) -> None:
    typed = "sys.argv = ['/somewhere/bin/vademecum', '--debug', 'serve', 'of mine']"
    serving = "library.serving('http://127.0.0.1:7861')"
    with (
        holding(tmp_path, before=typed, once_open=serving) as holder,
        pytest.raises(LibraryLocked) as locked,
    ):
        Library.open(tmp_path)
    assert locked.value.message == (
        f"`vademecum serve` (process {holder.pid}) has the library {tmp_path} open"
    )
    assert "ask on its page, http://127.0.0.1:7861" in locked.value.hint
    assert "Ctrl-C in its terminal" in locked.value.hint
    assert "run this again" in locked.value.hint


def test_what_another_program_is_told_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/notebook", "secret"])
    with Library.open(tmp_path):
        assert json.loads((tmp_path / "library.owner").read_text())["command"] == ""


@pytest.mark.parametrize("page", ["", "http://127.0.0.1:7861"])
@pytest.mark.parametrize("where", [{"host": "elsewhere"}, {}])
def test_nobody_is_told_to_kill_what_may_be_on_another_machine(
    tmp_path: Path, where: dict[str, str], page: str
) -> None:
    with Library.open(tmp_path):
        owner = {"pid": os.getpid(), "page": page, **where}
        (tmp_path / "library.owner").write_text(json.dumps(owner))
        with pytest.raises(LibraryLocked, match=f"process {os.getpid()} ") as locked:
            Library.open(tmp_path)
    assert "Ctrl-C in its terminal" in locked.value.hint
    assert "kill" not in locked.value.hint


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    with holding(tmp_path) as holder:
        holder.kill()
    assert (tmp_path / "library.owner").exists()
    Library.open(tmp_path).close()


def test_opening_twice_in_one_process_is_a_clear_error(tmp_path: Path) -> None:
    with Library.open(tmp_path), pytest.raises(LibraryLocked, match="this process"):
        Library.open(tmp_path)
    with Library.open(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", TRY, str(tmp_path)], capture_output=True, text=True
        )
        assert f"process {os.getpid()}" in done.stderr  # with its command, where there is one


def test_closing_twice_is_no_error(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    library.close()
    library.close()
    Library.open(tmp_path).close()


# As a process is between a fork and its `exec`, where it has all that its parent has open.
STARTING = """
import os
import subprocess
for fd in map(int, os.listdir("/proc/self/fd")):
    try:
        os.set_inheritable(fd, True)
    except OSError:
        pass  # the listing's own
subprocess.Popen(["sleep", "0.3"], close_fds=False, stdout=subprocess.DEVNULL)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
def test_what_a_killed_process_was_starting_holds_up_nobody(tmp_path: Path) -> None:
    with holding(tmp_path, once_open=STARTING) as holder:
        holder.kill()
        holder.wait()
        Library.open(tmp_path).close()


class Overheard:
    """What is said of the owner whenever a task begins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.works: list[str] = []

    def start(self, task: str, total: int | None, unit: str) -> None:
        found = owner(self.folder)
        self.works.append("" if found is None else found.work)

    def advance(self, amount: int) -> None: ...
    def finish(self) -> None: ...
    def note(self, text: str) -> None: ...


def test_who_comes_is_told_of_work_that_ends_by_itself(tmp_path: Path) -> None:
    folder, out = tmp_path / "library", tmp_path / "out"
    with filled(folder) as library:
        library.serving("http://127.0.0.1:7861")
        heard = Overheard(folder)
        library.commit(NAME, batch(document(1)))  # makes the indexes
        library.commit(NAME, batch(document(2)))
        library.index(NAME, progress=heard)
        library.verify(NAME, progress=heard)
        library.rebuild(NAME, progress=heard)
        library.export_corpus(NAME, out, progress=heard)
        library.import_corpus(out, "copy", progress=heard)
        library.compact(progress=heard)
        assert list(dict.fromkeys(heard.works)) == [
            *(f"{what} {NAME}" for what in ("indexing", "verifying", "rebuilding", "exporting")),
            "importing a corpus",
            "compacting the library",
        ]
        found = owner(folder)
        assert found is not None
        assert (found.work, found.page) == ("", "http://127.0.0.1:7861")
        with library.at_work("reading files"):
            library.index(NAME)
            with pytest.raises(LibraryLocked, match="open already"):
                Library.open(folder)
            found = owner(folder)
            assert found is not None
            assert (found.work, found.page) == ("reading files", "http://127.0.0.1:7861")


def test_threads_at_several_works_leave_none_behind(tmp_path: Path) -> None:
    def told() -> str:
        found = owner(tmp_path)
        assert found is not None
        return found.work

    with filled(tmp_path) as library:
        first, second = library.at_work("verifying one"), library.at_work("rebuilding two")
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert told() == "rebuilding two"
        second.__exit__(None, None, None)
        assert told() == ""

        def work(number: int) -> None:
            for _ in range(30):
                with library.at_work(f"work {number}"):
                    pass

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert told() == ""


def test_a_library_that_was_closed_at_work_says_nothing_more(tmp_path: Path) -> None:
    library = filled(tmp_path)
    with library.at_work("verifying it"):
        library.close()
    assert owner(tmp_path) is None


def test_an_opening_that_brings_indexes_up_to_date_says_so(tmp_path: Path) -> None:
    library = filled(tmp_path)
    library.commit(NAME, batch(document(1)))  # makes the indexes
    library.commit(NAME, batch(document(2)))
    library.close()  # not in peace: what is pending waits
    heard = Overheard(tmp_path)
    Library.open(tmp_path, progress=heard).close()
    assert heard.works == ["bringing indexes up to date"]
