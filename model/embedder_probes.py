"""Texts that an int8 form is made and checked with: what libraries hold, and what people ask."""

from __future__ import annotations


def _texts(written: str) -> list[str]:
    """One text for each paragraph."""
    return [" ".join(paragraph.split()) for paragraph in written.strip().split("\n\n")]


# What the largest inputs of each product are seen in.
CALIBRATION = _texts("""
Metformin for polycystic ovary syndrome. BACKGROUND: Insulin resistance is common in women with
polycystic ovary syndrome. METHODS: In this double-blind trial, 146 women aged 18 to 39 years were
assigned to metformin 850 mg twice daily or placebo for 24 weeks. RESULTS: Ovulation rates were 42%
and 29% (RR 1.45, 95% CI 1.04 to 2.02; P = 0.03). Nausea was more frequent with metformin (31% vs.
12%). CONCLUSIONS: Metformin raised the rate of ovulation modestly.

Structure of a bacterial efflux pump at 2.9 Å resolution. Multidrug transporters of the RND family
export β-lactams, tetracyclines and detergents. We report the cryo-EM structure of the trimer bound
to erythromycin, which shows how Phe-617 gates the distal pocket.

The tenant shall not assign this Agreement or sublet the premises without the prior written consent
of the landlord, which shall not be unreasonably withheld. Any assignment in breach of Section
12.3(b) is void. Notices take effect three business days after posting.

Revenue for the third quarter was $1,284.6 million, up 7.9% year over year; gross margin fell to
38.2% from 40.1% because of freight. The board declared a dividend of $0.22 per share, payable on
15 December to holders of record on 1 December.

Case report. A 67-year-old man with atrial fibrillation on warfarin presented with melena. INR was
8.4; hemoglobin, 6.9 g/dL. He received vitamin K 10 mg i.v. and four-factor prothrombin complex
concentrate. Endoscopy showed a duodenal ulcer (Forrest IIb); H. pylori was positive.

第三十九条 有下列情形之一的，用人单位可以解除劳动合同：在试用期间被证明不符合录用条件的；
严重违反用人单位的规章制度的。

Die Verjährungsfrist beträgt drei Jahre. Sie beginnt mit dem Schluss des Jahres, in dem der
Anspruch entstanden ist.

Prince Andrei looked at the oak by the road and thought of spring, of love, of happiness; the old
tree alone refused to yield to the season.

Table 2. Baseline characteristics | age, mean (SD) | 54.1 (9.8) | female, n (%) | 211 (48.6) | BMI,
kg/m2 | 29.4 (5.1) | smokers, n (%) | 97 (22.4)

Does vitamin D supplementation prevent respiratory infections?

CRISPR-Cas9 off-target cleavage in human embryos

statin myopathy risk factors

What notice must a landlord give before entering?

TP53
""")

# What int8 vectors are compared on: short and long, and as long as the model reads.
PROBES = _texts("""
Efficacy of an inhaled corticosteroid in preschool wheeze: a randomized controlled trial. We
enrolled 238 children aged 12 to 59 months with at least three episodes in the preceding year. The
primary outcome was the number of courses of oral corticosteroids. Intermittent budesonide did not
differ from daily treatment (0.95 vs. 0.97 per patient-year; P = 0.60), and the mean exposure was
lower by 104 mg.

Mitochondrial DNA copy number and lifespan in Drosophila melanogaster. Flies that overexpress the
helicase Twinkle lived 14% longer. ATP content and complex I activity were unchanged.

The Supplier's aggregate liability under or in connection with this Agreement shall not exceed the
fees paid in the twelve months preceding the claim, except for death or personal injury caused by
negligence, or fraud.

Net cash used in investing activities was $96.4 million, compared with $112.0 million in fiscal
2019, mainly for purchases of property and equipment.

本研究回顾性分析了一百二十例肝细胞癌患者的临床资料，比较了手术切除与射频消融的五年生存率。

Aspirin reduces the risk of colorectal adenoma recurrence.

Is hypothermia useful after cardiac arrest?

side effects of amiodarone

IL-6

?
""")
PROBES.append("\n\n".join((*CALIBRATION[:5], *PROBES)))
# A text of next to nothing has inputs that no other has: its cosine is 0.990 if they were not
# seen, and 0.994 if they were.
CALIBRATION.append("?")
