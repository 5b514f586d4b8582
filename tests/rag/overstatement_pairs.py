"""Sentences beside the passages that they cite, labelled by hand: is an effect claimed where the
passage reports a connection alone? All invented."""

from __future__ import annotations

# The passage reports that two things go together; the sentence says that one changes the other.
OVERSTATED = [
    (
        "Statins lower mortality in patients with COVID-19.",
        "Statin use was associated with lower mortality in patients with COVID-19.",
    ),
    (
        "Statin use reduces mortality among hospitalised patients.",
        "Among hospitalised patients, statin use was associated with reduced mortality.",
    ),
    (
        "Smoking causes hearing loss in older adults.",
        "In older adults, smoking was linked to hearing loss.",
    ),
    (
        "Coffee prevents type 2 diabetes.",
        "Coffee consumption was inversely associated with the incidence of type 2 diabetes.",
    ),
    (
        "Vitamin D deficiency leads to depression.",
        "Vitamin D deficiency was correlated with depression scores.",
    ),
    (
        "Low vitamin D levels increase the risk of depression.",
        "Low vitamin D levels are a predictor of depression in this cohort.",
    ),
    (
        "Mortality was reduced by early physiotherapy.",
        "Early physiotherapy was associated with reduced mortality after adjustment.",
    ),
    (
        "Hip fractures are caused by proton pump inhibitors.",
        "Long-term use of proton pump inhibitors was associated with hip fractures.",
    ),
    (
        "Air pollution increased hospital admissions for asthma.",
        "Air pollution correlated positively with hospital admissions for asthma.",
    ),
    (
        "Breastfeeding improves cognitive scores at school age.",
        (
            "Children who had been breastfed had higher cognitive scores at school age; "
            "breastfeeding was associated with cognitive scores after adjustment for income."
        ),
    ),
    (
        "The study found that regular exercise prevents dementia.",
        "Regular exercise was associated with a lower incidence of dementia during follow-up.",
    ),
    (
        "Night work raises the risk of breast cancer.",
        "A positive relationship between night work and breast cancer was observed.",
    ),
    (
        "Loneliness can lead to heart failure.",
        "Loneliness was an independent predictor of incident heart failure.",
    ),
    (
        "Pesticides cause Parkinson disease.",
        "Occupational exposure to pesticides is a risk factor for Parkinson disease.",
    ),
    (
        "Antibiotics in infancy induce asthma.",
        "Use of antibiotics in infancy has been linked with asthma at the age of six.",
    ),
    (
        "Obesity worsens outcomes of influenza.",
        "Obesity was independently associated with worse outcomes of influenza.",
    ),
    (
        "Metformin lowers the incidence of liver cancer, which makes it attractive.",
        (
            "Metformin users had a lower incidence of liver cancer than non-users in this "
            "retrospective cohort."
        ),
    ),
    (
        "Beta blockers prolong survival in ovarian cancer.",
        (
            "In a registry-based cohort, patients on beta blockers with ovarian cancer were more "
            "likely to survive five years."
        ),
    ),
    (
        "Red meat increases the risk of colorectal cancer.",
        (
            "We found an association between red meat and colorectal cancer. The risk rose with "
            "the amount eaten."
        ),
    ),
    (
        "Sleep apnoea contributes to stroke.",
        "Sleep apnoea and stroke were significantly associated in a cross-sectional analysis.",
    ),
    (
        "Influenza vaccination protects against myocardial infarction.",
        "Influenza vaccination was associated with fewer myocardial infarctions in the registry.",
    ),
    (
        "Statins lower mortality in COVID-19.",
        (
            "Statins lower cholesterol. In this cohort, statins were associated with lower "
            "mortality in COVID-19."
        ),
    ),
    (
        "Statins lower mortality in COVID-19.",
        (
            "Dexamethasone lowers mortality in COVID-19. Statins were associated with lower "
            "mortality in COVID-19."
        ),
    ),
    (
        "Statins reduce mortality in COVID-19.",
        (
            "Statins were associated with lower mortality in COVID-19. Randomised trials are "
            "needed to establish whether statins reduce mortality in COVID-19."
        ),
    ),
    (
        "Statins reduce mortality in COVID-19.",
        (
            "We aimed to determine whether statins reduce mortality in COVID-19. Statin use was "
            "associated with lower mortality."
        ),
    ),
    (
        "Statins reduce mortality in COVID-19.",
        (
            "Statin use was associated with lower mortality in COVID-19. Statins may reduce "
            "mortality through their effects on inflammation."
        ),
    ),
    (
        "Periodontitis triggers preterm birth.",
        "Periodontitis was more common in women with preterm birth and was associated with it.",
    ),
    (
        "Higher ferritin levels led to intensive care admission.",
        "Higher ferritin levels were associated with intensive care admission.",
    ),
    (
        "Delirium doubles the length of stay.",
        "Delirium was associated with a doubled length of stay.",
    ),
    (
        "Anaemia is responsible for falls in nursing homes.",
        "Anaemia was associated with falls in nursing homes.",
    ),
    (
        "Poor oral hygiene has a harmful effect on lung function.",
        "Poor oral hygiene correlated with impaired lung function.",
    ),
    (
        "High screen time shortens sleep, and it is common.",
        "High screen time was associated with shorter sleep.",
    ),
    (
        "Alcohol is a cause of atrial fibrillation.",
        "Alcohol intake and atrial fibrillation were associated in a dose-dependent manner.",
    ),
    (
        "Greater continuity of care reduced emergency visits.",
        "Greater continuity of care was associated with fewer emergency visits.",
    ),
    (
        "Maternal stress impairs infant sleep, thereby increasing maternal fatigue.",
        "Maternal stress was related to infant sleep problems and maternal fatigue.",
    ),
    (
        "Education has reduced dementia risk.",
        "Education was inversely associated with dementia risk.",
    ),
]

# The passage states the effect, or a design that shows one, or the sentence claims none.
BORNE_OUT = [
    (  # a trial that says so
        "Dexamethasone reduces mortality in COVID-19.",
        "In this randomised trial, dexamethasone reduced mortality in COVID-19.",
    ),
    (  # a meta-analysis that says so, association or not
        "Corticosteroids lower mortality in sepsis.",
        (
            "In a meta-analysis of 22 trials, corticosteroids reduced mortality in sepsis and were "
            "associated with more hyperglycaemia."
        ),
    ),
    (
        "Aspirin increases major bleeding.",
        "Aspirin increased major bleeding by 45%. Age was associated with bleeding.",
    ),
    (  # assigned at random: what goes with the treatment comes from it
        "Tranexamic acid reduces blood loss.",
        (
            "Patients were randomly assigned to tranexamic acid or placebo. Tranexamic acid was "
            "associated with less blood loss."
        ),
    ),
    (
        "Zinc shortens the common cold.",
        (
            "In this double-blind, placebo-controlled trial, zinc was associated with a shorter "
            "common cold."
        ),
    ),
    (  # hedged
        "Statins may lower mortality in COVID-19.",
        "Statin use was associated with lower mortality in COVID-19.",
    ),
    (
        "Statins might possibly reduce mortality in COVID-19.",
        "Statin use was associated with lower mortality in COVID-19.",
    ),
    (
        "These data suggest that statins reduce mortality in COVID-19.",
        "Statin use was associated with lower mortality in COVID-19.",
    ),
    (
        "Coffee appears to prevent type 2 diabetes.",
        "Coffee was inversely associated with type 2 diabetes.",
    ),
    (
        "It is unclear whether coffee prevents type 2 diabetes.",
        "Coffee was inversely associated with type 2 diabetes.",
    ),
    (  # as the passage has it
        "Statin use was associated with lower mortality in COVID-19.",
        "Statin use was associated with lower mortality in COVID-19.",
    ),
    (
        "Statins are associated with reduced mortality in COVID-19.",
        "Statin use was associated with lower mortality in COVID-19.",
    ),
    (
        "Use of statins was linked to a reduced risk of death.",
        "Statin use was associated with a lower risk of death.",
    ),
    (
        "Lower mortality was seen in statin users with COVID-19.",
        "Statin use was associated with lower mortality in COVID-19.",
    ),
    (
        "Patients on statins had lower mortality and increased survival.",
        "Statin use was associated with lower mortality and increased survival.",
    ),
    (
        "Increased ferritin was a predictor of reduced survival.",
        "Ferritin was associated with reduced survival.",
    ),
    (
        "An increase in ferritin predicts death.",
        "An increase in ferritin was associated with death.",
    ),
    (
        "Smoking is a risk factor for increased hearing loss.",
        "Smoking was associated with increased hearing loss.",
    ),
    (  # nobody acts
        "Mortality decreased over time.",
        "Calendar year was associated with mortality, which decreased over time.",
    ),
    (
        "The prevalence of anaemia increases with age.",
        "Age was associated with the prevalence of anaemia.",
    ),
    (
        "Mortality was reduced in statin users.",
        "Statin use was associated with lower mortality.",
    ),
    (  # denied
        "Statins do not reduce mortality in COVID-19.",
        "Statin use was not associated with lower mortality in COVID-19.",
    ),
    (
        "No drug prevents relapse.",
        "None of the drugs was associated with relapse.",
    ),
    (
        "Early surgery has no effect on survival.",
        "Early surgery was not associated with survival.",
    ),
    (  # purpose, not assertion
        "Metformin is used to reduce blood glucose.",
        "Metformin, a drug for lowering blood glucose, was associated with less cancer.",
    ),
    (
        "Interventions are needed to prevent falls.",
        "Polypharmacy was associated with falls.",
    ),
    (  # the effect in other words
        "Metformin lowers blood glucose.",
        "Metformin leads to a reduction of blood glucose and is associated with weight loss.",
    ),
    (
        "Mutations in PKD1 cause polycystic kidneys.",
        (
            "Polycystic kidneys are caused by mutations in PKD1. Blood pressure was associated "
            "with renal decline."
        ),
    ),
    (
        "Rifampicin induces hepatic enzymes.",
        (
            "Induction of hepatic enzymes by rifampicin was shown. Dose was associated with the "
            "induction of enzymes."
        ),
    ),
    (
        "Sildenafil improves exercise capacity.",
        (
            "There was a significant improvement of exercise capacity with sildenafil. Baseline "
            "capacity was associated with outcome."
        ),
    ),
    (
        "Ketamine alleviates depression within hours.",
        "It alleviates depression within hours. Ketamine was associated with dissociation.",
    ),
    (
        "Ketamine alleviates depression within hours.",
        "Treatment alleviated depression. Ketamine dose was associated with depression scores.",
    ),
    (  # the passage neither states an effect nor speaks of a connection
        "Dexamethasone reduces mortality.",
        "Mortality at 28 days was 22.9% with dexamethasone and 25.7% with usual care.",
    ),
    (
        "Compound 7 slows tumour growth in mice.",
        "Tumours were smaller in mice given compound 7 than in controls.",
    ),
    (  # the connection is another matter
        "Aspirin reduces fever.",
        "Fever fell within an hour of aspirin. Age was associated with length of stay.",
    ),
    (
        "Warfarin increases bleeding.",
        "Warfarin causes bleeding; its dose was associated with bleeding.",
    ),
    (
        "Salt raises blood pressure.",
        (
            "The effect of salt on blood pressure is well established: salt raises blood pressure. "
            "Salt intake was associated with stroke."
        ),
    ),
    (
        "Hand hygiene helps to prevent infection.",
        "Hand hygiene prevents infection. Staffing was associated with infection.",
    ),
    (
        "The leading cause of death was heart failure.",
        "Heart failure was associated with death.",
    ),
    (
        "All-cause mortality was lower with statins.",
        "Statins were associated with lower all-cause mortality.",
    ),
    (
        "The results in women were related to increases in weight.",
        "Results in women were associated with increases in weight.",
    ),
    (
        "Exercise was effective in reducing falls.",
        "Exercise was effective in reducing falls. Age was associated with falls.",
    ),
    (
        "The vaccine protects children against measles.",
        "The vaccine protected children against measles. Crowding was associated with measles.",
    ),
    (
        "Reduced kidney function and increased age were associated with death.",
        "Kidney function and age were associated with death.",
    ),
    (
        "Researchers increased the dose in patients with anaemia.",
        "The dose was associated with anaemia.",
    ),
    (
        "Should statins be used to lower mortality?",
        "Statin use was associated with lower mortality.",
    ),
    (  # the sentence that names the design names its aim too
        "Remdesivir shortens recovery in COVID-19.",
        (
            "We conducted a randomized, double-blind, placebo-controlled trial to assess "
            "remdesivir in adults. Remdesivir was associated with shorter recovery in COVID-19."
        ),
    ),
    (
        "Zinc reduces diarrhoea in children.",
        (
            "To evaluate zinc, 300 children were randomly assigned to zinc or placebo. "
            "Zinc was associated with less diarrhoea in children."
        ),
    ),
    (  # ... or whom it was for
        "Zinc reduces pneumonia in children.",
        (
            "In this randomised trial of 300 children who required hospital care, zinc or placebo "
            "was given. Zinc was associated with lower rates of pneumonia in children."
        ),
    ),
]
