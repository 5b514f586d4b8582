"""How fast a job is, and how long it may still take, from what it has recorded."""

from __future__ import annotations

from dataclasses import dataclass

from vademecum.corpora.jobs import Job


@dataclass(frozen=True, slots=True)
class Pace:
    """Documents kept and passages embedded a second, and seconds left; None where nobody can know
    yet. Unchanged documents cost little, and count for neither rate; of what is left as many are
    taken to be unchanged as of what was read."""

    documents_per_s: float | None
    passages_per_s: float | None
    left_s: float | None


def pace_of(job: Job) -> Pace:
    """Over all runs of the job."""
    passed = job.report.get("seconds", 0.0)
    read, kept, embedded = (job.report.get(name, 0) for name in ("read", "kept", "embedded"))
    if not passed or not kept:
        return Pace(None, None, None)
    left = _left(job, read)
    return Pace(
        kept / passed,
        embedded / passed,
        None if left is None else passed * left / (1 - left),
    )


def _left(job: Job, read: int) -> float | None:
    """The share of the work still to do, in [0, 1)."""
    limit = job.source.get("limit")
    shares = [_share_by_bytes(job)]
    if limit:
        shares.append(max(0.0, 1 - read / limit))  # the files may hold less
    known = [share for share in shares if share is not None]
    return min(known) if known else None


def _share_by_bytes(job: Job) -> float | None:
    """By the bytes of files not read yet; of the one being read, by what others held a byte."""
    files = [file for file in job.files if file.state != "unchanged"]  # no work, and none done
    sizes = [file.size for file in files]
    if None in sizes or not sum(size or 0 for size in sizes):
        return None
    done = [file for file in files if file.state != "pending"]
    done_bytes = sum(file.size or 0 for file in done)
    done_read = sum(file.counts.get("read", 0) for file in done)
    if not done_bytes or not done_read:
        return None
    per_byte = done_read / done_bytes
    reading = [min(file.size or 0, file.counts.get("read", 0) / per_byte) for file in job.pending]
    total = sum(size or 0 for size in sizes)
    return min(1 - 1e-9, max(0.0, 1 - (done_bytes + sum(reading)) / total))
