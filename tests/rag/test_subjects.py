"""What a clause says of one thing is not said of another that the passage names."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.sentences import sentences_of
from vademecum.rag.subjects import at_odds

SHOCK = (
    "In septic shock noradrenaline is the first-line vasopressor; vasopressin may be added when the"
    " dose of noradrenaline exceeds 0.25 micrograms/kg/min. Hydrocortisone is given if shock"
    " persists."
)
WITHDRAWAL = (
    "Benzodiazepines are the treatment of choice for alcohol withdrawal, and haloperidol should be"
    " reserved for hallucinations that persist."
)
FIBRILLATION = (
    "Apixaban is recommended over warfarin for most patients with atrial fibrillation. Warfarin"
    " remains the drug of choice for patients with mechanical valves."
)
PROPHYLAXIS = (
    "A single dose of cefuroxime is given within 60 minutes before incision. Oral neomycin is given"
    " the day before colorectal surgery."
)
COMPANY = (
    "The supervisory board appoints the managing directors and sets their pay. The general meeting"
    " elects the auditor and approves dividends. The auditor reports to the supervisory board."
)
RESULTS = (
    "Cloud services contributed 62% of revenue, while hardware was loss-making. The board proposes"
    " to sell the hardware division to Norvex AG, and Keltra plc advises on the sale."
)
REPAIRS = (
    "The Tenant pays for repairs up to EUR 100. All other repairs are paid by the Landlord. Norvex"
    " AG keeps the keys."
)
REVERSAL = (
    "Idarucizumab reverses dabigatran; andexanet reverses apixaban. Warfarin is reversed by vitamin"
    " K. Heparin can be removed in part by dialysis."
)
LOAN = (
    "The Lender pays the fees of the valuer. The Agent keeps the register of loans, and the"
    " Borrower sends accounts each quarter. Notices are sent by the Agent."
)
SOFTWARE = (
    'The Contractor ("Provider") installs the software; the Customer ("User") tests it. Defects are'
    " corrected by the Provider. The Supplier means the Contractor."
)


def parts(passage: str) -> list[str]:
    return [passage[start:end] for start, end in sentences_of(passage)]


ROOMS = (
    "The reading room closes at six. Maps are kept in the reading room. The room is heated in "
    "winter."
)


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Vasopressin is the first-line vasopressor in septic shock.", SHOCK),
        ("The first-line vasopressor is hydrocortisone.", SHOCK),
        ("Noradrenaline is given if shock persists.", SHOCK),
        ("Haloperidol is the treatment of choice for alcohol withdrawal.", WITHDRAWAL),
        ("Benzodiazepines should be reserved for hallucinations that persist.", WITHDRAWAL),
        ("Warfarin is recommended for most patients with atrial fibrillation.", FIBRILLATION),
        ("Apixaban is the drug of choice for patients with mechanical valves.", FIBRILLATION),
        ("A single dose of neomycin is given within 60 minutes before incision.", PROPHYLAXIS),
        ("The supervisory board elects the auditor.", COMPANY),
        ("The managing directors approve dividends.", COMPANY),
        ("Hardware contributed 62% of revenue.", RESULTS),
        ("Cloud services were loss-making.", RESULTS),
        ("Norvex AG advises on the sale.", RESULTS),
        # What is done by another, whichever way the two put it.
        ("Dabigatran is reversed by andexanet.", REVERSAL),
        ("Andexanet reverses dabigatran.", REVERSAL),
        ("Idarucizumab reverses warfarin.", REVERSAL),
        ("Warfarin is reversed by andexanet.", REVERSAL),
        # Parties whose names are general words elsewhere.
        ("The Agent pays the fees of the valuer.", LOAN),
        # "Pays", "paid": no ending makes the one the other.
        ("The fees of the valuer are paid by the Agent.", LOAN),
        ("Notices are sent by the Borrower.", LOAN),
        ("Defects are corrected by the User.", SOFTWARE),
        ("The User installs the software.", SOFTWARE),
    ],
)
def test_another_thing_is_the_subject(claim: str, passage: str) -> None:
    assert at_odds(claim, parts(passage))


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The vasopressor of first choice in septic shock is noradrenaline.", SHOCK),
        ("The first-line vasopressor is noradrenaline.", SHOCK),
        ("When shock persists, hydrocortisone is given.", SHOCK),
        ("Apixaban is recommended over warfarin.", FIBRILLATION),
        ("The auditor is elected by the general meeting.", COMPANY),
        ("The supervisory board sets the pay of the managing directors.", COMPANY),
        ("The general meeting approves dividends.", COMPANY),
        ("Keltra plc is the adviser on the sale.", RESULTS),
        # "Paid" is no form of "pays", and yet the landlord's.
        ("The Landlord pays for all other repairs.", REPAIRS),
        ("Dabigatran is reversed by idarucizumab.", REVERSAL),
        ("Vitamin K reverses warfarin.", REVERSAL),
        ("Dialysis removes heparin in part.", REVERSAL),
        ("The fees of the valuer are paid by the Lender.", LOAN),
        ("The Agent sends notices.", LOAN),
        ("The Contractor corrects defects.", SOFTWARE),
        ("The Supplier installs the software.", SOFTWARE),
        # Nobody is named behind the verb.
        ("The reading room is heated in winter.", ROOMS),
        # A thing that the passage does not name: for others to tell.
        ("Dopamine is the first-line vasopressor in septic shock.", SHOCK),
    ],
)
def test_it_is_said_of_this_one(claim: str, passage: str) -> None:
    assert not at_odds(claim, parts(passage))


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        (
            "Bisoprolol reduces mortality.",
            "Beta-blockers reduce mortality. Bisoprolol is a beta-blocker.",
        ),
        ("Atorvastatin lowers LDL.", "Statins such as atorvastatin exist. Statins lower LDL."),
        (
            "Paracetamol relieves pain.",
            "Paracetamol (acetaminophen) is safe. Acetaminophen relieves pain.",
        ),
        (
            "Tranexamic acid reduced deaths from bleeding.",
            "Tranexamic acid was studied. TXA reduced deaths from bleeding.",
        ),
        (
            "Smokers had strokes after surgery.",
            "People who smoke had more strokes after surgery. Smokers were older.",
        ),
        (
            "Blood pressure was measured by general practitioners.",
            "The patients were treated by general practitioners. GPs measured blood pressure.",
        ),
        (
            "Fever is reduced by acetaminophen.",
            "Paracetamol (acetaminophen) is safe. Fever is reduced by paracetamol.",
        ),
        # "Agent" is no party where the passage has it small.
        (
            "The agent lowered pressure.",
            "Losartan lowered pressure. The agent was well tolerated.",
        ),
        # "The inhibitor" may be what was named before.
        (
            "Empagliflozin reduced admissions.",
            "Empagliflozin was compared with placebo. The inhibitor reduced admissions.",
        ),
        # The same in another word for the change, and in none at all.
        (
            "Metformin lowered glucose.",
            "Insulin lowered glucose by 20%. Metformin reduced glucose, too.",
        ),
        (
            "Pregabalin relieved pain in half of them.",
            "Gabapentin relieved pain in half of them; so did pregabalin.",
        ),
    ],
)
def test_another_name_of_the_same_thing(claim: str, passage: str) -> None:
    assert not at_odds(claim, parts(passage))


def test_german_passages_are_left_to_others() -> None:
    told = ("Tetrazyklin wird Kindern nicht gegeben.", "Penicillin hilft bei Angina.")
    assert not at_odds("Tetrazyklin hilft bei Angina.", told)


def test_copies_are_never_at_odds() -> None:
    for passage in (
        SHOCK,
        WITHDRAWAL,
        FIBRILLATION,
        PROPHYLAXIS,
        COMPANY,
        RESULTS,
        REPAIRS,
        REVERSAL,
        LOAN,
    ):
        told = parts(passage)
        assert not any(at_odds(part, told) for part in told)


def test_such_a_claim_is_not_supported(source_of, embedder) -> None:
    source = source_of(1, SHOCK, "A guideline")
    wrong, right = (
        check(f"{drug} is the first-line vasopressor [1].", [source], embedder).sentences[0].support
        for drug in ("Vasopressin", "Noradrenaline")
    )
    assert (wrong, right) == ("unsupported", "supported")


def test_a_short_answer_says_what_was_asked(source_of, embedder) -> None:
    source = source_of(1, SHOCK, "A guideline")
    for drug, support in (("vasopressin", "unsupported"), ("noradrenaline", "supported")):
        question = f"Is {drug} the first-line vasopressor in septic shock?"
        for answer in (f"Yes, {drug} [1].", f"Yes, {drug} is the first-line vasopressor [1]."):
            (sentence,) = check(answer, [source], embedder, question=question).sentences
            assert sentence.support == support
            assert sentence.text.startswith(f"Yes, {drug}")
