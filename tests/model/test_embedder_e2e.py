"""The real embedder: the contract of `interface.TextEmbedder`, and that near means alike."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from vademecum.model.embedder import DEFAULT, EMBEDDERS, Embedder
from vademecum.model.interface import TextEmbedder
from vademecum.settings import Settings

pytestmark = pytest.mark.e2e

TEXTS = [
    "Metformin lowers blood glucose in type 2 diabetes.",
    "The court dismissed the appeal.",
    "A",
    "Aspirin inhibits platelet aggregation. " * 60,
    "高血压的治疗",
]


@pytest.fixture(scope="module")
def where(assets_home: Path) -> Settings:
    return Settings(home=assets_home, offline=False)


@pytest.fixture(scope="module")
def embedder(where: Settings) -> Embedder:
    return Embedder.load(settings=where)


def test_it_is_what_the_library_asks_for(embedder: Embedder) -> None:
    asked: TextEmbedder = embedder
    assert (asked.name, asked.dim, asked.max_tokens) == (DEFAULT, 384, 256)


def test_rows_are_of_norm_one_in_the_order_given(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        alone = embedder.embed_passages([text])[0]
        assert float(alone @ vector) > 0.999


def skip_where_int8_is_slow(embedder: Embedder) -> None:
    """A processor may be no good at int8; but the default embedder's int8 form is good enough."""
    assert "too far from float32" not in embedder.reason
    if not embedder.path.startswith("int8"):
        pytest.skip(embedder.reason)


def test_int8_is_near_float(embedder: Embedder, where: Settings) -> None:
    skip_where_int8_is_slow(embedder)
    other = Embedder.load(settings=where, precision="float")
    assert other.path.endswith("PyTorch, on the processor")
    near = (embedder.embed_passages(TEXTS) * other.embed_passages(TEXTS)).sum(axis=1)
    assert near.min() > 0.99
    assert embedder.count_tokens(TEXTS) == other.count_tokens(TEXTS)


def test_int8_starts_without_torch(embedder: Embedder, where: Settings) -> None:
    skip_where_int8_is_slow(embedder)
    code = """
import sys
from vademecum.model.embedder import Embedder
Embedder.load().embed_query("a")
print([name for name in ("torch", "transformers", "sentence_transformers") if name in sys.modules])
"""
    env = {**os.environ, "VADEMECUM_HOME": str(where.home)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_nothing_gives_nothing(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, 384)
    assert embedder.count_tokens([]) == []


def test_halves_of_characters_count_as_replaced(embedder: Embedder) -> None:
    halves, replaced = "a\ud800b", "a\ufffdb"
    assert embedder.count_tokens([halves]) == embedder.count_tokens([replaced])
    np.testing.assert_array_equal(embedder.embed_query(halves), embedder.embed_query(replaced))
    found, expected = (embedder.embed_passages([text]) for text in (halves, replaced))
    np.testing.assert_array_equal(found, expected)


def test_near_means_alike(embedder: Embedder) -> None:
    query = embedder.embed_query("Which drug treats high blood sugar?")
    assert query.shape == (384,)
    assert query.dtype == np.float32
    assert int(np.argmax(embedder.embed_passages(TEXTS) @ query)) == 0


def test_tokens_are_counted_whole_with_the_special_ones(embedder: Embedder) -> None:
    counts = embedder.count_tokens(["", "hello", TEXTS[3]])
    assert counts[:2] == [2, 3]
    assert counts[2] > embedder.max_tokens
    embedder.embed_passages([TEXTS[3]])
    assert embedder.count_tokens([TEXTS[3]]) == counts[2:]


def test_what_is_beyond_the_limit_does_not_count(embedder: Embedder) -> None:
    cut, longer = embedder.embed_passages([TEXTS[3], TEXTS[3] + " Sales rose in spring." * 20])
    assert float(cut @ longer) > 0.999


def test_threads_may_share_it(embedder: Embedder) -> None:
    expected = embedder.embed_passages(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: embedder.embed_passages(TEXTS), range(8)):
            np.testing.assert_allclose(found, expected, atol=1e-6)
        assert set(map(tuple, pool.map(lambda _: embedder.count_tokens(TEXTS), range(8)))) == {
            tuple(embedder.count_tokens(TEXTS))
        }


def test_loading_is_silent_and_asks_no_network(
    embedder: Embedder,
    where: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    again = Embedder.load(settings=where)
    again.embed_query("hello")
    assert capfd.readouterr() == ("", "")


def test_a_folder_can_be_named(where: Settings, embedder: Embedder) -> None:
    folder = where.assets / EMBEDDERS[DEFAULT].name
    named = Embedder.load(str(folder), settings=where, precision="float")
    assert (named.name, named.dim) == (str(folder), embedder.dim)
