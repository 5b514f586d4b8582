"""What one party may or must do is not said of another one."""

from __future__ import annotations

import pytest

from vademecum.rag.parties import at_odds

CONTRACT = [
    "The Hospital may terminate the agreement at once if the Laboratory loses its accreditation.",
    "The Laboratory shall report results within 24 hours.",
]
INSURANCE = [
    "The insurer must be notified of any loss by the policyholder within seven days.",
    "The policyholder shall keep all receipts.",
]
MIETE = [
    "Der Vermieter muss die Heizung im Oktober warten lassen.",
    "Der Mieter hat Schäden sofort zu melden.",
]
PETS = ["Mieter dürfen Haustiere nur mit Zustimmung halten.", "Haustiere müssen gechippt sein."]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The Laboratory may terminate the agreement if it loses its accreditation.", CONTRACT),
        (
            "The Hospital shall report results within 24 hours.",
            [*CONTRACT, "The Hospital may pay."],
        ),
        ("If it loses its accreditation, the Laboratory may terminate the agreement.", CONTRACT),
        ("Der Mieter muss die Heizung im Oktober warten lassen.", MIETE),
    ],
)
def test_another_party_is_at_odds(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The Hospital may terminate the agreement if the Laboratory loses it.", CONTRACT),
        ("It may terminate the agreement if it loses its accreditation.", CONTRACT),
        # The Clinic is named nowhere: it may be the Hospital.
        ("The Clinic may terminate the agreement at once.", CONTRACT),
        ("The policyholder must notify the insurer of any loss within seven days.", INSURANCE),
        ("Der Vermieter muss die Heizung im Oktober warten lassen.", MIETE),
        ("Haustiere dürfen Mieter nur mit Zustimmung halten.", PETS),
    ],
)
def test_its_own_party_a_pronoun_and_an_unknown_name_are_not(
    sentence: str, parts: list[str]
) -> None:
    assert not at_odds(sentence, parts)
