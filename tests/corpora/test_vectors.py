"""The filter language of Chroma, and what is kept beside a vector."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from library_support import NAME, batch, document, filled

from vademecum.corpora.document import Filters
from vademecum.corpora.vectors import where_of


def test_no_filter_is_no_condition() -> None:
    assert where_of(Filters()) is None


def test_one_condition_stands_alone_and_several_under_one_operator() -> None:
    assert where_of(Filters(year_from=2015)) == {"year": {"$gte": 2015}}
    assert where_of(Filters(publication_types=("Review",))) == {"types": {"$contains": "Review"}}
    both = where_of(Filters(year_from=2015, publication_types=("Review", "Letter"), mesh=("A",)))
    assert both == {
        "$and": [
            {"year": {"$gte": 2015}},
            {"mesh": {"$contains": "A"}},
            {"$or": [{"types": {"$contains": "Review"}}, {"types": {"$contains": "Letter"}}]},
        ]
    }


def test_more_passages_than_chroma_takes_at_once_are_cut_into_parts(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:

        class Small:
            """The real client, that takes two at a time."""

            def __init__(self, client: object) -> None:
                self._client = client

            def __getattr__(self, name: str) -> object:
                return getattr(self._client, name)

            def get_max_batch_size(self) -> int:
                return 2

        store = library._vectors
        store._client = Small(store._open())
        library.commit(NAME, batch(*[document(n) for n in range(2, 9)]))
        library.commit(NAME, batch(delete=list(range(2, 7))))
        assert library.verify(NAME).problems == []


def test_no_embedding_function_is_persisted_and_the_space_is_cosine(tmp_path: Path) -> None:
    filled(tmp_path, document(1)).close()
    connection = sqlite3.connect(tmp_path / "chroma" / "chroma.sqlite3")
    rows = connection.execute("SELECT name, config_json_str, schema_str FROM collections")
    name, configuration, schema = rows.fetchone()
    connection.close()
    assert name == "corpus-1"
    stored = (configuration or "") + (schema or "")
    assert '"cosine"' in stored
    assert "onnx" not in stored.lower()
    assert "default" not in json.dumps(json.loads(configuration or "{}")).lower()
