"""What a passage rejects or doubts it does not say; what it says is not to be called doubtful."""

from __future__ import annotations

import time

import pytest

from vademecum.rag.at_odds import at_odds as any_way
from vademecum.rag.check import check
from vademecum.rag.theses import agrees, at_odds

LEASE = (
    "The tribunal rejected the argument that the lease is void and ordered the tenant to pay.",
    "The broker disclosed the commission to the insurer.",
)
SLEEP = (
    "Nothing suggests that melatonin is an effective treatment of delirium.",
    "Melatonin shortened sleep latency by 12 minutes.",
)


@pytest.mark.parametrize(
    ("rejected", "claim"),
    [
        ("It is a myth that spinach is the best source of iron.", "Spinach is the best source"),
        ("We doubt that fasting is the best preparation.", "Fasting is the best preparation."),
        ("It is doubtful whether the agent is the owner.", "The agent is the owner."),
        ("Whether the agent is the owner is doubtful.", "The agent is the owner."),
        ("That statins cause dementia was refuted.", "Statins cause dementia."),
        ("The claim that he knew of the sale was dismissed.", "He knew of the sale."),
        ("The court dismissed the claim that he knew of the sale.", "He knew of the sale."),
        ("Nobody has shown that ketamine is the safest drug.", "Ketamine is the safest drug."),
    ],
)
def test_what_is_rejected_is_not_said(rejected: str, claim: str) -> None:
    assert at_odds(claim, (rejected,))
    assert not at_odds(rejected, (rejected,))


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        ("Nothing indicates that melatonin shortened sleep latency.", SLEEP),
        ("The claim that the broker disclosed the commission was rejected.", LEASE),
        ("It is a myth that the broker disclosed the commission to the insurer.", LEASE),
    ],
)
def test_what_is_stated_is_not_to_be_rejected(claim: str, parts: tuple[str, ...]) -> None:
    assert at_odds(claim, parts)


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        ("Melatonin shortened sleep latency.", SLEEP),
        ("Nothing suggests that melatonin is effective in delirium.", SLEEP),
        # What the sentence says beside the argument.
        ("The tribunal ordered the tenant to pay.", LEASE),
        ("The lease is not void.", LEASE),
        # Without doubt, it is.
        ("Noradrenaline is best.", ("There is no doubt that noradrenaline is best.",)),
        # It is rejected that it is not so.
        ("Aspirin is safe.", ("It is a myth that aspirin is not safe.",)),
        # Argued by the one, found by the other.
        ("He knew.", ("The claim that he knew was dismissed in 2020.", "On appeal: he knew.")),
        ("The claim that he knew was dismissed.", ("The claim that he knew was dismissed.",)),
    ],
)
def test_what_is_said_besides(claim: str, parts: tuple[str, ...]) -> None:
    assert not at_odds(claim, parts)


FALSE = "It is a common myth that tomatoes cause gout."


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        ("Tomatoes do not cause gout.", (FALSE,)),
        ("Tomatoes don't cause gout.", (FALSE, "Beer causes gout.")),
        ("The earth is not flat.", ("The belief that the earth is flat has been refuted.",)),
        ("The castle did not burn in 1712.", ("It is untrue that the castle burned in 1712.",)),
    ],
)
def test_what_is_called_false_may_be_denied(claim: str, parts: tuple[str, ...]) -> None:
    assert agrees(claim, parts)
    assert not any_way(claim, parts, parts, "en")


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        ("Tomatoes cause gout.", (FALSE,)),
        ("Gout does not cause tomatoes.", (FALSE,)),
        ("Tomatoes do not cause gout in women.", (FALSE,)),
        ("Beer does not cause gout.", (FALSE, "Beer causes gout.")),
        ("Tomatoes do not cause gout.", (FALSE, "Tomatoes cause gout.")),
        ("Tomatoes do not cause gout.", ("It is not a myth that tomatoes cause gout.",)),
        ("Tomatoes do not cause gout.", ("It is doubtful whether tomatoes cause gout.",)),
        ("Tomatoes do not cause gout.", ("Growers say it is a myth that tomatoes cause gout.",)),
        ("All tomatoes do not cause gout.", ("It is a myth that all tomatoes cause gout.",)),
        ("Tomatoes do not cause gout.", ("It is a myth that tomatoes cause no gout.",)),
        ("Do tomatoes not cause gout?", (FALSE,)),
        ("", (FALSE,)),
    ],
)
def test_nothing_more_is_denied_than_what_is_called_false(
    claim: str, parts: tuple[str, ...]
) -> None:
    assert not agrees(claim, parts)


def test_the_contrary_of_a_myth_is_supported(source_of, embedder) -> None:
    source = source_of(1, f"{FALSE} Beer raises uric acid.", "Myths")
    claims = ("Tomatoes do not cause gout.", "Tomatoes cause gout.", "Beer does not cause gout.")
    assert [check(claim, [source], embedder).sentences[0].support for claim in claims] == [
        "supported",
        "unsupported",
        "unsupported",
    ]


def test_such_a_claim_is_not_supported(source_of, embedder) -> None:
    source = source_of(1, " ".join(SLEEP), "A review")
    claims = (
        "Melatonin is an effective treatment of delirium.",
        "Nothing suggests that melatonin shortened sleep latency.",
        "Melatonin shortened sleep latency by 12 minutes.",
    )
    assert [check(claim, [source], embedder).sentences[0].support for claim in claims] == [
        "unsupported",
        "unsupported",
        "supported",
    ]


def test_a_long_sentence_is_read_in_time() -> None:
    start = time.process_time()
    assert not at_odds("He knew.", ("the claim that " * 5000,))
    assert time.process_time() - start < 10  # minutes, if it were not linear
