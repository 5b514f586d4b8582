"""Real weights behind a real server: llama-cpp-python's, with the weights of `tiny`.

It is no dependency: without it these tests skip. `VADEMECUM_TEST_LLAMA` names a Python that has
`llama-cpp-python[server]`, where this one has not.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vademecum import assets
from vademecum.errors import ContextTooLong, ModelError
from vademecum.model.completions import estimate_tokens
from vademecum.model.interface import Finished, GenerationOptions, Message, Token
from vademecum.model.presets import preset
from vademecum.model.remote import RemoteModel

pytestmark = pytest.mark.e2e

CONTEXT = 512
READY_S = 120.0
QUESTION = [Message("user", "What is the capital of France? Answer in one sentence.")]
GREEDY = GenerationOptions(temperature=0, max_tokens=32)
ABSTRACT = (
    "BACKGROUND: We assessed 1,204 adults (mean age 54.3 years; 48% women) with type 2 diabetes. "
    "RESULTS: HbA1c fell by 0.9% (95% CI 0.7-1.1; p < 0.001) with metformin 500 mg b.i.d."
)


@pytest.fixture(scope="module")
def model(assets_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteModel]:
    python = os.environ.get("VADEMECUM_TEST_LLAMA") or sys.executable
    has_it = subprocess.run([python, "-c", "import llama_cpp.server.app"], capture_output=True)
    if has_it.returncode:
        pytest.skip("llama-cpp-python[server] is not installed")
    asset = preset("tiny").asset
    assert asset is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VADEMECUM_HOME", str(assets_home))
        weights = assets.fetch(asset)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [python, "-m", "llama_cpp.server", "--model", str(weights), "--n_ctx", str(CONTEXT)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_threads", "1"]
    command += ["--model_alias", "tiny"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        remote = connected(f"http://127.0.0.1:{port}", server, log)
        yield remote
        remote.close()
    finally:
        server.terminate()
        server.wait(30)


def connected(url: str, server: subprocess.Popen[bytes], log: Path) -> RemoteModel:
    """A client, as soon as the server has loaded its weights."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            return RemoteModel(url, context_length=CONTEXT)
        except ModelError:
            assert server.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.2)


def ask(model: RemoteModel, options: GenerationOptions) -> tuple[str, Finished]:
    *tokens, last = model.stream(QUESTION, options)
    assert isinstance(last, Finished)
    return "".join(t.text for t in tokens if isinstance(t, Token) and t.phase == "answer"), last


def test_it_answers(model: RemoteModel) -> None:
    answer, last = ask(model, GREEDY)
    assert model.name == "tiny"
    assert "Paris" in answer
    assert last.reason == "stop"
    assert 0 < last.stats.completion_tokens <= GREEDY.max_tokens
    assert ask(model, GREEDY)[0] == answer


def test_length_and_stop_strings_end_the_answer(model: RemoteModel) -> None:
    whole, _ = ask(model, GREEDY)
    _, last = ask(model, GenerationOptions(temperature=0, max_tokens=2))
    assert last.reason == "length"
    cut, last = ask(model, GenerationOptions(temperature=0, max_tokens=32, stop=("Paris",)))
    assert last.reason == "stop"
    assert cut == whole[: whole.index("Paris")]


def test_the_server_counts_tokens_and_the_estimate_is_higher(model: RemoteModel) -> None:
    counted = model.count_tokens(ABSTRACT)
    assert model.report()["tokens_counted_by"] == "/extras/tokenize/count"
    assert 50 < counted <= estimate_tokens(ABSTRACT)


def test_a_cancelled_request_leaves_the_server_free(model: RemoteModel) -> None:
    """It answers one at a time: the next would wait for what nobody reads."""
    cancel = threading.Event()
    long = GenerationOptions(max_tokens=CONTEXT - 64, temperature=1.5)
    run = model.stream([Message("user", "Write a long story.")], long, cancel=cancel)
    assert isinstance(next(run), Token)
    cancel.set()
    *_, last = run
    assert isinstance(last, Finished)
    assert last.reason == "cancelled"
    assert "Paris" in ask(model, GREEDY)[0]


def test_a_prompt_that_does_not_fit_is_told_as_such(model: RemoteModel) -> None:
    with pytest.raises(ContextTooLong, match="do not fit"):
        list(model.stream([Message("user", ABSTRACT * 10)]))
