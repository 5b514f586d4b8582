"""Every code block of the README and of docs/ runs."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
PUBMED = """<?xml version="1.0"?>
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article>
<Journal><JournalIssue><PubDate><Year>2024</Year></PubDate></JournalIssue><Title>Trials</Title>
</Journal><ArticleTitle>{title}</ArticleTitle><Abstract><AbstractText>{text}</AbstractText>
</Abstract><Language>eng</Language><PublicationTypeList><PublicationType UI="D016449">Randomized
 Controlled Trial</PublicationType></PublicationTypeList></Article></MedlineCitation>
</PubmedArticle></PubmedArticleSet>
"""


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, its language, its text."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks() -> list[Block]:
    found: list[Block] = []
    for page in PAGES:
        text = page.read_text()
        for fence in FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            found.append(Block(page, line, fence[1], fence[2]))
    return found


def commands(block: Block) -> list[str]:
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


RUN = [block for block in blocks() if block.language in {"sh", "python"}]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, assets_home: Path) -> dict[str, str]:
    """The environment of somebody who follows the pages: one home, one folder with their files."""
    return newcomer(tmp_path_factory.mktemp("reader"), assets_home)


def newcomer(place: Path, assets_home: Path) -> dict[str, str]:
    """The environment of somebody whose library is empty, and has a folder with files."""
    home, folder = place / "home", place / "folder"
    home.mkdir()
    (folder / "papers").mkdir(parents=True)
    for name in ("assets", "models"):
        (home / name).symlink_to(assets_home / name, target_is_directory=True)
    (folder / "papers" / "note.md").write_text("# Statins\n\nStatins did not delay dementia.\n")
    for number, title in ((1, "Aspirin in pregnancy"), (2, "Statins and dementia")):
        text = f"{title}: we report the outcome of a trial of 400 people."
        record = PUBMED.format(pmid=number, title=title, text=text)
        (folder / f"pubmed25n000{number}.xml.gz").write_bytes(gzip.compress(record.encode()))
    return {
        **os.environ,
        "VADEMECUM_HOME": str(home),
        "VADEMECUM_MODEL": "tiny",  # what `auto` takes here must not decide how long tests run
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PWD": str(folder),
    }


def test_every_fence_has_a_language_that_is_run_or_shown() -> None:
    for block in blocks():
        assert block.language in {"sh", "python", "text"}, block


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in LINK.findall(page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_the_blocks_run_in_the_order_a_reader_meets_them(reader: dict[str, str]) -> None:
    assert RUN
    for block in RUN:
        if block.language == "python":
            _run([sys.executable, "-c", block.text], block, reader)
            continue
        for command in commands(block):
            if command.startswith("make "):
                # What it does is what runs this test, and the demo's own test.
                make = shutil.which("make")
                if make:
                    _run(
                        [make, "--dry-run", *command.split()[1:]],
                        block,
                        {**reader, "PWD": str(ROOT)},
                    )
                continue
            assert command.startswith("vademecum "), f"{block}: {command}"
            _run(["bash", "-c", command], block, reader)


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_who_has_run_the_demo_alone_can_run_the_example_of_the_readme(
    tmp_path: Path, assets_home: Path
) -> None:
    examples = [block for block in RUN if block.page.name == "README.md"]
    (python,) = [block for block in examples if block.language == "python"]
    env = newcomer(tmp_path, assets_home)
    demo = "vademecum demo --no-serve --limit 200 --model none"
    for command in (["bash", "-c", demo], [sys.executable, "-c", python.text]):
        _run(command, python, env)
    asked = [
        command
        for block in examples
        for command in commands(block)
        if command.startswith(("vademecum search", "vademecum corpus verify"))
    ]
    assert asked
    for command in asked:
        _run(["bash", "-c", command], python, env)


def _run(command: list[str], block: Block, env: dict[str, str]) -> None:
    done = subprocess.run(
        command, env=env, cwd=env["PWD"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{block}: {command[-1]}\n{done.stdout}\n{done.stderr}"
