"""Which passages have a sentence that speaks of what is asked, whatever else they speak of.

A page of a guide or an agreement is about many things, and its vector lies between them all: "How
often is the carbon filter replaced?" is nearer to any page on filters than to the one of a handbook
that says it in a line. So where no passage as a whole is close to an English question, sentences
are looked at. The embedder is English; of German and Chinese the words of a passage stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, repeat

import numpy as np

from vademecum.model.interface import TextEmbedder
from vademecum.rag import asked_english as english
from vademecum.rag.evidence import heads
from vademecum.rag.judge import claims
from vademecum.rag.retrieve import Found
from vademecum.rag.rows import WORKS, is_row, row_of, told
from vademecum.rag.sentences import sentences_of
from vademecum.rag.told import reports

# The mean of its cosine and the share of the words from which on a sentence speaks of it, and the
# share that it must hold itself: chosen on the first library of `benchmarks/abstain_small.py` and
# on 150 questions of PubMedQA.
POINTED = 0.65
HELD = 0.4
# What stands around it, or in the title, counts so much: "The Caterer may terminate it".
AROUND = 0.5
# "Whoever loses it pays 45 euros", behind a sentence on the key: two that hold all together.
ALL_OF_IT = 0.999
POINTS_BACK = re.compile(r"\b(?:it|its|they|them|their|these|those)\b", re.IGNORECASE)


def pointed(question: str, found: Sequence[Found], embedder: TextEmbedder) -> list[Found]:
    """Those of the found passages with such a sentence, and then those with one that holds as many
    words and is less near, each in their order. None where there is no such sentence.

    "Which drugs must not be given with it?" is nearer to "It is given once daily" than to the list.
    """
    read = [one for one in found if not one.german]
    texts = [english.words_of(f"{one.document.title} {one.passage.text}") for one in read]
    asked = english.asked_words(question)
    of_prose = english.weights(asked, texts)
    of_rows = english.weights(english.asked_words(WORKS.sub(" ", question)), texts)
    near: list[tuple[str, str, float]] = []
    for one, text in zip(read, texts, strict=True):
        single, pairs = _telling(one.passage.text)
        for sentence, least in [*zip(single, repeat(HELD)), *zip(pairs, repeat(ALL_OF_IT))]:
            weights = of_rows if is_row(sentence) else of_prose
            held = english.share_held(weights, english.words_told(sentence))
            if held >= least:
                around = english.share_held(weights, text)
                share = held + AROUND * max(0.0, around - held)
                near.append((one.passage.passage_id, sentence, share))
    if not near:
        return []
    rows = np.asarray(embedder.embed_passages([sentence for _, sentence, _ in near]), np.float32)
    cosines = rows @ np.asarray(embedder.embed_query(question), np.float32)
    several = sum(counts == 1.0 for counts in asked.values()) > 1
    close = {
        passage_id
        for (passage_id, sentence, share), cosine in zip(near, cosines, strict=True)
        if (float(cosine) + share) / 2 >= POINTED
        or (several and share >= ALL_OF_IT and is_row(sentence))
    }
    also = {passage_id for passage_id, _, _ in near} - close if close else set()
    return [one for ids in (close, also) for one in read if one.passage.passage_id in ids]


def _telling(text: str) -> tuple[list[str], list[str]]:
    """The sentences of a passage that tell something, without headings, and each that points back
    at the one before it, together with that."""
    if row := row_of(text):
        return [row], []
    spans = [span for span in sentences_of(text) if not heads(text, *span)]
    sentences = [text[start:end] for start, end in spans]
    telling = [one for one in told(sentences) if claims(one) and reports(one)]
    pairs = [f"{a} {b}" for a, b in pairwise(telling) if POINTS_BACK.search(b)]
    return telling, pairs
