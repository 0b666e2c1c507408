"""Accuracy of maps and areas of their classes from a probability sample: sizes, drawing, estimates."""

from densa.accuracy.assessment import Domain, MapAssessment, assess_map
from densa.accuracy.design import SampleDesign
from densa.accuracy.drawing import Design
from densa.accuracy.estimation import (
    Estimate,
    MapAccuracy,
    Parts,
    Stratum,
    estimate_accuracy,
    estimate_domains,
    estimate_parts,
)
from densa.accuracy.planning import Allocation, allocate, sample_size
from densa.accuracy.sampling import MapSample, SamplePlan, draw_sample

__all__ = [
    "Allocation",
    "Design",
    "Domain",
    "Estimate",
    "MapAccuracy",
    "MapAssessment",
    "MapSample",
    "Parts",
    "SampleDesign",
    "SamplePlan",
    "Stratum",
    "allocate",
    "assess_map",
    "draw_sample",
    "estimate_accuracy",
    "estimate_domains",
    "estimate_parts",
    "sample_size",
]
