"""What holds for every reader, and damaged files to hold it against."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from vademecum.corpora.document import Document, Record
from vademecum.corpora.readers import Reader
from vademecum.errors import DocumentRejected


def read_all(reader: Reader, path: Path, data: bytes) -> list[Record]:
    """Everything that a file with these bytes holds."""
    path.write_bytes(data)
    return list(reader.read(path))


def read_one(reader: Reader, path: Path, data: bytes | str) -> Document:
    """The one document in a file with this content, found sound."""
    records = read_all(reader, path, data.encode() if isinstance(data, str) else data)
    [document] = records
    assert isinstance(document, Document), document
    check(document)
    return document


def check(document: Document) -> None:
    """What any document must be: storable, and its sections and pages true."""
    text = document.text
    assert text.strip()
    text.encode()  # no half characters
    assert document.title
    assert "\n" not in document.title
    assert Document.from_json(document.to_json()) == document
    before = 0
    for section in document.sections:
        assert before <= section.start < section.end <= len(text)
        content = text[section.start : section.end]
        assert content == content.strip()
        before = section.end
    assert list(document.pages) == sorted(document.pages)
    assert all(0 <= start <= len(text) for start in document.pages)


def survives(reader: Reader, path: Path, data: bytes) -> None:
    """Reading ends in sound documents or in one clear line with a hint."""
    path.write_bytes(data)
    rejected: list[DocumentRejected] = []
    try:
        for record in reader.read(path):
            if isinstance(record, Document):
                check(record)
    except DocumentRejected as error:
        rejected.append(error)
    for told in rejected:
        assert told.message.startswith(f"{path.name}: ")
        assert "\n" not in told.message
        assert len(told.message) < 400
        assert told.hint


def spans(document: Document) -> list[tuple[str, str]]:
    """Each section's label and content."""
    return [(s.label, document.text[s.start : s.end]) for s in document.sections]


# Eight to the power of eight: 32 MB.
BOMB = b"<!DOCTYPE x [<!ENTITY a0 'ha'>%s]>&a8;" % b"".join(
    b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 8) for n in range(1, 9)
)


@st.composite
def damaged(draw: st.DrawFn, sound: bytes) -> bytes:
    """A sound file after a bad journey: bytes changed, lost, doubled, or cut off. Or with an evil
    mind: a piece of it repeated until it is deep, long or wide, entities within entities."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        what = draw(st.sampled_from(("flip", "drop", "double", "insert") * 8 + ("swell", "bomb")))
        if what == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "drop":
            del data[at : at + draw(st.integers(1, 40))]
        elif what == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 40))]
        elif what == "swell":
            piece = data[at : at + draw(st.integers(1, 40))]
            data[at:at] = piece * draw(st.sampled_from((100, 10_000, 30_000)))
        elif what == "bomb":
            data[at:at] = BOMB
        else:
            data[at:at] = draw(st.binary(max_size=8))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)
