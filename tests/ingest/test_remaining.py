"""How fast a job is, and when it will be done, as far as anybody can know."""

from __future__ import annotations

import pytest

from vademecum.corpora.jobs import Job, JobFile
from vademecum.ingest.remaining import Pace, pace_of


def job(*files: JobFile, limit: int | None = None, **report: float) -> Job:
    source = {"limit": limit}
    return Job(1, "trials", source, "", "running", "", "", "", "", report, files)


def done(number: int, size: int, read: int) -> JobFile:
    return JobFile(number, f"{number}.xml", "done", "", size, "", {"read": read})


def begun(number: int, size: int | None, read: int = 0) -> JobFile:
    counts = {"read": read} if read else {}
    return JobFile(number, f"{number}.xml", "pending", "", size, "", counts)


def test_nothing_is_known_before_anything_was_read() -> None:
    assert pace_of(job(begun(0, 100))) == Pace(None, None, None)
    assert pace_of(job(begun(0, 100), seconds=3.0, read=9, kept=0, embedded=0)) == Pace(
        None, None, None
    )


def test_what_is_left_of_the_first_file_nobody_knows() -> None:
    pace = pace_of(
        job(begun(0, 100, 50), begun(1, 100), seconds=10.0, read=50, kept=50, embedded=80)
    )
    assert pace == Pace(5.0, 8.0, None)


def test_files_read_tell_what_the_others_hold_by_their_bytes() -> None:
    files = [done(0, 100, 40), begun(1, 100, 20), begun(2, 200)]
    pace = pace_of(job(*files, seconds=15.0, read=60, kept=60, embedded=60))
    # 150 of 400 bytes in 15 seconds: 250 take 25 more.
    assert pace.left_s == pytest.approx(25.0)


def test_a_file_of_more_than_was_thought_is_not_read_beyond_its_end() -> None:
    files = [done(0, 100, 10), begun(1, 100, 500)]
    pace = pace_of(job(*files, seconds=10.0, read=510, kept=510, embedded=0))
    assert pace.left_s == pytest.approx(0.0, abs=1e-6)


def test_a_limit_that_is_nearer_than_the_end_counts() -> None:
    files = [done(0, 100, 40), begun(1, 900)]
    assert pace_of(job(*files, limit=80, seconds=10.0, read=40, kept=40, embedded=0)).left_s == (
        pytest.approx(10.0)
    )
    assert pace_of(job(*files, limit=4000, seconds=10.0, read=40, kept=40, embedded=0)).left_s == (
        pytest.approx(90.0)
    )


def test_files_that_are_still_to_be_fetched_have_no_size() -> None:
    files = [done(0, 100, 40), begun(1, None)]
    assert pace_of(job(*files, seconds=10.0, read=40, kept=40, embedded=0)).left_s is None
    assert pace_of(job(*files, limit=80, seconds=10.0, read=40, kept=40, embedded=0)).left_s == (
        pytest.approx(10.0)
    )


def test_unchanged_documents_count_for_no_rate_and_foretell_others() -> None:
    """Of half the bytes nine tenths were unchanged, and so they may be of the other half."""
    files = [done(0, 100, 100), begun(1, 100)]
    pace = pace_of(job(*files, seconds=10.0, read=100, kept=10, skipped=90, embedded=20))
    assert pace == Pace(1.0, 2.0, pytest.approx(10.0))
