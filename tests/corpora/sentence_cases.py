r"""Texts made up for these tests: `|` stands where a sentence ends, `\n` for a line's end.

A case counts only if every sentence of it ends where it should and nowhere else.
"""

from __future__ import annotations

MEDICINE = r"""
Smith et al. reported 12 cases. |We found none.
As Lee et al. (2019) argue, rest helps. |It is also cheap.
The drug was given i.v. to 40 mice. |All survived.
Ketamine 2 mg/kg i.m. was enough. |Nobody woke up.
He took 5 mg p.o. b.i.d. for a week. |The rash went away.
Doses of 0.5 to 1.5 mg were safe. |Larger ones were not.
Mortality fell by 3.5%. |Length of stay did not change.
The effect was small (p < .05). |It did not last.
Groups differed at p = .003. |No other test was significant.
P < .001. |That settles it.
The odds ratio was 1.9 (95% CI 1.1-3.2; P = .02). |Age explained it.
See Fig. 2 for the curves. |They cross twice.
As Figs. 3 and 4 show, the slope is flat. |Table 1 agrees.
The values are in Suppl. Table 4. |None is missing.
Ref. 12 says otherwise. |We could not repeat it.
Written by J. R. Smith and A. Doe. |Both are statisticians.
We thank Dr. A. B. Roe for the mice. |She bred them.
E. coli grew at 37 °C. |S. aureus did not.
Cultures of P. aeruginosa and K. pneumoniae were kept. |Both grew.
All had hepatitis C. |Patients improved within weeks.
Vitamin D was low in group A. |Group B was well supplied.
The limit was 5 mg/L. |Urine was clear.
Blood was drawn at 8 a.m. and at 4 p.m. on day 1. |Samples were frozen.
They rested for 30 min. |Heart rate fell to 62.
Samples were spun at 3000 g. |The pellet was kept.
Cells were kept in 5% CO2. |Media were changed daily.
Tested vs. placebo, it won. |The margin was narrow.
Some drugs, e.g. Statin A, were stopped, i.e. withdrawn. |Others went on.
BACKGROUND: Falls are common. |METHODS: We counted them. |RESULTS: There were 12.
Was it safe? |Yes. |Was it cheap? |No!
mRNA rose. |p53 did not. |α-Synuclein was absent.
Expression of c-Myc fell. |miR-21 rose twofold.
The trial (ClinicalTrials.gov no. NCT00000000) was stopped early. |Nobody knows why.
In all, 40 were enrolled. |12 patients left.
Of 20 eyes, 19 healed.1,2 |One did not.
The protein was found in mice.|These were young.
Approved by the U.S. Food and Drug Administration in 1998. |It sold well.
It came from Sigma Chemical Co. (St. Louis, MO). |The purity was 99%.
Data were analysed with SPSS v. 22.0. |Tests were two-sided.
The strain (ATCC no. 25922) was stored at -80 °C. |It was thawed once.
Serum was diluted approx. 1:100. |Plates were read at 450 nm.
Mean age was 54.2 y. |Most were women.
The cut-off of ca. 40 U/L was used. |Values above it are high.
Patients with NYHA class III vs. IV differed. |Class II was left out.
The gene lies on chromosome 1. |Its product is unknown.
Anti-TNF agents, incl. Drug B, were allowed. |Steroids were not.
It was injected s.c. (0.1 ml) on days 1, 3, etc. |The last dose was on day 9.
The answer is “no.” |(See also Table 2.) |More work is needed.
The patient said, "It hurts." |She was given ice.
No adverse events occurred ... |So they say.
The ratio was 1.5 +/- 0.2. |In controls it was 1.0 +/- 0.1.
Levels of vit. D were measured at wk. 4. |They had doubled.
The patient (Pt. 3) was a 54-yr.-old man. |He smoked.
Blood pressure was 120/80 mm Hg. |Pulse was 72.
Isolates of C. difficile and B. fragilis grew. |A. fumigatus did not.
The study by van der Berg et al. [12] found none. |Ours did.
Risk was higher (HR = 1.4, 95% C.I. 1.1 to 1.9). |Sex had no effect.
Treatment lasted 6 mo. |Follow-up was 2 yr.
Serum was stored at -20 deg. C. until use. |None was thawed.
Conc. HCl was added. |The pH fell to 2.
Drug X (Pfizer, Inc., New York, N.Y., USA) was used. |Drug Y was not.
Tumours of stage T1 vs. T2 were compared. |Neither spread.
Compared with group B. |This was unexpected.
Is IL-6 raised? |IL-6 is an inflammatory marker.
The first, i.e., the oldest, was excluded. |So were two others.
"""

LAW = r"""
The claim arises under 42 U.S.C. § 1983. |The court dismissed it.
See 17 C.F.R. § 240.10b-5. |Scienter must be pleaded.
In Roe v. Doe, 410 U.S. 999 (1973), the rule was laid down. |It still stands.
Smith v. Jones was overruled. |Nobody noticed.
Cf. Miller v. Poe, 12 F.3d 345, 350 (2d Cir. 1994). |There the facts differed.
The panel relied on 88 F. Supp. 2d 12 (S.D.N.Y. 2000). |We do not.
Id. at 17. |The dissent disagrees.
Under Fed. R. Civ. P. 12(b)(6) the motion is granted. |Leave to amend is denied.
Pursuant to Sec. 10(b) of the Act, notice is due. |It was not given.
Art. II, § 2 of the Constitution governs. |No statute can change it.
Acme Widgets Inc. (the "Company") is a Delaware corporation. |It was formed in 1999.
The Buyer is Roe & Co. Ltd. and the Seller is Doe Corp. of Ohio. |Both signed.
The Parties are Acme, Inc., and Bolt, LLC. |Each is a "Party".
As amended by Pub. L. No. 111-203, the Act applies. |It took effect in 2010.
See Restatement (Second) of Torts § 402A cmt. a (1965). |Comment b is narrower.
Section 4.2 survives termination. |Section 4.3 does not.
Payment is due within thirty (30) days, i.e. by June 1. |Interest runs from then.
Licensee shall pay U.S. $5.00 per unit. |Taxes are extra.
The fee is as set forth in Ex. 10.1 hereto. |It is final.
The rule of Brown v. Board of Education is settled. |It binds us.
Counsel for Mr. Doe, Mrs. Roe, and Ms. Poe appeared. |The judge did not.
The Court (per Stone, C.J.) affirmed. |Two justices dissented.
See, e.g., Doe v. Roe, No. 12-345, slip op. at 7 (Jan. 3, 2012). |It is on point.
"Affiliate" means any entity under common control. |"Control" means 50% or more.
4.1 Term. |This Agreement begins on Jan. 1, 2020. |It ends a year later.
1. Definitions |\n1.1 "Goods" means the widgets. |\n1.2 "Price" means $5.
(a) The Seller delivers. |\n(b) The Buyer pays. |\n(c) Neither may assign.
The following apply: |\n(i) notice in writing; |\n(ii) thirty days; |\n(iii) good cause.
ARTICLE I |\nDEFINITIONS |\n\nThe terms below are defined. |They bind both.
He cited 5 Cal. 4th 12 and 9 N.Y.2d 34. |Neither helped.
The plaintiff, John Q. Public, lost. |He appealed.
Liability is capped at $1.5 million. |The cap has exceptions.
Notice goes to 1 Main St. in Springfield. |Copies go to counsel.
The Act of Aug. 5, 1997, ch. 12, para. 3 was repealed. |Nothing replaced it.
Directive 95/46/EC, art. 7, applies. |So does its preamble.
The defendant, Acme Cos., Inc., moved to dismiss under Rule 12(b)(1). |Denied.
See Doe, 5 F.4th at 12; Roe, 7 S. Ct. 123, 4 L. Ed. 2d 56 (1999). |Both apply.
The U.S. Court of Appeals for the Ninth Cir. affirmed. |Cert. was denied.
The Board shall meet at 1 p.m. EST. |Quorum is five.
The Company (f/k/a Bolt, Inc.) sits at 12 Elm Ave., Suite 4, Dover, DE. |It moved there.
Gov. Roe and Sen. Doe signed H.R. 12. |It became law.
Plaintiff seeks relief under Tit. VII. |The claim is late.
Exhibit A hereto, as amended from time to time, controls. |Exhibit B is void.
No. 5 is reserved. |No. 6 applies.
"""

FINANCE = r"""
Revenue rose 3.5% to $1.2 billion. |Margins fell.
Net sales were approx. $4.5 million vs. $4.1 million in the prior year. |Volume drove this.
Earnings per share were $.45. |Last year they were $.52.
The quarter ended Sept. 30, 2022. |It had 13 weeks.
On Jan. 31, 2023, we repaid the notes. |No debt remains.
Acme Inc. and Bolt Corp. agreed to merge. |The deal closes in May.
Shares of Acme Inc. fell 4%. |Shares of Bolt plc rose.
See Note 5. |Inventories are stated at cost.
Refer to Item 7A. |Market risk is described there.
Adj. EBITDA was 20.1% of sales. |Capital spending was flat.
Our U.S. segment grew. |The U.K. segment shrank.
We operate in the U.S. |We also operate in Canada.
Cash was $55 mil. at year end. |It was $60 mil. before.
The rate was 4.25% p.a. on average. |It is now 5.5%.
Standard & Poor's Corp. affirmed the rating. |The outlook is stable.
The dividend of $0.10 per share was paid on Dec. 15. |The next is due in March.
Operating income (excl. one-time items) was up. |Taxes were not.
Q4 was strong. |Q1 will be weak.
Guidance: sales of $2.0 to $2.1 billion. |We do not guide on margins.
The ratio was 1.5x. |Covenants require 1.2x.
Comparable sales fell (2.3%). |Online sales rose.
J. P. Roe & Co. acted as adviser. |Its fee was $1 million.
Mr. Smith, our C.E.O., resigned. |The board thanked him.
The notes mature on Nov. 1, 2027. |They bear interest at 3.75%.
Amounts are in millions, except per-share data. |Totals may not add up.
Sales in the U.S. rose 5%. |In Canada they fell.
Net income was $1.2 bn. |It was $0.9 bn. a year ago.
Fiscal yr. 2021 had 53 weeks. |Fiscal 2022 had 52.
The Co. repaid $5 m. of debt. |Cash fell.
EPS (dil.) was $2.10. |Analysts expected $2.05.
St. Louis Corp. paid Mt. Vernon Ltd. on Feb. 3. |The fee was waived.
"""

GERMAN = r"""
Das gilt nach Art. 5 Abs. 1 GG. |Satz 2 bleibt unberührt.
Nach § 433 Abs. 1 Satz 1 Nr. 3 BGB ist zu liefern. |Der Käufer zahlt.
Vgl. §§ 305 ff. BGB. |Die Klausel ist unwirksam.
Am 1. Januar 2020 trat das Gesetz in Kraft. |Es gilt noch.
Die Frist endet am 31. Dezember. |Danach verfällt der Anspruch.
Im 19. Jahrhundert war das anders. |Heute nicht mehr.
Der 3. Senat hat entschieden. |Das Urteil ist rechtskräftig.
Viele Mittel, z. B. Aspirin, senken Fieber. |Einige wirken länger.
Es ist, d. h. es war, verboten. |Niemand hielt sich daran.
Man nahm u. a. Blut ab. |Die Werte waren normal.
Die Dosis lag bei ca. 5 mg. |Sie wurde erhöht.
Das Medikament bzw. Placebo wurde verblindet. |Keiner wusste davon.
Ggf. Rücksprache halten. |Die Nummer steht im Anhang.
Siehe Abb. 3 und Tab. 2. |Beide stammen aus 2019.
Siehe S. 12 und Bd. 4. |Dort steht mehr.
Herr Dr. Meier und Frau Prof. Schulze kamen. |Sie blieben lange.
Der Umsatz stieg um 3,5 % auf 1,2 Mio. Euro. |Der Gewinn fiel.
Es kostete 5 Mrd. Euro. |Das war zu viel.
Gemäß Art. 6 Abs. 1 lit. f DSGVO ist das erlaubt. |Andere sehen das anders.
Der BGH (Urt. v. 3. Mai 2012, Az. I ZR 1/11) sah das so. |Dem ist zu folgen.
Das BGBl. I S. 42 ist maßgeblich. |Es wurde berichtigt.
Er wohnt in der Hauptstr. 5 in Bonn. |Sie wohnt in Köln.
Es gilt § 5 i. V. m. § 7. |Absatz 2 gilt nicht.
Der Patient war 54 Jahre alt. |Er rauchte nicht.
Das war 2019. |Danach kam nichts mehr.
Es waren insgesamt 12. |Die anderen fehlten.
Wer zahlt? |Der Käufer! |Und wann?
Er sagte: „Das reicht.“ |Dann ging er.
„Kommen Sie mit?“, fragte er. |Sie nickte.
Obst, Gemüse usw. wurden gewogen. |Alles war frisch.
Die sog. Normalgruppe blieb gesund. |Die andere nicht.
Sie nahm max. 3 Tabletten. |Mehr wären schädlich.
Im Jahr 1990 wurde die 2. Auflage gedruckt. |Die 3. folgte bald.
Nr. 7 ist gestrichen. |Nr. 8 gilt fort.
Der Vertrag vom 15. 3. 2011 endet. |Er wird nicht verlängert.
§ 1 Zweck |\nDieses Gesetz gilt. |\n\n§ 2 Begriffe |\n\n(1) Es gelten diese. |\n(2) Andere nicht.
(1) Der Verkäufer liefert. |\n(2) Der Käufer zahlt. |Er nimmt die Sache ab.
Folgendes ist verboten: |\n1. Rauchen, |\n2. Trinken.
Die Fa. Roth GmbH & Co. KG klagt. |Die Beklagte bestreitet das.
Vgl. Meier, in: Komm. z. HGB, 3. Aufl. 2010, Rn. 12. |Anders Schmidt.
Hierzu s. o. und s. u. in Kap. 4. |Dort wird es erklärt.
Das Fieber stieg auf 39,5 °C. |Am 3. Tag sank es.
Die Prüfung findet am Mo., dem 5. Juni, statt. |Sie dauert 2 Std. ohne Pause.
Laut Prof. Dr. med. Klein ist das falsch. |Er irrt.
Gem. § 7 Abs. 2 S. 1 Hs. 2 VwGO ist sie zulässig. |Sie ist begründet.
Die Fa. haftet ggü. Dritten nicht. |Anders die Gesellschafter.
Es wurden 20 Pat. behandelt. |Zwei starben.
Vor ca. 3 Wo. begann das Fieber. |Es stieg auf 40 °C.
Er verwies auf Art. 3 Abs. 1, Art. 12 GG u. Art. 14 GG. |Das Gericht folgte ihm.
So z.B. bei Diabetes mellitus Typ 2. |Hier hilft Bewegung.
Das war ein Fehler v. a. des 2. Zeugen. |Der erste schwieg.
Karl IV. regierte lange. |Karl V. folgte.
Das Gesetz i. d. F. v. 1. 1. 2020 gilt. |Das alte ist aufgehoben.
"""

CHINESE = r"""
研究目的：评估疗效。|方法：共纳入120例患者。|结果：有效率为93.5%。
平均年龄为54.2岁。|男性占多数。
差异有统计学意义（P<0.05）。|两组不良反应相似。
是否安全？|是的！|费用如何？
他说：“有效。”|随后离开。
她问：“要住院吗？”|医生点头。
剂量为0.5 mg/kg，每日2次。|疗程为4周。
（一）出卖人应当交付标的物；|\n（二）买受人应当支付价款。
第一条　为了保护民事主体的合法权益，制定本法。|\n第二条　民法调整平等主体之间的关系。
第一章　总则|\n第一条　本法适用于境内。|\n第二条　另有规定的，从其规定。
依照本法第十条、第十一条的规定处理。|构成犯罪的，追究刑事责任。
《民法典》自2021年1月1日起施行。|《合同法》同时废止。
见图1。|表2列出了全部数据。
（详见附件。）|其余不变。
患者服用阿司匹林（Aspirin）100 mg。|未见出血。
疗效显著……但费用较高。|患者仍接受。
该药由ABC Co. Ltd.生产。|批号为A-12。
有效！！|真的吗？！|真的。
体温37.5℃。|脉搏80次/min。
2020年营业收入为3.5亿元。|同比增长12%。
患者诉头痛、头晕、乏力等；查体未见异常。|予以观察。
Smith等报告了12例。|我们未发现类似病例。
根据Fig. 2可见曲线下降。|这与文献一致。
“本合同”是指双方签订的合同。|“甲方”是指出卖人。
甲方：某公司。|乙方：某人。
结果显示，A组优于B组（t=2.31，P=0.02）。|C组无差异。
截至2022年12月31日，总资产为1.2亿元；净资产为0.5亿元。|负债率下降3.5个百分点。
参见[12]。|另见第3章第2节。
"""

CASES: dict[str, str] = {
    "medicine": MEDICINE,
    "law": LAW,
    "finance": FINANCE,
    "german": GERMAN,
    "chinese": CHINESE,
}


def cases(domain: str) -> list[tuple[str, list[str]]]:
    """The texts of a domain, each with its sentences."""
    found = []
    for line in CASES[domain].strip().splitlines():
        marked = line.replace(r"\n", "\n")
        parts = [part.strip() for part in marked.split("|")]
        found.append((marked.replace("|", ""), parts))
    return found
