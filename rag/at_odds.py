"""Whether a sentence is at odds with a passage whose words it has, one way or another.

Each way has a file of its own: what changes which way, what is denied, what is said of one thing
and not of another, what stands where in a near copy, numbers of other groups, which of two groups
has more, what is said of one time or group and otherwise of another, figures of the other arm, the
other side of a bound, another route or frequency or that of another thing, what is excepted,
events in another order, another one in a row, may for must, an order for what is forbidden, what
another party may, what a clause says of another thing, two sentences run together, what is only
supposed or rejected, what ends for what begins, another day of the week, another number of a
thing, another row of a table, what nobody did, what is set aside for something else or told of a
mistake, another condition, the doer for the one to whom it is done, a percentage of something else,
the figure of another label, "only" of another thing, what stands with another where a verb is left
out, a figure per another measure or of another matter, the way back, the verb of one clause with
the rest of another, so many of another number, what is only wanted or planned, the figure of what
is named beside it, what another person did, an effect that is none, what only the loss of a thing
does, and what is not changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from vademecum.rag import (
    arms,
    changes,
    conditionals,
    contrasts,
    counterparts,
    counts,
    degrees,
    denials,
    doers,
    duties,
    ellipses,
    exceptions,
    figures_elsewhere,
    from_to,
    gapped,
    in_turn,
    intended,
    labelled,
    mistaken,
    negation,
    no_effect,
    nobody,
    only_of,
    order,
    orders,
    ordinals,
    otherwise,
    out_of,
    parties,
    percent_of,
    persons,
    predicates,
    proportions,
    rates,
    regimen,
    run_on,
    set_aside,
    sides,
    subjects,
    subjects_chinese,
    subjects_german,
    supposed,
    table_rows,
    theses,
    unaffected,
    untold,
    weekdays,
)
from vademecum.rag.contrasts import without_asides
from vademecum.rag.groups import exchanged, misplaced, permuted, substituted
from vademecum.rag.polarity import contradicts, denied_copy, mirrored, sides_exchanged, turned_round
from vademecum.rag.relations import by_its_loss, only_denied
from vademecum.rag.replaced import OTHERS, replaced
from vademecum.rag.swaps import swapped
from vademecum.rag.words import NEAR_COPY, WORD, Language, containment, content_words, numbers

BEFORE_AFTER = frozenset(("before", "after"))


def at_odds(
    sentence: str, parts: Sequence[str], nearest: Sequence[str], language: Language
) -> bool:
    """Whether a sentence says otherwise than the `parts` of a passage that report something.

    `nearest` are those of them that are nearest to it, in words and in meaning.
    """
    if theses.agrees(sentence, parts):
        return False
    if exceptions.at_odds(sentence, parts):
        return True
    parts, nearest = (exceptions.restated(sentence, given) for given in (parts, nearest))
    parts, nearest = (set_aside.restated(sentence, given) for given in (parts, nearest))
    parts, nearest = ellipses.completed(parts), ellipses.completed(nearest)
    contrasted = contrasts.agree(sentence, parts)
    turned = any(turned_round(sentence, part) for part in parts)
    agreed = not contrasted and not turned and otherwise.agrees(sentence, parts)
    open_too = untold.agrees(sentence, parts)
    settled = agreed or open_too
    if miscopied(sentence, parts) or (not settled and _replaced(sentence, parts)):
        return True
    ways = (
        sides,
        regimen,
        arms,
        duties,
        parties,
        subjects,
        subjects_chinese,
        subjects_german,
        theses,
        counterparts,
        counts,
        table_rows,
        nobody,
        weekdays,
        no_effect,
        order,
        orders,
        ordinals,
        run_on,
        set_aside,
        mistaken,
        conditionals,
        doers,
        percent_of,
        labelled,
        only_of,
        gapped,
        rates,
        from_to,
        predicates,
        figures_elsewhere,
        degrees,
        out_of,
        intended,
        in_turn,
        persons,
    )
    if any(way.at_odds(sentence, parts) for way in ways):
        return True
    if run_on.said_of_another(sentence, parts) or (
        supposed.at_odds(sentence, parts, run_on.statements(sentence, parts))
    ):
        return True
    if exceptions.agrees(sentence, parts) or set_aside.agrees(sentence, parts):
        return False
    if degrees.agrees(sentence, parts) or any(mirrored(sentence, part) for part in parts):
        return False
    if language != "zh" and (contrasts.at_odds(sentence, parts) or by_its_loss(sentence, parts)):
        return True
    # The true half of "in men, but not in women" is a copy with a denial less.
    copies = any(
        denied_copy(sentence, part)
        and not (agreed and negation.denials(sentence) < negation.denials(part))
        for part in parts
    )
    if not (contrasted or open_too) and (copies or otherwise.at_odds(sentence, parts)):
        return True
    if language == "zh":
        return not settled and all(contradicts(sentence, part) for part in nearest)
    if proportions.at_odds(sentence, parts) or _turned(sentence, parts):
        return True
    said, told = without_asides(sentence), [without_asides(part) for part in parts]
    if not settled and (changes.at_odds(said, told) or denials.at_odds(sentence, parts)):
        return True
    if unaffected.at_odds(sentence, parts):
        return True
    if denials.denied_too(sentence, parts) or changes.same_too(sentence, parts):
        return False
    if contrasted or settled:
        return False
    return all(contradicts(sentence, part) for part in nearest) or only_denied(sentence, parts)


def _turned(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the part that compares the same two things gives more, or less, to the other one."""
    compared = [part for part in _copied(sentence, parts) if sides_exchanged(sentence, part)]
    return bool(
        compared and changes.changes(sentence) and not changes.at_odds(sentence, compared[:1])
    )


def miscopied(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the part that it nearly copies has its numbers or things in other places."""
    stated, copied = numbers(sentence), _copied(sentence, parts)
    whole = [part for part in copied if stated <= numbers(part)]
    if whole:
        return any(wrong(sentence, whole[0]) for wrong in (exchanged, permuted, misplaced, swapped))
    return bool(copied) and substituted(sentence, copied[0])


def _replaced(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a part has the counterpart of a word, and none says as much in the sentence's own."""
    words = content_words(sentence)
    paired = OTHERS.keys() & WORD.findall(sentence.lower())  # "before" carries no meaning elsewhere
    told = BEFORE_AFTER if order.agrees(sentence, parts) else frozenset[str]()
    return any(replaced(sentence, part, but=told) for part in parts) and not any(
        words <= content_words(part) and paired <= set(WORD.findall(part.lower())) for part in parts
    )


def _copied(sentence: str, parts: Sequence[str]) -> list[str]:
    """The parts that the sentence may nearly copy, the nearest first."""
    words = content_words(sentence)
    shares = {part: containment(words, content_words(part)) for part in parts}
    return sorted((p for p in shares if shares[p] >= NEAR_COPY), key=lambda part: -shares[part])
