"""Where a segmenter comes from: small enough to be sent to another process, which makes the same segmenter of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from densa.errors import InputError
from densa.networks import build as build_network
from densa.segmenter.contract import Segmenter
from densa.segmenter.loading import load_segmenter, model_files
from densa.segmenter.model_folder import Build

__all__ = ["ModelSource"]


@dataclass(frozen=True, eq=False)
class ModelSource:
    """A model folder and how it is applied; pickled, it holds the folder's path, not the weights.

    Args:
        folder: a model folder that every process can read.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "float32" or "bfloat16".
    """

    folder: Path
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder).absolute())

    def load(self, build: Build = build_network) -> Segmenter:
        """The segmenter.

        Raises:
            InputError: no model there, damaged files, or options that the model does not allow.
        """
        return load_segmenter(self.folder, build, device=self.device, precision=self.precision)

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the model's files and of the options; the same wherever the folder lies.

        Raises:
            InputError: there is no model folder, or it cannot be read.
        """
        digest = hashlib.sha256(json.dumps(self._options(), sort_keys=True).encode())
        for path in model_files(self.folder):
            try:
                with path.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}") from error
            digest.update(f"\n{path.relative_to(self.folder).as_posix()} {content}".encode())
        return digest.hexdigest()

    def _options(self) -> dict[str, object]:
        return {"device": self.device, "precision": self.precision}
