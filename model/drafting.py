"""Guessing ahead from what stands there already (prompt lookup decoding, A. Saxena, 2023).

An answer from sources copies from them. What followed the last few tokens when they came before is
a draft; the model computes all of it in one pass, which costs little more than one token, and each
token is sampled from its own logits as ever. The draft is right as long as the samples agree with
it, so that it changes the speed and nothing else (Leviathan et al., arXiv:2211.17192, with a draft
that is certain of itself).
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 8  # tokens; on two cores a row more costs a fifth of a single token
NGRAMS = (4, 3, 2)  # tokens that must have come before, the longest match first
PAUSE = 12  # tokens without a draft, once drafts have proved wrong


class NgramDrafter:
    """Proposes what followed when the last tokens came before.

    The length of drafts follows their success: twice as long after one that was right to its end,
    half as long after one that was wrong from its start; from less than one token on, drafting
    pauses.
    """

    def __init__(
        self, prompt: Sequence[int], lengths: Sequence[int] = range(1, LONGEST + 1)
    ) -> None:
        """Drafts have one of `lengths`, ascending."""
        self._lengths = lengths
        self._tokens: list[int] = []
        self._behind: dict[tuple[int, ...], int] = {}  # n-gram -> where the token after it stands
        self._length = 4
        self._resume_at = 0
        self._proposed = 0
        for token in prompt:
            self.append(token)

    def append(self, token: int) -> None:
        """A token of the sequence, the prompt's or the answer's. O(1)."""
        for n in NGRAMS:  # the n-gram before this token is learned now: it never finds itself
            if len(self._tokens) >= n:
                self._behind[tuple(self._tokens[-n:])] = len(self._tokens)
        self._tokens.append(token)

    def propose(self, most: int) -> list[int]:
        """The tokens that may follow, `most` at most; often none."""
        self._proposed = 0
        if len(self._tokens) < self._resume_at:
            return []
        for n in NGRAMS:
            at = self._behind.get(tuple(self._tokens[-n:]))
            if at is not None and len(self._tokens) >= n:
                found = min(self._length, most, len(self._tokens) - at)
                self._proposed = max((n for n in self._lengths if n <= found), default=0)
                return self._tokens[at : at + self._proposed]
        return []

    def learn(self, accepted: int) -> None:
        """How many tokens of the last proposal were right."""
        if not self._proposed:
            return
        if accepted == self._proposed:
            self._length = min(LONGEST, self._length * 2)
        elif accepted == 0:
            self._length //= 2
            if self._length == 0:
                self._length = 2
                self._resume_at = len(self._tokens) + PAUSE
        else:
            self._length = max(2, min(self._length, accepted + 1))
