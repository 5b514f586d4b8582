"""Wrong claims beside passages, as a model or a hostile reader might make them, and right ones in
other words. All invented, labelled by hand before the rules were written that are to tell them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """Passages (title, text); claims that none of them bears, by kind; claims that one bears."""

    passages: tuple[tuple[str, str], ...]
    wrong: tuple[tuple[str, str], ...]
    right: tuple[str, ...]


CASES = (
    Case(
        (
            (
                "Velotinib in advanced renal carcinoma",
                (
                    "In this randomised, double-blind trial 412 adults with advanced renal "
                    "carcinoma received velotinib 50 mg daily or placebo for 24 weeks. Median "
                    "progression-free survival was 11.2 months with velotinib and 6.4 months with "
                    "placebo. Velotinib did not prolong overall survival. Hypertension occurred in"
                    " 38% of patients on velotinib and in 12% on placebo."
                ),
            ),
        ),
        (
            ("number", "Velotinib 500 mg daily was given for 24 weeks."),
            ("number", "Median progression-free survival was 12.1 months with velotinib."),
            (
                "swapped",
                "Hypertension occurred in 12% of patients on velotinib and in 38% on placebo.",
            ),
            ("swapped", "Progression-free survival was longer with placebo than with velotinib."),
            ("negation", "Velotinib prolonged overall survival in advanced renal carcinoma."),
            ("population", "The trial included 412 children with advanced renal carcinoma."),
            ("drug", "Sunitinib prolonged progression-free survival in advanced renal carcinoma."),
            ("overstated", "Velotinib cures advanced renal carcinoma."),
        ),
        (
            (
                "Progression-free survival was 11.2 months with velotinib against 6.4 months with "
                "placebo."
            ),
            "Velotinib did not improve overall survival.",
            "Hypertension was more frequent with velotinib (38%) than with placebo (12%).",
            "The trial compared 50 mg of velotinib daily with placebo in 412 adults.",
        ),
    ),
    Case(
        (
            (
                "Obesity and periodontitis in an urban clinic",
                (
                    "We examined 880 adults at an urban dental clinic. Obesity was present in 31% "
                    "and periodontitis in 44% of them. Body mass index was recorded at the first "
                    "visit. Periodontitis was treated with scaling, and its risk factors were "
                    "discussed with each patient."
                ),
            ),
        ),
        (
            ("relation", "Obesity increases the risk of periodontitis."),
            ("relation", "Obesity is associated with periodontitis in adults."),
            ("relation", "Obesity is a risk factor for periodontitis."),
            ("relation", "Periodontitis leads to a higher body mass index."),
            ("relation", "Scaling reduces the risk of obesity."),
            ("swapped", "Obesity was present in 44% and periodontitis in 31% of adults."),
        ),
        (
            "Periodontitis was found in 44% of 880 adults at a dental clinic.",
            "Of the adults examined, 31% had obesity.",
            "Scaling was the treatment of periodontitis.",
        ),
    ),
    Case(
        (
            (
                "Does magnesium reduce migraine days?",
                (
                    "Migraine is common. Whether magnesium reduces migraine days is unknown. We "
                    "describe the design of a trial in 300 women with migraine, who will receive "
                    "magnesium 400 mg or placebo for 12 weeks. Recruitment has begun in six "
                    "centres."
                ),
            ),
        ),
        (
            ("asked", "Magnesium reduces migraine days."),
            ("asked", "Magnesium reduces migraine days in women with migraine."),
            ("asked", "Magnesium 400 mg reduced migraine days over 12 weeks."),
            ("negation", "Magnesium does not reduce migraine days."),
        ),
        (
            "It is unknown whether magnesium reduces migraine days.",
            "A trial will give 300 women magnesium 400 mg or placebo for 12 weeks.",
        ),
    ),
    Case(
        (
            (
                "Night shifts and hypertension among nurses: a cohort study",
                (
                    "Among 5,210 nurses followed for eight years, those who worked night shifts "
                    "had a higher incidence of hypertension than those who worked days (hazard "
                    "ratio 1.34). Night shifts were not associated with diabetes. Smoking was more"
                    " common among night workers."
                ),
            ),
        ),
        (
            ("causality", "Night shifts cause hypertension in nurses."),
            ("causality", "Working night shifts raises blood pressure in nurses."),
            ("negation", "Night shifts were associated with diabetes among nurses."),
            (
                "direction",
                "Nurses on night shifts had a lower incidence of hypertension than day workers.",
            ),
            (
                "swapped",
                "Those who worked days had a higher incidence of hypertension than night workers.",
            ),
            ("number", "The hazard ratio for hypertension was 1.43."),
            (
                "population",
                "Male physicians who worked night shifts had a higher incidence of hypertension.",
            ),
            ("relation", "Smoking increases the incidence of hypertension in nurses."),
        ),
        (
            (
                "Nurses who worked night shifts had a higher incidence of hypertension (hazard "
                "ratio 1.34)."
            ),
            "There was no association between night shifts and diabetes.",
            "Night workers smoked more often.",
        ),
    ),
    Case(
        (
            (
                "Oral iron and fatigue in blood donors",
                (
                    "In a randomised trial, 240 female blood donors with low ferritin took iron 80"
                    " mg or placebo for eight weeks. Iron reduced fatigue and raised ferritin. "
                    "Haemoglobin did not differ between the groups. Constipation was more frequent"
                    " with iron."
                ),
            ),
            (
                "Vitamin C and colds in soldiers",
                (
                    "Vitamin C 1 g daily shortened colds in 300 soldiers by half a day. It did not"
                    " prevent them. Fatigue was not measured."
                ),
            ),
        ),
        (
            ("merged", "Vitamin C reduced fatigue in blood donors."),
            ("merged", "Iron and vitamin C reduced fatigue and shortened colds."),
            ("merged", "Iron 80 mg shortened colds in soldiers."),
            ("merged", "Vitamin C raised ferritin in female blood donors."),
            ("direction", "Iron increased fatigue in blood donors with low ferritin."),
            ("negation", "Vitamin C prevented colds in soldiers."),
            ("negation", "Haemoglobin differed between iron and placebo."),
            ("direction", "Constipation was less frequent with iron."),
            ("population", "Iron reduced fatigue in male blood donors."),
        ),
        (
            "Iron for eight weeks lowered fatigue in female blood donors with low ferritin.",
            "Vitamin C did not prevent colds.",
            "Colds were shortened by half a day with vitamin C 1 g daily.",
            "Constipation occurred more often with iron than with placebo.",
            "Haemoglobin was similar in both groups.",
        ),
    ),
    Case(
        (
            (
                "Interleukin-9 blockade in murine colitis",
                (
                    "In mice with colitis, blockade of interleukin-9 reduced weight loss and "
                    "attenuated inflammation of the colon. Interleukin-9 promoted the permeability"
                    " of the epithelium. Deletion of PU.1 abolished interleukin-9 production. No "
                    "effect on the small intestine was seen."
                ),
            ),
        ),
        (
            (
                "population",
                "In patients with colitis, blockade of interleukin-9 reduced weight loss.",
            ),
            (
                "population",
                "Blockade of interleukin-9 attenuated inflammation of the colon in humans.",
            ),
            (
                "swapped",
                "Interleukin-9 reduced weight loss and attenuated inflammation of the colon.",
            ),
            ("swapped", "Interleukin-9 abolished PU.1 production."),
            ("drug", "Blockade of interleukin-6 attenuated inflammation of the colon."),
            ("swapped", "Permeability of the epithelium promoted interleukin-9."),
            ("negation", "Blockade of interleukin-9 had an effect on the small intestine."),
        ),
        (
            "Blocking interleukin-9 attenuated colonic inflammation in mice.",
            "Interleukin-9 increased the permeability of the epithelium.",
            "The small intestine was not affected.",
        ),
    ),
    Case(
        (
            (
                "Home visits after stroke",
                (
                    "Home visits by therapists reduced readmissions after stroke from 21% to 14% "
                    "in a trial of 618 patients. Quality of life improved. Costs did not differ. "
                    "The visits had no effect on mortality at one year."
                ),
            ),
        ),
        (
            ("direction", "Home visits increased readmissions after stroke from 14% to 21%."),
            ("negation", "Home visits reduced mortality at one year."),
            ("number", "Home visits reduced readmissions after stroke to 4%."),
            ("number", "Home visits halved readmissions after stroke."),
            ("direction", "Quality of life worsened after home visits."),
            ("swapped", "Home visits reduced readmissions from 14% to 21%."),
            ("drug", "Telephone calls by therapists reduced readmissions after stroke."),
            ("negation", "Home visits did not reduce readmissions after stroke."),
            ("overstated", "Home visits prevent all readmissions after stroke."),
        ),
        (
            "Readmissions fell from 21% to 14% with home visits.",
            "Mortality at one year was not affected by the visits.",
            "Home visits improved quality of life.",
            "Home visits after stroke did not change costs.",
        ),
    ),
    Case(
        (
            (
                "Cordelamine for insomnia: pooled analysis",
                (
                    "Cordelamine shortened sleep latency by 9 minutes compared with placebo, and "
                    "doxepin shortened it by 15 minutes. Cordelamine caused fewer falls than "
                    "doxepin in older adults. Both drugs impaired driving on the next day."
                ),
            ),
        ),
        (
            ("swapped", "Doxepin caused fewer falls than cordelamine in older adults."),
            (
                "swapped",
                "Cordelamine shortened sleep latency by 15 minutes and doxepin by 9 minutes.",
            ),
            ("swapped", "Cordelamine caused more falls than doxepin in older adults."),
            ("negation", "Neither drug impaired driving on the next day."),
            ("drug", "Melatonin shortened sleep latency by 9 minutes compared with placebo."),
            ("population", "Cordelamine caused fewer falls than doxepin in adolescents."),
            ("direction", "Cordelamine prolonged sleep latency by 9 minutes."),
            ("causality", "Insomnia impairs driving on the next day."),
        ),
        (
            "Compared with placebo, sleep latency was 9 minutes shorter with cordelamine.",
            "In older adults there were fewer falls with cordelamine than with doxepin.",
            "Driving on the next day was impaired by both drugs.",
        ),
    ),
    Case(
        (
            (
                "Air filters and childhood asthma",
                (
                    "Air filters lowered fine particles in bedrooms by 40%. In children with "
                    "asthma, symptom-free days did not increase. Parents reported better sleep. "
                    "Dust mites were associated with wheeze, but cockroach allergen was not."
                ),
            ),
        ),
        (
            ("negation", "Air filters increased symptom-free days in children with asthma."),
            ("negation", "Cockroach allergen was associated with wheeze."),
            ("causality", "Dust mites cause wheeze in children with asthma."),
            ("number", "Air filters lowered fine particles in bedrooms by 60%."),
            ("direction", "Air filters raised fine particles in bedrooms by 40%."),
            ("relation", "Air filters reduce wheeze in children with asthma."),
            ("swapped", "Cockroach allergen was associated with wheeze, but dust mites were not."),
        ),
        (
            "Fine particles in bedrooms fell by 40% with air filters.",
            "Air filters did not increase symptom-free days in children with asthma.",
            "Wheeze was associated with dust mites.",
        ),
    ),
    Case(
        (
            (
                "Statin intolerance in general practice",
                (
                    "Of 2,300 patients who took a statin, 9% stopped because of muscle pain. "
                    "Simvastatin inhibits the synthesis of cholesterol. Creatine kinase was normal"
                    " in most patients with muscle pain. Grapefruit juice increases the "
                    "concentration of simvastatin."
                ),
            ),
        ),
        (
            ("relation", "Grapefruit juice increases muscle pain."),
            ("relation", "Muscle pain increases creatine kinase."),
            ("swapped", "Simvastatin increases the concentration of grapefruit juice."),
            ("swapped", "Cholesterol inhibits the synthesis of simvastatin."),
            ("drug", "Grapefruit juice increases the concentration of pravastatin."),
            ("number", "Of 2,300 patients, 19% stopped the statin because of muscle pain."),
            ("direction", "Grapefruit juice decreases the concentration of simvastatin."),
            ("negation", "Creatine kinase was not normal in most patients with muscle pain."),
        ),
        (
            "Simvastatin concentrations are raised by grapefruit juice.",
            "Muscle pain led 9% of 2,300 patients to stop their statin.",
            "Most patients with muscle pain had normal creatine kinase.",
        ),
    ),
)
