"""The doctor of data sets: what is wrong with images and masks, why it matters, and how to mend it."""

from densa.doctor.codes import CODES, Code
from densa.doctor.diagnosis import Diagnosis, examine
from densa.doctor.doubts.label_errors import (
    ConfusedPair,
    DoubtfulImage,
    DoubtfulRegion,
    LabelDoubts,
    examine_labels,
    softmin_score,
)
from densa.doctor.environment import environment
from densa.doctor.finding import Finding, exit_code, finding, in_order
from densa.doctor.fix import Change, mend
from densa.doctor.page import write_report
from densa.doctor.subject import Record, Subject
from densa.doctor.suiting import suiting

__all__ = [
    "CODES",
    "Change",
    "Code",
    "ConfusedPair",
    "Diagnosis",
    "DoubtfulImage",
    "DoubtfulRegion",
    "Finding",
    "LabelDoubts",
    "Record",
    "Subject",
    "environment",
    "examine",
    "examine_labels",
    "exit_code",
    "finding",
    "in_order",
    "mend",
    "softmin_score",
    "suiting",
    "write_report",
]
