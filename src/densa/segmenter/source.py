"""Where a segmenter comes from: small enough to be sent to another process, which loads the same segmenter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.crf import DenseCrf
from densa.errors import InputError
from densa.networks import build as build_network
from densa.segmenter.augmented import Augmented
from densa.segmenter.calibration.calibrated import within_calibration
from densa.segmenter.contract import Segmenter
from densa.segmenter.ensemble_folder import model_files
from densa.segmenter.loading import load_segmenter
from densa.segmenter.model_folder import Build
from densa.segmenter.monte_carlo import MonteCarlo
from densa.segmenter.network import NetworkSegmenter
from densa.segmenter.refined import Refined

__all__ = ["ModelSource"]


@dataclass(frozen=True, eq=False)
class ModelSource:
    """A model folder and how it is applied; pickled, it holds the folder's path, not the weights.

    Args:
        folder: a model folder, of any format, that every process can read.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "float32" or "bfloat16".
        flips, quarter_turns, scales: views of test-time augmentation, none by default; see `Augmented`.
        samples: Monte-Carlo passes with dropout; 0: one pass without. See `MonteCarlo`.
        seed: of the samples.
        crf: parameters of a CRF that refines the probabilities; None: no CRF. See `Refined`.
        overview: (bands, h, w), whose context a network with image pooling has in every tile; None: its context is not
            frozen. See `Segmenter.with_frozen_context`.
        overview_valid: (h, w), False where the overview has no data.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> source = segmenter.ModelSource("model", device="cpu", flips=("columns",))
        >>> source.load().n_passes
        2.0
    """

    folder: Path
    device: str = "auto"
    precision: str = "auto"
    flips: tuple[str, ...] = ()
    quarter_turns: bool = False
    scales: tuple[float, ...] = (1,)
    samples: int = 0
    seed: int = 0
    crf: DenseCrf | None = None
    overview: NDArray[Any] | None = None
    overview_valid: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder).absolute())

    def load(self, build: Build = build_network) -> Segmenter:
        """The segmenter.

        Raises:
            InputError: no model folder, damaged files, or options that the model does not allow.
        """
        segmenter = load_segmenter(self.folder, build, device=self.device, precision=self.precision)
        return within_calibration(segmenter, self._applied)

    def _applied(self, segmenter: Segmenter) -> Segmenter:
        """The model with the options."""
        if self.overview is not None:
            segmenter = segmenter.with_frozen_context(self.overview, self.overview_valid)
        if self.samples:
            if not isinstance(segmenter, NetworkSegmenter):
                raise InputError(
                    f"Monte-Carlo samples need a single network, {self.folder} is another model; give samples=0"
                )
            segmenter = MonteCarlo(segmenter, self.samples, seed=self.seed)
        if self.flips or self.quarter_turns or tuple(self.scales) != (1,):
            segmenter = Augmented(segmenter, flips=self.flips, quarter_turns=self.quarter_turns, scales=self.scales)
        return segmenter if self.crf is None else Refined(segmenter, self.crf)

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the model's files and of the options; the same wherever the folder lies.

        Raises:
            InputError: there is no model folder, or it cannot be read.
        """
        digest = hashlib.sha256()
        for part in self._options():
            digest.update(part)
        for path in model_files(self.folder):
            try:
                with path.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}") from error
            digest.update(f"\n{path.relative_to(self.folder).as_posix()} {content}".encode())
        return digest.hexdigest()

    def _options(self) -> Iterator[bytes]:
        plain = {
            "device": self.device,
            "precision": self.precision,
            "flips": sorted(self.flips),
            "quarter_turns": self.quarter_turns,
            "scales": sorted(map(float, self.scales)),
            "samples": self.samples,
            "seed": self.seed,
            "crf": None if self.crf is None else asdict(self.crf),
        }
        yield json.dumps(plain, sort_keys=True).encode()
        for array in (self.overview, self.overview_valid):
            if array is not None:
                yield f"\n{array.dtype.str} {array.shape}\n".encode()
                yield np.ascontiguousarray(array).tobytes()
