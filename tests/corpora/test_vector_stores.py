"""What every vector store promises, whichever it is: Chroma here, a Chroma server, Milvus."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from library_support import DIM, NAME, assert_sound, batch, document, filled, prepared, vector_of
from test_library_filters import corpus as varied
from vector_server_support import Server

from vademecum.corpora.document import Document, Filters
from vademecum.corpora.library import Library
from vademecum.corpora.store import Entry
from vademecum.corpora.vectors import Place, VectorStore, open_vectors
from vademecum.errors import IndexUnavailable, LibraryDamaged, UsageError


@dataclass
class Site:
    """Where a store is, and the server that is behind it, if one is."""

    place: str
    folder: Path
    server: Server | None = None

    def open(self, owner: str = "a1") -> VectorStore:
        return open_vectors(Place.parse(self.place), self.folder, owner)

    def fail(self) -> None:
        """Kill what is behind it at once, and start it again."""
        if self.server is not None:
            self.server.kill()
            self.server.start()


@pytest.fixture(scope="module", params=["chroma", "chroma-server", "milvus"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "chroma":
        yield Site("chroma", folder)
        return
    if request.param == "milvus" and importlib.util.find_spec("milvus_lite") is None:
        pytest.skip("milvus-lite is not installed: pip install 'vademecum[milvus]'")
    with Server(request.param, folder / "served") as server:
        yield Site(server.place, folder, server)


@pytest.fixture
def store(site: Site) -> Iterator[VectorStore]:
    opened = site.open()
    opened.create(1, DIM)
    opened.expect(1, 0)
    yield opened
    for corpus in (1, 2):
        opened.drop(corpus)
    opened.close()


def entries(*documents: Document, stamp: str = "") -> list[Entry]:
    return [
        Entry(passage, item, f"{item.content_hash()[:20]}{stamp}", vector)
        for item, passages, vectors in map(prepared, documents)
        for passage, vector in zip(passages, vectors, strict=True)
    ]


def many(count: int) -> list[Document]:
    return [document(n, f"Text number {n} is about the heart.") for n in range(count)]


def ids(found: Sequence[tuple[str, float]]) -> list[str]:
    return [passage_id for passage_id, _ in found]


def test_a_new_index_holds_nothing(store: VectorStore) -> None:
    assert store.count(1) == 0
    assert list(store.hashes(1)) == []
    assert store.query(1, vector_of("x"), 5, Filters()) == []
    assert store.vectors(1, ["pmid:1#0"]) == {}
    assert store.held(1, ["pmid:1#0"]) == []


def test_the_nearest_come_first_and_are_those_that_a_plain_loop_finds(store: VectorStore) -> None:
    made = entries(*many(60))
    store.apply(1, made, [])
    query = vector_of("a question")
    scores = {entry.passage_id: float(entry.vector @ query) for entry in made}
    best = sorted(set(scores.values()), reverse=True)[:5]
    found = store.query(1, query, 1_000, Filters())
    assert len(found) == len(made)
    assert sorted(dict(found).values(), reverse=True) == [score for _, score in found]
    for passage_id, score in found:
        assert score == pytest.approx(scores[passage_id], abs=2e-3)
    assert found[0][1] == pytest.approx(best[0], abs=2e-3)
    assert len(store.query(1, query, 3, Filters())) == 3


def test_what_is_held_is_told_by_id_hash_and_vector(store: VectorStore) -> None:
    made = entries(*many(5))
    store.apply(1, made, [])
    hashes = {entry.passage_id: entry.hash for entry in made}
    assert store.count(1) == len(made)
    assert dict(store.hashes(1)) == hashes
    asked = [made[3].passage_id, "pmid:99#0", made[0].passage_id]
    assert sorted(store.held(1, asked)) == sorted(
        (key, hashes[key]) for key in (asked[0], asked[2])
    )
    vectors = store.vectors(1, asked)
    assert sorted(vectors) == sorted([asked[0], asked[2]])
    np.testing.assert_allclose(vectors[asked[0]], made[3].vector, atol=1e-3)
    assert vectors[asked[0]].dtype == np.float32


FILTERS = [
    Filters(year_from=2010),
    Filters(year_to=2010),
    Filters(year_from=2000, year_to=2020),
    Filters(mesh=("Humans",)),
    Filters(mesh=("Humans", "高血压")),
    Filters(mesh=('a"b OR c',)),
    Filters(mesh=("Aged, 80 and over", "Diabetes Mellitus, Type 2")),
    Filters(mesh=("Absent",)),
    Filters(publication_types=("Review",)),
    Filters(publication_types=("Review", "Journal Article", "Absent")),
    Filters(languages=("eng",)),
    Filters(languages=("chi", "")),
    Filters(exclude_retracted=True),
    Filters(2000, 2020, ("Humans",), ("Review", "Journal Article"), ("eng", "chi"), True),
]


def test_filters_admit_what_filters_admit(store: VectorStore) -> None:
    documents = varied()
    store.apply(1, entries(*documents), [])
    for filters in FILTERS:
        admitted = {item.doc_id for item in documents if filters.admits(item)}
        found = ids(store.query(1, vector_of("q"), 1_000, filters))
        assert {passage_id.rpartition("#")[0] for passage_id in found} == admitted, filters


def test_what_comes_again_replaces_what_was_with_all_its_facts(store: VectorStore) -> None:
    old = document(1, mesh=["Stroke"], types=["Review"])
    new = document(1, "Warfarin is compared with heparin.", date="", language="chi")
    store.apply(1, entries(old, document(2)), [])
    store.apply(1, entries(new), [])
    store.apply(1, entries(new), [])  # as after a kill: the same once more
    assert store.count(1) == 4
    assert {digest for key, digest in store.hashes(1) if key.startswith("pmid:1#")} == {
        entries(new)[0].hash
    }
    query = vector_of("x")
    for filters in (Filters(mesh=("Stroke",)), Filters(publication_types=("Review",))):
        assert store.query(1, query, 9, filters) == []
    assert len(store.query(1, query, 9, Filters(languages=("chi",)))) == 2
    (entry, *_) = entries(new)
    assert ids(store.query(1, entry.vector, 1, Filters())) == [entry.passage_id]


def test_what_is_deleted_is_found_no_more(store: VectorStore) -> None:
    store.apply(1, entries(*many(10)), [])
    gone = [entry.passage_id for entry in entries(*many(4))]
    for _ in range(2):
        store.apply(1, [], [*gone, "pmid:77#0"])
        assert store.count(1) == 12
        assert not set(gone) & set(ids(store.query(1, vector_of("x"), 100, Filters())))
        assert store.held(1, gone) == []
        assert store.vectors(1, gone) == {}


def test_a_corpus_is_apart_from_the_others_and_from_those_of_other_libraries(site: Site) -> None:
    here, there = site.open("a1"), site.open("b2" if site.server else "a1")
    other = 1 if site.server else 2
    here.create(1, DIM)
    there.create(other, DIM)
    try:
        here.apply(1, entries(document(1)), [])
        there.apply(other, entries(document(2), document(3)), [])
        there.expect(other, 0)
        here.drop(1)
        with pytest.raises(LibraryDamaged):
            here.count(1)
        assert there.count(other) == 4
        there.create(other, DIM)  # what was there goes
        assert there.count(other) == 0
    finally:
        here.drop(1)
        there.drop(other)
        here.close()
        there.close()


def test_an_index_that_is_missing_is_said_to_be(site: Site) -> None:
    store = site.open()
    store.drop(9)  # nothing there is no error
    for use in (
        lambda: store.count(9),
        lambda: store.query(9, vector_of("x"), 1, Filters()),
        lambda: store.apply(9, entries(document(1)), []),
        lambda: list(store.hashes(9)),
    ):
        with pytest.raises(LibraryDamaged, match="missing"):
            use()
    store.close()


def test_much_at_once_is_taken_in_and_found(site: Site) -> None:
    """More than any of them takes in one call, and enough for Chroma to write its graph down."""
    rng = np.random.default_rng(0)
    template = entries(document(1))[0]
    made = [
        Entry(replace(template.passage, ordinal=at), template.document, f"h{at}", vector)
        for at, vector in enumerate(rng.standard_normal((6_000, DIM)).astype(np.float32))
    ]
    store = site.open()
    store.create(1, DIM)
    try:
        store.expect(1, len(made))
        for at in range(0, len(made), 3_000):
            store.apply(1, made[at : at + 3_500], [])
        store.expect(1, 0)
        store.close()
        site.fail()
        assert store.count(1) == len(made)
        for entry in made[::1_500]:
            assert ids(store.query(1, entry.vector, 1, Filters())) == [entry.passage_id]
        store.apply(1, [], [entry.passage_id for entry in made[100:]])
        assert store.count(1) == 100
        store.compact()
        assert store.count(1) == 100
        assert ids(store.query(1, made[50].vector, 1, Filters())) == [made[50].passage_id]
    finally:
        store.drop(1)
        store.close()


def test_what_was_applied_is_there_after_a_kill(site: Site, store: VectorStore) -> None:
    made = entries(*many(20))
    store.apply(1, made, [])
    store.apply(1, [], [made[0].passage_id])
    if site.server is None:
        store.close()
        store = site.open()
    site.fail()
    store.close()
    assert store.count(1) == len(made) - 1
    assert len(store.query(1, vector_of("x"), 100, Filters())) == len(made) - 1


def test_a_server_that_is_away_is_one_clear_error_until_it_is_back(
    site: Site, store: VectorStore
) -> None:
    if site.server is None:
        pytest.skip("there is no server behind it")
    store.apply(1, entries(document(1)), [])
    site.server.kill()
    began = time.monotonic()
    try:
        for use in (
            lambda: store.count(1),
            lambda: store.query(1, vector_of("x"), 1, Filters()),
            lambda: site.open().count(1),
        ):
            with pytest.raises(IndexUnavailable) as away:
                use()
            assert site.place.removeprefix("milvus:") in away.value.message
            assert "vademecum corpus vectors chroma" in away.value.hint
        assert time.monotonic() - began < 60
    finally:
        site.server.start()
    assert soon(lambda: store.count(1)) == 2


def soon(use: Callable[[], int]) -> int:
    """What it gives once the server listens again, which may be a moment after its port does."""
    until = time.monotonic() + 60
    while True:
        try:
            return use()
        except IndexUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def test_a_library_lives_on_any_of_them(site: Site, tmp_path: Path) -> None:
    with Library.open(tmp_path, vectors=site.place) as library:
        library.create_corpus(NAME, embedder="hash", dim=DIM, fingerprint="split-1")
        library.commit(NAME, batch(*many(30)))
        library.commit(NAME, batch(document(1, "Heparin works."), delete=[2, 3]))
        wanted = prepared(many(30)[17])[1][0]
        hits = library.search_dense(NAME, vector_of(wanted.text), 5)
        assert hits[0].passage == wanted
        assert_sound(library, 56)
    with Library.open(tmp_path) as library:  # it remembers where
        assert library.place == site.place
        library._indexes.vectors.apply(1, [], ["pmid:5#0"])
        assert any("pmid:5#0" in problem for problem in library.verify(NAME).problems)
        library.rebuild(NAME)
        assert_sound(library, 56)
        library.delete_corpus(NAME)


def test_a_library_moves_and_is_never_served_from_elsewhere(site: Site, tmp_path: Path) -> None:
    if site.server is None:
        pytest.skip("it moves there and back with the others")
    filled(tmp_path, *many(10)).close()
    with pytest.raises(UsageError, match="in chroma, not in") as elsewhere:
        Library.open(tmp_path, vectors=site.place)
    assert f"vademecum corpus vectors {site.place}" in elsewhere.value.hint
    with Library.open(tmp_path) as library:
        library.place_vectors(site.place)
        assert_sound(library, 20)
    shutil.rmtree(tmp_path / "chroma")
    with Library.open(tmp_path, vectors=site.place) as library:
        assert_sound(library, 20)
        site.server.kill()
        try:
            with pytest.raises(IndexUnavailable):
                library.search_dense(NAME, vector_of("x"), 5)
            library.place_vectors("chroma")  # the server is not needed to leave it
        finally:
            site.server.start()
        assert_sound(library, 20)
        assert library.place == "chroma"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "somewhere",
        "ftp://host:1",
        "http://",
        "http://host:port",
        "http://a b",
        "milvus:",
        "milvus:x",
    ],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        Place.parse(text)
    assert "milvus:http://HOST:PORT" in refused.value.hint


def test_a_place_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    file = f"milvus:{tmp_path}/vectors.db"
    for text in ("chroma", "http://127.0.0.1:8000", "milvus:https://host:19530", file):
        assert str(Place.parse(text)) == text
    assert not Place.parse("http://localhost:8000").remote
    assert not Place.parse("milvus:http://[::1]:8000").remote
    assert not Place.parse(file).remote
    assert Place.parse("milvus:http://10.0.0.7:19530").remote


def test_no_password_is_kept_in_the_library() -> None:
    with pytest.raises(UsageError) as refused:
        Place.parse("milvus:http://root:secret@host:19530")
    assert "VADEMECUM_VECTORS_TOKEN" in refused.value.hint
    assert "secret" not in refused.value.message
