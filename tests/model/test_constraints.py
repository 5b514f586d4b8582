"""Citations beyond the sources cannot be written, in brackets or without; other texts can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from vademecum.model.chat import Chat
from vademecum.model.constraints import CitationConstraint, token_bytes
from vademecum.model.generate import Chooser
from vademecum.model.interface import GenerationOptions
from vademecum.model.sampling import Sampler, candidates
from vademecum.rag.cite import read_markers

ANY = 1_000_000_000  # so that every number that is read as a citation is told


def refused_at(pieces: list[str] | list[bytes], sources: int) -> int | None:
    """The index of the first piece that is refused; its text is not taken."""
    encoded = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    constraint = CitationConstraint(sources, encoded.__getitem__)
    for token in range(len(encoded)):
        if not constraint.allows(token):
            return token
        constraint.advance(token)
    return None


@pytest.mark.parametrize(
    "text",
    ["[1]", "[5]", "[1, 2]", "[1][2]", "[1], [5]", "[1-5]", "[1–3; 5]", "[1 and 2]", "【1】",
     "［5］", "【资料 1、5】", "[^1]", "[Source 3]", "[sources 1 and 4]", "(Source 1, 2)",
     "（资料 5）", "[１]", "Source 1: yes", "by source 5.", "资料3", "**Sources 2** and source 4"],
)  # fmt: skip
def test_markers_of_the_sources_are_written(text: str) -> None:
    assert refused_at(list(text), sources=5) is None
    assert refused_at([text], sources=5) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [("[6]", 1), ("[12]", 2), ("[0]", 1), ("[01]", 1), ("[2020]", 2), ("[1, 6]", 4), ("[1,6]", 3),
     ("[1-6]", 3), ("[1][7]", 4), ("【6】", 1), ("［ 6］", 2), ("【资料 6】", 4), ("[^6]", 2),
     ("[Source 6]", 8), ("[refs 1 and 26]", 13), ("(Source 6)", 8), ("(source 1, 6)", 11),
     ("（资料6", 3), ("[６]", 1), ("[see [6]", 6), ("[\n6", 2), ("foci [6", 6), ("foci: [6", 7),
     ("Source 6 found", 7), ("sources \t12", 10), ("source 51", 8), ("资料6", 2),
     ("a source 4 of 5, source 6", 24), ("**Source 6:**", 9), ("- Source6: a", 8), ("：资料 6", 4),
     ("_source 6: a", 8), ("[see source 6]", 12), ("[1 source 6", 10), ("CI: [source 6", 12),
     ("source 0", 7)],
)  # fmt: skip
def test_markers_of_no_source_are_refused_at_their_digit(text: str, at: int) -> None:
    assert refused_at(list(text), sources=5) == at
    assert refused_at([text], sources=5) == 0
    assert refused_at([text[: at + 1]], sources=5) == 0


@pytest.mark.parametrize(
    "text",
    ["[Ca2+]", "[sic]", "[sources of 12 kinds]", "[s12]", "[and 12]", "[-12]", "[a 12]", "[]12",
     "(n = 12)", "(12)", "(2020)", "12%", "95% CI [12-25]", "95% ci: [0.7, 8]", "(sauce 12)",
     "[1 of 12]", "[2 mg] 12", "{12}", "sources: 12", "a source of 12 mg", "sources, 12 of them",
     "resource 12", "outsource 9", "s 12", "sour 12", "sources\n12 of", "临床资料12例",
     "资料共12份", "置信区间CI [12-25]", "source [1] 12", "source-12", "sourced 12"],
)  # fmt: skip
def test_what_cites_nothing_is_free(text: str) -> None:
    assert refused_at(list(text), sources=5) is None


def test_without_sources_nothing_can_be_cited() -> None:
    assert refused_at(list("[1]"), sources=0) == 1
    assert refused_at(list("[sic]"), sources=0) is None


def test_many_sources_have_numbers_of_many_digits() -> None:
    assert refused_at(list("[12, 3]"), sources=12) is None
    assert refused_at(list("[13]"), sources=12) == 2
    assert refused_at(["[1", "2", "0", "]"], sources=12) == 2


def test_a_bracket_may_come_in_parts_of_a_character() -> None:
    half = ["【".encode()[:1], "【".encode()[1:]]
    assert refused_at([*half, b"6"], sources=5) == 2
    assert refused_at([*half, b"5", "】".encode()[:2], "】".encode()[2:], b"6"], sources=5) is None
    assert refused_at([b"[", "６".encode()[:2], "６".encode()[2:]], sources=5) == 2


def test_asking_changes_nothing() -> None:
    constraint = CitationConstraint(5, [b"[", b"9", b"1"].__getitem__)
    constraint.advance(0)
    assert [constraint.allows(token) for token in (1, 2, 1, 2)] == [False, True, False, True]


def test_it_goes_on_after_a_token_that_came_although_refused() -> None:
    constraint = CitationConstraint(5, [b"[", b"9", b"]", b"1"].__getitem__)
    for token in (0, 1, 2, 0):
        constraint.advance(token)
    assert not constraint.allows(1)
    assert constraint.allows(3)


PIECES = [*"[]【】［(（)） \n,;-–^019６a", "and", "source", "Refs", "资料", "CI ", "[1", "12",
          "3]", "F", "95% CI: ", "][", "[1, ", "passages 2", "Source ", "sources", "\t", "lo", "_",
          ".", ":", "：", "**", "1. ", "\nSource", "Source 9"]  # fmt: skip


@given(st.integers(0, 12), st.lists(st.sampled_from(PIECES), max_size=40))
def test_whatever_is_allowed_is_read_as_citing_the_sources_only(
    sources: int, pieces: list[str]
) -> None:
    constraint = CitationConstraint(sources, lambda n: pieces[n].encode())
    text = ""
    for n, piece in enumerate(pieces):
        if constraint.allows(n):
            constraint.advance(n)
            text += piece
    cited = {number for mark in read_markers(text, ANY).marks for number in mark.numbers}
    assert cited <= set(range(1, sources + 1))


@given(st.integers(1, 12), st.lists(st.sampled_from(PIECES), max_size=40))
def test_there_is_always_a_way_on(sources: int, pieces: list[str]) -> None:
    alphabet = [*pieces, "]", "1"]
    constraint = CitationConstraint(sources, lambda n: alphabet[n].encode())
    for n in range(len(pieces)):
        if constraint.allows(n):
            constraint.advance(n)
        assert constraint.allows(len(pieces))


@given(st.integers(1, 12), st.lists(st.sampled_from(PIECES), max_size=20))
def test_how_tokens_cut_the_text_does_not_matter(sources: int, pieces: list[str]) -> None:
    text = "".join(pieces)
    whole, letters = refused_at([text], sources), refused_at(list(text), sources)
    in_bytes = refused_at([bytes([byte]) for byte in text.encode()], sources)
    assert (whole is None) == (letters is None) == (in_bytes is None)


def test_a_sampler_held_to_the_sources_cites_them_in_proportion() -> None:
    vocabulary = ["[", "1", "2", "3", "4", "]"]
    constraint = CitationConstraint(2, lambda n: vocabulary[n].encode())
    constraint.advance(0)
    logits = torch.tensor([-torch.inf, 1.0, 0.0, 3.0, 2.0, 0.5])
    sampler = Sampler(GenerationOptions(temperature=1.0, top_p=1.0, seed=7))
    draws = 3000
    drawn = torch.tensor([sampler.sample(logits, constraint.allows) for _ in range(draws)])
    counts = torch.bincount(drawn, minlength=6)[[1, 2, 5]]
    assert counts.sum() == draws
    wanted = logits[[1, 2, 5]].softmax(0) * draws
    assert ((counts - wanted) ** 2 / wanted).sum() < 13.8  # 0.999 quantile, 2 degrees of freedom


def test_what_a_device_draws_is_kept_or_drawn_again_as_if_only_what_is_allowed_were_there(
    chat_of: Callable[..., Chat],
) -> None:
    chat = chat_of()

    def ids_of(text: str) -> list[int]:
        ids: list[int] = chat.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    letters = [ids_of(letter)[0] for letter in "1234]"]
    logits = torch.full((300,), -torch.inf)
    logits[letters] = torch.tensor([1.0, 0.0, 3.0, 2.0, 0.5])
    options = GenerationOptions(temperature=1.0, top_p=0.95, sources=2, max_tokens=9)
    device = torch.Generator().manual_seed(3)
    weights, tokens = candidates(logits, options)
    assert tokens is not None
    draws, drawn, asked = 3000, torch.zeros(300), []

    def draw(*, final: bool) -> int:
        asked.append(final)
        return int(tokens[torch.multinomial(weights, 1, generator=device)])

    for seed in range(draws):
        chooser = Chooser(chat, replace(options, seed=seed), frozenset(), None)
        bracket = torch.zeros(300).index_fill(0, torch.tensor(ids_of("[")), 99.0)
        chooser.choose(bracket, "answer", 0)
        drawn[chooser.choose(logits, "answer", 0, draw)] += 1
    assert asked == [False] * draws
    allowed = torch.isin(tokens, torch.tensor([letters[0], letters[1], letters[4]]))
    assert allowed.sum() == 2  # "1" and "]": top-p leaves out "2"
    wanted = weights[allowed] / weights[allowed].sum() * draws
    assert drawn.sum() == drawn[tokens[allowed]].sum() == draws
    distance = ((drawn[tokens[allowed]] - wanted) ** 2 / wanted).sum()
    assert distance < 10.8  # 0.999 quantile, 1 degree of freedom


@given(text=st.text())
def test_the_bytes_of_tokens_are_those_of_the_text(tokenizer: Tokenizer, text: str) -> None:
    bytes_of = token_bytes(tokenizer)
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert b"".join(bytes_of(token) for token in ids) == text.encode()


def test_control_tokens_have_no_text(chat_of: Callable[..., Chat]) -> None:
    tokenizer = chat_of().tokenizer
    bytes_of = token_bytes(tokenizer)
    assert bytes_of(tokenizer.token_to_id("<|im_end|>")) == b""
    assert bytes_of(tokenizer.token_to_id("</think>")) == b"</think>"


def test_other_tokenizers_spell_bytes_in_their_way() -> None:
    vocabulary = {"<unk>": 0, "<0xE3>": 1, "▁a": 2, "\ufffd": 3}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()])
    bytes_of = token_bytes(tokenizer)
    assert [bytes_of(token) for token in (1, 2, 3)] == [b"\xe3", b" a", "\ufffd".encode()]
