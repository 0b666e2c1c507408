"""Operators of dense prediction, and receptive fields of networks."""

from densa.operators.convolution import (
    convolution,
    convolution_matrix,
    convolution_size,
    transposed_convolution,
    transposed_size,
)
from densa.operators.dense_evaluation import dilated_form, fragments, patch_size, scan_patches, shift_and_stitch
from densa.operators.receptive_field import ReceptiveField, receptive_field
from densa.operators.unpooling import (
    WindowSwitches,
    max_pool_2x2,
    max_pool_with_switches,
    max_unpool,
    max_unpool_2x2,
)
from densa.operators.upsampling import BilinearUpsampling, bed_of_nails, bilinear, bilinear_kernel, nearest

__all__ = [
    "BilinearUpsampling",
    "ReceptiveField",
    "WindowSwitches",
    "bed_of_nails",
    "bilinear",
    "bilinear_kernel",
    "convolution",
    "convolution_matrix",
    "convolution_size",
    "dilated_form",
    "fragments",
    "max_pool_2x2",
    "max_pool_with_switches",
    "max_unpool",
    "max_unpool_2x2",
    "nearest",
    "patch_size",
    "receptive_field",
    "scan_patches",
    "shift_and_stitch",
    "transposed_convolution",
    "transposed_size",
]
