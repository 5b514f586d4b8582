"""Which model is chosen on which machine, and what its owner is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vademecum.errors import AssetUnavailable, ModelNotFound
from vademecum.model import choose as module
from vademecum.model import hub, placement
from vademecum.model.choose import choose
from vademecum.model.hardware import Hardware
from vademecum.model.kernels import KvKind
from vademecum.model.presets import Preset
from vademecum.settings import Settings

GB = 10**9
NO_HUB = "hub.example did not answer within 3 s"

Machine = Callable[..., None]


@pytest.fixture
def where(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, offline=False)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Sets what the choice sees: memory, disk, speed, whether a hub has the model, what is here."""

    def build(
        *,
        gflops: float = 1_000.0,
        memory: int | None = 16 * GB,
        disk: int = 100 * GB,
        hub_trouble: str = NO_HUB,
        here: tuple[str, ...] = (),
        gpu: int = 0,
    ) -> None:
        found = Hardware(2, memory, disk, "a GPU" if gpu else None, gpu, ())

        def obstacle(quantization: str, kv: KvKind, model: Preset) -> str | None:
            return "too large" if placement.needed_bytes(model, kv, 4_096) > gpu else None

        monkeypatch.delenv("VADEMECUM_DEVICE", raising=False)
        monkeypatch.setattr(module.placement, "obstacle", obstacle)
        monkeypatch.setattr(module.hardware, "inspect", lambda _: found)
        monkeypatch.setattr(module.hardware, "probe", lambda: gflops)
        monkeypatch.setattr(module.hub, "trouble", lambda *_, **__: hub_trouble)
        monkeypatch.setattr(module.weights, "is_ready", lambda model, **_: model.name in here)

    return build


def test_a_name_is_taken_without_a_look(where: Settings) -> None:
    assert choose(prefer="tiny", settings=where).preset == "tiny"
    with pytest.raises(ModelNotFound):
        choose(prefer="nothing", settings=where)


def test_an_r1_if_a_hub_has_it(machine: Machine, where: Settings) -> None:
    machine(hub_trouble="")
    choice = choose(settings=where)
    assert choice.preset == "r1-qwen-1.5b"
    assert "huggingface.co" in choice.reason


def test_an_r1_that_is_here_needs_no_hub(machine: Machine, where: Settings) -> None:
    machine(here=("r1-qwen-1.5b",))
    assert choose(settings=where).preset == "r1-qwen-1.5b"


def test_an_r1_that_does_not_fit_is_not_chosen(machine: Machine, where: Settings) -> None:
    machine(hub_trouble="", memory=int(2.2 * GB))
    choice = choose(settings=where)
    assert choice.preset == "small"
    assert "no DeepSeek-R1: DeepSeek-R1-Distill-Qwen-1.5B needs 2.8 GB of memory" in choice.reason


@pytest.mark.parametrize(
    ("gflops", "expected"),
    [(100_000, "medium"), (1_000, "medium"), (400, "small"), (100, "small"), (50, "tiny")],
)
def test_the_largest_that_answers_in_time(
    machine: Machine, where: Settings, gflops: float, expected: str
) -> None:
    machine(gflops=gflops)
    choice = choose(settings=where)
    assert choice.preset == expected
    assert NO_HUB in choice.reason
    assert "\n" not in choice.reason


def test_what_was_passed_over_is_told_with_its_time(machine: Machine, where: Settings) -> None:
    machine(gflops=400)
    assert "not medium: its first word would take about 19 s" in choose(settings=where).reason


def test_where_every_model_is_slow_its_owner_is_told_and_what_is_taken(
    machine: Machine, where: Settings
) -> None:
    said = "No model is expected to begin to answer within 10 s on this machine; the fastest is "
    machine(gflops=10)
    slow = choose(settings=where)
    assert slow.preset == "tiny"
    assert slow.reason.startswith(
        f"{said}taken: SmolLM2-135M-Instruct (tiny), first word in about "
    )
    assert "not small: its first word would take about " in slow.reason
    machine(gflops=100)
    assert said not in choose(settings=where).reason


def test_small_is_waited_for_longer_because_tiny_seldom_writes_what_holds(
    machine: Machine, where: Settings
) -> None:
    machine(gflops=100)
    choice = choose(settings=where)
    assert choice.preset == "small"
    assert "not tiny: it begins sooner, and what it writes seldom holds" in choice.reason
    machine(gflops=400)
    assert "tiny" not in choose(settings=where).reason


def test_a_full_disk_counts_only_for_what_is_not_here(machine: Machine, where: Settings) -> None:
    machine(gflops=100_000, disk=GB)
    assert choose(settings=where).preset == "tiny"
    machine(gflops=100_000, disk=GB, here=("medium",))
    assert choose(settings=where).preset == "medium"


def test_unknown_memory_is_no_reason_against(machine: Machine, where: Settings) -> None:
    machine(gflops=100_000, memory=None)
    assert choose(settings=where).preset == "medium"


def test_what_is_to_be_fetched_is_told_with_its_size(machine: Machine, where: Settings) -> None:
    machine(gflops=400)
    small = choose(settings=where)
    assert (small.preset, small.fetch) == ("small", 491_400_064)
    assert ", 491 MB to fetch (" in small.reason
    machine(gflops=400, here=("small",))
    assert choose(settings=where).fetch == 0
    machine(hub_trouble="")
    r1 = choose(settings=where)
    assert r1.fetch == pytest.approx(3.6 * GB, rel=0.02)
    assert "huggingface.co (3.6 GB)" in r1.reason


@pytest.mark.parametrize(
    ("hub_trouble", "better", "size"),
    [(NO_HUB, "small", "491 MB"), ("", "r1-qwen-1.5b", "3.6 GB")],
)
def test_a_model_that_is_here_goes_before_a_better_one_that_would_be_fetched(
    machine: Machine, where: Settings, hub_trouble: str, better: str, size: str
) -> None:
    machine(gflops=400, here=("tiny",), hub_trouble=hub_trouble)
    choice = choose(settings=where)
    assert (choice.preset, choice.fetch) == ("tiny", 0)
    assert choice.reason.startswith("SmolLM2-135M-Instruct (tiny), first word in about ")
    assert choice.reason.endswith(f"`vademecum models pull {better}` fetches it ({size}).")
    wanted = choose(fetch=True, settings=where)
    assert wanted.preset == better
    assert wanted.fetch > 0


def test_no_smaller_one_is_fetched_where_one_is_here_that_half_a_minute_is_enough_for(
    machine: Machine, where: Settings
) -> None:
    machine(gflops=400, here=("medium",))
    choice = choose(settings=where)
    assert (choice.preset, choice.fetch) == ("medium", 0)
    assert choice.reason.endswith(
        "Qwen2.5-Coder-0.5B-Instruct begins sooner: `vademecum models pull small` fetches it "
        "(491 MB)."
    )
    machine(gflops=200, here=("medium",))
    assert choose(settings=where).preset == "small"


def test_the_model_of_the_last_time_is_taken_again_where_the_machine_seems_a_little_slower(
    machine: Machine, where: Settings
) -> None:
    here = ("medium", "small")
    machine(gflops=550, here=here)
    assert choose(settings=where).preset == "small"
    assert choose(last="small", settings=where).preset == "small"
    steady = choose(last="medium", settings=where)
    assert (steady.preset, "tiny" in steady.reason) == ("medium", False)
    machine(gflops=400, here=here)
    assert choose(last="medium", settings=where).preset == "small"


def test_offline_takes_what_is_here(machine: Machine, tmp_path: Path) -> None:
    offline = Settings(home=tmp_path, offline=True)
    machine(here=("tiny",))
    assert choose(settings=offline).preset == "tiny"
    machine(gflops=1, here=("medium",))
    assert choose(settings=offline).preset == "medium"
    machine()
    with pytest.raises(AssetUnavailable, match="VADEMECUM_OFFLINE"):
        choose(settings=offline)


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Points at a hub on this machine, with all switches that forbid asking one off."""

    def point(address: str) -> None:
        for switch in hub.OFFLINE_SWITCHES:
            monkeypatch.delenv(switch, raising=False)
        monkeypatch.setenv("HF_ENDPOINT", address)

    return point


def test_a_hub_that_never_answers_is_left(online: Callable[[str], None], where: Settings) -> None:
    """It takes the connection and is silent; without a limit this test would not end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        online(f"http://127.0.0.1:{silent.getsockname()[1]}")
        trouble = hub.trouble("deepseek-ai/any", where, limit_s=0.3)
    assert trouble == "127.0.0.1 did not answer within 0.3 s"


@pytest.fixture
def small_hub() -> Iterator[str]:
    """Knows one model; everything else is 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/models/org/model" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [(2 * GB, "r1-qwen-1.5b"), (8 * GB, "r1-qwen-7b"), (80 * GB, "r1-qwen-7b")],
)
def test_a_gpu_has_a_larger_one_fetched(
    machine: Machine, where: Settings, gpu: int, expected: str
) -> None:
    machine(hub_trouble="", gpu=gpu, memory=4 * GB)
    choice = choose(settings=where)
    assert choice.preset == expected
    assert "GPU" in choice.reason or expected == "r1-qwen-1.5b"


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [(12 * GB, "r1-llama-8b"), (24 * GB, "r1-qwen-32b"), (80 * GB, "r1-qwen-32b")],
)
def test_a_gpu_is_given_the_best_that_is_here_and_fits_it(
    machine: Machine, where: Settings, gpu: int, expected: str
) -> None:
    machine(here=("r1-qwen-32b", "r1-llama-8b", "r1-qwen-1.5b"), gpu=gpu)
    choice = choose(settings=where)
    assert choice.preset == expected
    assert choice.reason.endswith("is on this machine and fits its GPU.")


def test_a_gpu_that_is_not_to_be_used_changes_nothing(
    machine: Machine, where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(here=("r1-qwen-7b", "r1-qwen-1.5b"), gpu=80 * GB)
    assert choose(settings=where).preset == "r1-qwen-7b"
    assert choose(device="cpu", settings=where).preset == "r1-qwen-1.5b"
    assert choose(quantization="bf16", settings=where).preset == "r1-qwen-1.5b"
    monkeypatch.setenv("VADEMECUM_DEVICE", "cpu")
    assert choose(settings=where).preset == "r1-qwen-1.5b"
    assert choose(device="cuda", settings=where).preset == "r1-qwen-7b"


def test_on_a_gpu_nobody_waits_for_a_slow_processor(machine: Machine, where: Settings) -> None:
    machine(gflops=1, gpu=8 * GB)
    choice = choose(settings=where)
    assert choice.preset == "medium"
    assert "first word in about 1 s" in choice.reason


def test_the_hub_that_the_environment_names_is_asked(
    online: Callable[[str], None], small_hub: str, where: Settings
) -> None:
    online(small_hub)
    assert hub.trouble("org/model", where) == ""
    assert hub.trouble("org/other", where) == "127.0.0.1 answered 404"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://[", "nonsense"])
def test_a_hub_that_cannot_be_reached_is_told(
    online: Callable[[str], None], where: Settings, address: str
) -> None:
    online(address)
    assert "cannot be reached" in hub.trouble("org/model", where)


@pytest.mark.parametrize("switch", hub.OFFLINE_SWITCHES)
def test_switches_that_forbid_asking(
    online: Callable[[str], None],
    small_hub: str,
    where: Settings,
    switch: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    online(small_hub)
    monkeypatch.setenv(switch, "1")
    assert switch in hub.trouble("org/model", where)
