"""Pages beside those of an evaluation: the accuracy of a map from a sample."""

from typing import TYPE_CHECKING

from densa.lazy_names import import_on_use

if TYPE_CHECKING:
    from densa.pages.map_accuracy import write_map_report

__all__ = ["write_map_report"]

__getattr__ = import_on_use(__name__, {"map_accuracy": ("write_map_report",)})
