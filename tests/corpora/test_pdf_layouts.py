"""Tables on pages with one column and with two, and what stands around them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pdf_support import LEFT, RIGHT, Text, lines, page, pdf
from reader_support import read_one

from vademecum.corpora.readers.pdf import PdfReader

ROWS = (
    ("Outcome", "Rested", "Did not", "Ratio"),
    ("Stroke or embolism, any", "71", "88", "0.81"),
    ("Bleeding", "112", "164", "0.67"),
    ("Death", "201", "219", "0.92"),
    ("Fall of the pulse", "12 (3%)", "9 (2%)", "1.42"),
)
AT = (60.0, 240.0, 340.0, 450.0)  # cells; the text's columns stand at 60 and 320
CAPTION = "Table 2. Outcomes"


def table(
    top: float,
    rows: tuple[tuple[str, ...], ...] = ROWS,
    at: tuple[float, ...] = AT,
    caption: str = CAPTION,
) -> list[Text]:
    cells = [
        (x, top - 16 - 14 * number, 9, cell)
        for number, row in enumerate(rows)
        for x, cell in zip(at, row, strict=True)
    ]
    return [(at[0], top, 9, caption), *cells]


def columns(top: float) -> list[Text]:
    return [*lines(60, top, *LEFT), *lines(320, top, *RIGHT)]


def read(folder: Path, *texts: Text) -> str:
    return read_one(PdfReader(), folder / "a.pdf", pdf([page(*texts)])).text


def shown(rows: tuple[tuple[str, ...], ...] = ROWS) -> str:
    return "\n".join("  ".join(row) for row in rows)


def in_order(text: str, *parts: str) -> bool:
    at = 0
    for part in parts:
        at = text.find(part, at) + len(part)
        if at < len(part):
            return False
    return True


def test_of_one_column_the_rows_are_kept(tmp_path: Path) -> None:
    text = read(
        tmp_path, *lines(60, 700, *LEFT), *table(600), *lines(60, 500, "After it comes more text.")
    )
    assert in_order(text, "each first day.", CAPTION, shown(), "After it")


@pytest.mark.parametrize("at", [AT, (60.0, 330.0, 400.0, 480.0), (60.0, 190.0, 250.0, 400.0)])
def test_a_table_over_two_columns_is_read_row_by_row_wherever_it_stands(
    tmp_path: Path, at: tuple[float, ...]
) -> None:
    assert in_order(
        read(tmp_path, *table(700, at=at), *columns(580)),
        CAPTION, shown(), "Rest after", "each first day.", "the pulse fell", "been resting.",
    )  # fmt: skip
    assert in_order(
        read(tmp_path, *columns(700), *table(590, at=at)),
        "Rest after", "each first day.", "the pulse fell", "been resting.", CAPTION, shown(),
    )  # fmt: skip
    assert in_order(
        read(tmp_path, *columns(700), *table(590, at=at), *columns(490)),
        "Rest after", "the pulse fell", "been resting.", CAPTION, shown(),
        "Rest after", "the pulse fell",
    )  # fmt: skip


def test_a_table_longer_than_the_text_around_it_leaves_the_columns_alone(tmp_path: Path) -> None:
    rows = tuple((f"Outcome {n}", f"{n}", f"{n + 1}", f"0.{n}") for n in range(20))
    text = read(tmp_path, *columns(700), *table(590, rows))
    assert in_order(
        text,
        "Rest after",
        "each first day.",
        "the pulse fell",
        "been resting.",
        CAPTION,
        shown(rows),
    )


def test_long_labels_and_headings_of_rows_stay_in_the_table(tmp_path: Path) -> None:
    rows = (
        *ROWS[:2],
        ("and of the veins", "", "", ""),
        ROWS[2],
        ("Safety", "", "", ""),
        *ROWS[3:],
    )
    cells = [text for text in table(590, rows) if text[3]]
    text = read(tmp_path, *columns(700), *cells, *columns(450))
    kept = tuple(tuple(filter(None, row)) for row in rows)
    assert shown(kept) in text


@pytest.mark.parametrize("second", [CAPTION, ""])
def test_two_tables_in_two_columns_are_two(tmp_path: Path, second: str) -> None:
    left = tuple((name, rest, none) for name, rest, none, _ in ROWS)
    right = tuple((f"{name}*", f"9{rest}", none) for name, rest, none, _ in ROWS)
    right_table = table(590, right, (320.0, 460.0, 510.0), "Table 3. Harms")
    text = read(
        tmp_path,
        *columns(700),
        *table(590, left, (60.0, 200.0, 250.0)),
        *(right_table if second else right_table[1:]),
        *columns(490),
    )
    assert in_order(text, "each first day.", shown(left), "the pulse fell", shown(right))
    assert in_order(text, shown(left), "Rest after", "the pulse fell")  # below it, in its column


def test_two_tables_of_figures_are_told_by_their_captions(tmp_path: Path) -> None:
    left = tuple((name, rest) for name, rest, *_ in ROWS)
    right = tuple((f"{1990 + n}", f"{n}.5") for n in range(5))
    text = read(
        tmp_path,
        *columns(700),
        *table(590, left, (60.0, 210.0)),
        *table(590, right, (320.0, 400.0), "Table 3. Harms by year"),
        *columns(490),
    )
    assert in_order(text, shown(left), "the pulse fell", shown(right))


def test_a_table_in_one_column_stands_beside_the_text_of_the_other(tmp_path: Path) -> None:
    narrow = tuple((name, rest, ratio) for name, rest, _, ratio in ROWS)
    text = read(
        tmp_path,
        *lines(60, 700, *LEFT, *LEFT),
        *table(700, narrow, (320.0, 470.0, 520.0)),
        *lines(320, 600, *RIGHT),
    )
    assert in_order(text, "Rest after", "each first day.", CAPTION, shown(narrow), "the pulse fell")


def test_numbered_items_in_two_columns_are_no_table(tmp_path: Path) -> None:
    def items(x: float, first: int) -> list[Text]:
        names = ("Ito A. Rest.", "Li B. Sleep.", "Kim C. Pulse.", "Roe D. Age.", "Fox E. Walks.")
        return [
            text
            for n, name in enumerate(names)
            for text in ((x, 580 - 12 * n, 10, f"{first + n}."), (x + 30, 580 - 12 * n, 10, name))
        ]

    text = read(tmp_path, *columns(700), *items(60, 1), *items(320, 6))
    assert in_order(text, "1.  Ito", "5.  Fox", "the pulse fell", "6.  Ito", "10.  Fox")


def test_heads_and_feet_are_left_out_beside_a_table(tmp_path: Path) -> None:
    def numbered(number: int) -> bytes:
        head = [(60, 760, 8, "Journal"), (280, 760, 8, "Rest, vol. 12"), (500, 760, 8, "2023")]
        foot = (300, 30, 8, str(number))
        return page(*head, *columns(700), *table(590), *columns(490), foot)

    text = read_one(PdfReader(), tmp_path / "a.pdf", pdf([numbered(n) for n in range(1, 5)])).text
    assert text.count(shown()) == 4
    assert "Journal" not in text
