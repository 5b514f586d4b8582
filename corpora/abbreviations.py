"""Words that a full stop belongs to: English, German, of medicine, law and finance."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Abbreviations after which a sentence goes on, whatever follows. "Ca." and "Ed." are other words.
NEVER = _words(
    """approx Approx ca cf Cf e.g E.g i.e I.e eg ie vs viz fig figs Fig Figs eq eqs Eq Eqs ref refs
    Ref Refs no nos No Nos Dr Mr Mrs Ms Prof St resp sect Sect ed eds vol Vol pp incl excl esp
    var subsp cv Dept Univ Proc Suppl suppl adj Adj Messrs Hon Gov Sen Mt vit Vit deg med
    Supp Civ Crim Fed Evid
    abzgl Abs Abschn Art Aufl Az bzw Bd Beschl bspw Dipl evtl Fa gem Ggf ggf ggü Hs inkl insb insbes
    insg lit Mio Mrd Rdnr Rn Rz sog Tsd Urt Vgl vgl Ziff zzgl"""
)
# Abbreviations only before a number: "Art. II", "ch. 12", "(2d Cir. 1994)", "Tab. 2".
BEFORE_NUMBERS = _words(
    """Abb Anl Anm Ann App Bl BGBl Cal Ch Chap Cir Cl Conn Ct Del Ed Ex Exh Fla Gem Ill Jg Kap Mass
    Mich Minn Nr Ord Para Pt Pts Reg Rev Rptr S Sec Secs Stat Tab Tel Tex Tit Tz Wash Wis Zi
    art arts ch chap cl exh kap nr para paras pt pts reg sec secs stat tab tit wk yr"""
)
NUMBER = re.compile(r"[(§\d]|[IVXLC]+\b")
STREET = re.compile(r"\w*[Ss]tr")  # "Hauptstr. 5"
# Abbreviations that may also end a sentence (in small letters here): what follows decides.
MAYBE = _words(
    """al etc inc ltd co corp jr sr sp spp nov wt max temp conc est mil
    pers comm unpubl jan feb mar apr jun jul aug sept sep oct dec
    ff fn komm usw"""
)
DOTTED = re.compile(r"(?:[A-Za-zÄÖÜäöü]\.)+[A-Za-zÄÖÜäöü]|Ph\.D|[BM]\.Sc")
# What comes next in the names of courts, rules and reports: "88 F. Supp. 2d", "Fed. R. Civ. P."
NEXT_IN_CITATIONS = _words("Supp. Ct. Ed. Civ. Crim. App. Evid. R. L. Rptr.")
# Letters that stand for a word: "Roe v. Doe", "p. 12", "n. 5", "Kommentar z. HGB", "GG u. BGB".
LETTERS = _words("n p u v z")

# Words that begin sentences and hardly ever names: after an abbreviation they tell.
STARTERS = _words(
    """The This These Those That We Our It Its In On At By For From To With Of As An A All Both
    Each Some Many Most Among After Before During Although However Moreover Furthermore
    Therefore Thus Hence Here There Their They He She His Her When While Since If Because Also
    Additionally Finally Overall Interestingly Notably Importantly Conversely Similarly
    Consequently Nevertheless Results Methods Conclusions Conclusion Background Objective
    Objectives Patients Further Such Using Based Compared Despite Following No Not
    Only One Two Three Data Findings Treatment Mean Median Adverse
    Aber Alle Allerdings Als Am An Andere Anders Auch Auf Aus Bei Beide Dabei Daher Damit Danach
    Dann Darum Das Dem Den Denn Der Des Die Dies Diese Dieser Dieses Dort Durch Ein Eine Einer
    Einige Er Es Für Heute Hier Hierzu Ich Ihr Ihre Im Jede Jeder Jedes Jedoch Kein Keine Keiner
    Man Mit Nach Nicht Niemand Nun Nur Ob Ohne Seit Sie So Sodann Somit Trotz Über Und Unter Viele
    Vom Von Vor Was Weil Wenn Wer Wie Wir Zu Zum Zur Zwar"""
)
# "by J. Smith": a single letter after one of these, or after a name, is an initial.
BEFORE_NAMES = _words("and or by of from with to in for the see per after against und von der")

# German ordinals: "am 3. Tag", "der 2. Senat", "3. Aufl.", "1. Januar".
BEFORE_ORDINALS = _words(
    """ab alle am beim bis das dem den der des die diese diesem diesen dieser dieses ein eine einem
    einen einer im ihr ihre jede jeden jeder jedes oder sein seine seit und vom zum zur"""
)
ORDERED = _words(
    """Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember
    Abschnitt Aufl Auflage Band Bd Buch Grad Halbjahr Jahrestag Jahrhundert Jh Kammer Kapitel
    Lebensjahr Lebensmonat Mal Quartal Senat Stock Tag Teil Woche Zivilsenat"""
)
