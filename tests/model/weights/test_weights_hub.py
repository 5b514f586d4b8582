"""Weights from a hub: a server on this machine speaks as much of its protocol as is used."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from vademecum.errors import AssetUnavailable, HashMismatch
from vademecum.model import hub, weights
from vademecum.model.config import ModelConfig
from vademecum.model.layout import tensor_shapes, write_config
from vademecum.model.presets import PRESETS, Preset
from vademecum.model.shards import ShardWriter
from vademecum.settings import Settings

REVISION = "0123456789abcdef0123456789abcdef01234567"
HUB_ID = "org/model"
CONFIG = ModelConfig(
    family="llama",
    vocab_size=64,
    hidden=64,
    layers=1,
    heads=2,
    kv_heads=1,
    head_dim=32,
    intermediate=64,
    rms_eps=1e-5,
    rope_theta=10_000.0,
    rope_scaling=None,
    tie_embeddings=False,
    attention_bias=False,
    max_positions=128,
)


@dataclass
class Hub:
    """One repository: its files, what was asked, and which file breaks off half-way."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: str = ""

    def description(self) -> dict[str, Any]:
        siblings = [
            {
                "rfilename": name,
                "size": len(data),
                **(
                    {"lfs": {"sha256": self.pins[name], "size": len(data), "pointerSize": 1}}
                    if name in self.pins
                    else {}
                ),
            }
            for name, data in self.files.items()
        ]
        return {"id": HUB_ID, "sha": REVISION, "siblings": siblings}


def handler(served: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            _, _, name = path.partition(f"/{HUB_ID}/resolve/{REVISION}/")
            if path.startswith(f"/api/models/{HUB_ID}"):
                data = json.dumps(served.description()).encode()
                if path.startswith(f"/api/models/{HUB_ID}/tree/"):
                    data = json.dumps(
                        [
                            {"type": "file", "path": file, "size": len(content), "oid": "0"}
                            for file, content in served.files.items()
                        ]
                    ).encode()
            elif name in served.files:
                data = served.files[name]
                if body:
                    served.asked.append(name)
            else:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.end_headers()
            if body and name and name == served.broken:
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
            elif body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub that holds a small Llama and a file nobody needs."""
    import huggingface_hub.constants

    for switch in hub.OFFLINE_SWITCHES:
        monkeypatch.delenv(switch, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    made = tmp_path / "made"
    made.mkdir()
    write_config(made, CONFIG)
    writer = ShardWriter(made)
    for name, shape in tensor_shapes(CONFIG):
        writer.add(name, torch.randn(shape).bfloat16())
    writer.finish()
    files = {path.name: path.read_bytes() for path in made.iterdir()}
    files |= {
        "tokenizer.json": b"{}",
        "tokenizer_config.json": json.dumps({"chat_template": "{{ x }}"}).encode(),
        "generation_config.json": b'{"eos_token_id": 2, "bos_token_id": 1}',
        "figures/benchmark.jpg": b"x" * 1000,
    }
    known = Hub(files=files)
    known.pins["model.safetensors"] = hashlib.sha256(files["model.safetensors"]).hexdigest()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(known)) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        known.address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", known.address)
        yield known
        server.shutdown()
        serving.join()


@pytest.fixture
def model() -> Preset:
    return replace(PRESETS["r1-llama-8b"], name="random", hub_id=HUB_ID)


def test_what_is_needed_is_fetched_once(served: Hub, model: Preset, where: Settings) -> None:
    loaded = weights.load(model, "bf16", settings=where)
    assert loaded.config == CONFIG
    assert (loaded.eos_ids, loaded.bos_id, loaded.chat_template) == ((2,), 1, "{{ x }}")
    assert sorted(served.asked) == sorted(set(served.files) - {"figures/benchmark.jpg"})
    served.asked.clear()
    weights.load(model, "nf4", settings=replace(where, offline=True))
    assert served.asked == []
    folder = where.models / "random"
    assert json.loads((folder / weights.STAMP).read_text())["source"] == REVISION
    assert not (folder / ".cache").exists()


def test_a_broken_download_keeps_what_arrived(served: Hub, model: Preset, where: Settings) -> None:
    served.broken = "model.safetensors"
    with pytest.raises(AssetUnavailable, match="org/model could not be fetched"):
        weights.load(model, settings=where)
    assert not (where.models / "random").exists()
    served.broken = ""
    served.asked.clear()
    weights.load(model, settings=where)
    assert "model.safetensors" in served.asked
    assert "config.json" not in served.asked


def test_a_file_that_is_not_what_the_hub_pinned_is_not_kept(
    served: Hub, model: Preset, where: Settings
) -> None:
    right = served.files["model.safetensors"]
    served.files["model.safetensors"] = right[:-1] + bytes([right[-1] ^ 1])
    with pytest.raises(HashMismatch, match=r"model\.safetensors"):
        weights.load(model, settings=where)
    assert not weights.is_ready(model, settings=where)
    served.files["model.safetensors"] = right
    weights.load(model, settings=where)


def test_a_model_the_hub_does_not_have(served: Hub, model: Preset, where: Settings) -> None:
    with pytest.raises(AssetUnavailable) as caught:
        weights.load(replace(model, hub_id="org/other"), settings=where)
    assert "\n" not in caught.value.message
    assert "HF_ENDPOINT" in caught.value.hint


def test_no_hub_at_all(
    monkeypatch: pytest.MonkeyPatch, served: Hub, model: Preset, where: Settings
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(AssetUnavailable, match="could not be fetched"):
        weights.load(model, settings=where)
