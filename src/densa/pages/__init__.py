"""Pages beside those of an evaluation: the accuracy of a map from a sample, model cards."""

from typing import TYPE_CHECKING

from densa.lazy_names import import_on_use

if TYPE_CHECKING:
    from densa.pages.card import ModelCard, Section, model_card
    from densa.pages.card_files import write_card
    from densa.pages.map_accuracy import write_map_report

__all__ = ["ModelCard", "Section", "model_card", "write_card", "write_map_report"]

__getattr__ = import_on_use(
    __name__,
    {
        "card": ("ModelCard", "Section", "model_card"),
        "card_files": ("write_card",),
        "map_accuracy": ("write_map_report",),
    },
)
