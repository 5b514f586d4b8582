"""PDF files written for these tests: text at places, in Helvetica."""

from __future__ import annotations

from collections.abc import Sequence

Text = tuple[float, float, float, str]  # x, y from the bottom, size, text

IMAGE = (
    b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray "
    b"/BitsPerComponent 8 /Length 1 >>\nstream\n\x80\nendstream"
)
SCAN = b"q 500 0 0 700 50 50 cm /I Do Q"
# Two columns of text.
LEFT = (
    "Rest after exercise is held to be of use",
    "in people of all ages. We asked if that is",
    "so in those who are older than seventy",
    "years, in whom exercise itself is not com-",
    "mon. For this we followed four hundred",
    "people over two years and took their",
    "pulse in the morning of each first day.",
)
RIGHT = (
    "the pulse fell by six beats in those who",
    "rested and by two in those who did not,",
    "which is a difference that could be due",
    "to chance alone. Nobody was harmed, and",
    "most people said that they would rest",
    "again. Our study was small, and we did",
    "not ask how long they had been resting.",
)


def page(*texts: Text) -> bytes:
    """The content of a page, in the order given."""
    shown = []
    for x, y, size, text in texts:
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        shown.append(f"BT /F {size} Tf {x} {y} Td ({escaped}) Tj ET")
    return "\n".join(shown).encode("cp1252")


def lines(x: float, top: float, *texts: str, size: float = 10, step: float = 12) -> list[Text]:
    """Lines below each other."""
    return [(x, top - step * at, size, text) for at, text in enumerate(texts)]


def pdf(pages: Sequence[bytes], title: str = "", rotate: int = 0, trailer: str = "") -> bytes:
    """A file of these pages on Letter paper."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        IMAGE,
        f"<< /Title ({title}) >>".encode(),
    ]
    kids = []
    for content in pages:
        number = len(objects) + 1
        kids.append(f"{number} 0 R")
        resources = "<< /Font << /F 3 0 R >> /XObject << /I 4 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Rotate {rotate} "
            f"/Contents {number + 1} 0 R /Resources {resources} >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    data = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    for place in places:
        data += f"{place:010} 00000 n \n".encode()
    data += (
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R {trailer} >>\n"
        f"startxref\n{start}\n%%EOF\n"
    ).encode()
    return bytes(data)
