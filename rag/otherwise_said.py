"""Everyday words of questions, and those that texts have for them.

Who asks whether a dog may be kept reads that "pets" need consent, and who asks what has to be
"bezahlt" that it is "zu entrichten". Where words decide whether a text speaks of what is asked
(`asked_english.py`, `asked_german.py`), a word is held by another one of its group. The groups are
of households, offices and clubs; they say that two words may mean the same, never that they do, so
no claim is checked by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

# Each group between semicolons: any of its words for any other.
ENGLISH = """start begin commence; end finish terminate; change replace exchange renew swap; repair
fix mend maintain; buy purchase; lose missing; fill refill; discard throw dispose; rubbish waste
garbage trash; phone telephone mobile; error fault failure; big bigger large larger; examine inspect
check test; lend borrow loan; bring return; shut close; son daughter child kid; doctor physician;
medicine drug medication; bike bicycle; flat apartment; holiday vacation; cancel withdraw; settle
resolve; increase rise; owe due payable; annual yearly year; monthly month; weekly week; daily
day"""
GERMAN = """bezahlen zahlen entrichten begleichen überweisen; putzen reinigen säubern; kaufen
erwerben; beginnen anfangen starten; enden beenden aufhören; kündigen beenden; Medikament Medizin
Arznei Arzneimittel; Gehalt Lohn Vergütung; Handy Mobiltelefon Telefon
Telefonnummer Handynummer; Lift Aufzug Fahrstuhl; Müll
Abfall; Fahrrad Rad; Klinik Krankenhaus; melden mitteilen anzeigen benachrichtigen; benutzen nutzen
verwenden; wegwerfen entsorgen; reparieren Reparatur Instandsetzung; kaputt defekt beschädigt;
ausleihen entleihen leihen; zurückgeben zurückbringen Rückgabe; offen geöffnet öffnen Öffnung;
schließen geschlossen; abstellen parken; liefern zustellen Zustellung; Strafe Bußgeld Geldbuße;
Kaution Mietsicherheit Sicherheitsleistung; Kita Kindertagesstätte Kindergarten; Werkzeug Gerät;
Hausmeister Hauswart; Vorgesetzter Chef; verlieren Verlust"""
# A kind, by its names, and after the colon what is of it: what is said of pets is said of dogs, and
# what is said of dogs of some pets, but nothing of cats.
ENGLISH_KINDS = """pet animal: dog cat rabbit hamster bird parrot; vehicle: car van lorry motorbike
scooter; instrument: piano violin guitar trumpet drum flute cello"""
GERMAN_KINDS = """Tier Haustier: Hund Katze Kaninchen Hamster Meerschweinchen Vogel Papagei;
Fahrzeug Kraftfahrzeug: Auto Wagen Motorrad Roller; Instrument Musikinstrument: Klavier Geige
Gitarre Trompete Flöte Schlagzeug Cello"""


def by_stem(groups: str, kinds: str, stem: Callable[[str], str]) -> Mapping[str, frozenset[str]]:
    """The stems that stand for each stem of these groups and kinds."""
    meant: dict[str, set[str]] = {}

    def meet(these: Iterable[str], those: Iterable[str]) -> None:
        others = {stem(word) for word in those}
        for word in map(stem, these):
            meant.setdefault(word, set()).update(others - {word})

    for group in groups.split(";"):
        meet(group.split(), group.split())
    for kind in kinds.split(";"):
        names, of_it = (part.split() for part in kind.split(":"))
        meet(names, [*names, *of_it])
        meet(of_it, names)
    return {word: frozenset(others) for word, others in meant.items()}
