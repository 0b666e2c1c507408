"""Descriptors as plain values and back."""

import json

import pytest

from densa.descriptors import (
    PIXEL_DESCRIPTORS,
    ColourSpaces,
    LocalBinaryPatterns,
    MultiScale,
    Position,
    Raw,
    Stack,
    TextonBank,
    TextonContext,
    from_config,
    to_config,
)
from densa.errors import InputError

EXAMPLES = [
    Raw(),
    Position(),
    ColourSpaces(("hsv",), white=1023),
    MultiScale((1.0, 2.5), ("gaussian", "hessian"), presmooth=False),
    TextonBank(0.5, colour=False),
    TextonContext(TextonBank(2.0), cell=3),
    LocalBinaryPatterns(16, 2, "plain"),
    Stack((Raw(), Stack((MultiScale(), Position())))),
]


@pytest.mark.parametrize("descriptor", EXAMPLES, ids=lambda d: type(d).__name__)
def test_through_json_and_back(descriptor):
    assert from_config(json.loads(json.dumps(to_config(descriptor)))) == descriptor


def test_every_kind_has_an_example():
    assert {type(d) for d in EXAMPLES} == set(PIXEL_DESCRIPTORS.values())


@pytest.mark.parametrize(
    "config",
    [
        {},
        [],
        {"kind": "hog"},
        {"kind": ["raw"]},
        {"kind": "raw", "size": 3},
        {"kind": "multi-scale", "scales": 3},
        {"kind": "multi-scale", "scales": ["a"]},
        {"kind": "multi-scale", "scales": {"kind": "raw"}},
        {"kind": "stack"},
        {"kind": "stack", "parts": [1]},
        {"kind": "texton-context", "bank": {"kind": "raw"}},
        {"kind": "colours", "white": "bright"},
    ],
)
def test_bad_configurations_are_named(config):
    with pytest.raises(InputError):
        from_config(config)


def test_stacks_are_not_nested_without_end():
    config = {"kind": "raw"}
    for _ in range(2000):
        config = {"kind": "stack", "parts": [config]}
    with pytest.raises(InputError):
        from_config(config)
