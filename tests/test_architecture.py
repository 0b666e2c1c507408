"""Imports point one way: from a package of a higher rank to one of a lower, never sideways."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "densa"
RANK = {
    "errors": 0, "options": 0.2, "legend": 0.5,
    "raster": 1, "regions": 1, "descriptors": 1, "crf": 1, "operators": 1, "metrics": 1,
    "datasets": 2, "networks": 2, "shallow": 2,
    "segmenter": 3,
    "engine": 4, "training": 4.5,
    "reports": 5,
    "methods": 6,
    "cli": 7, "app": 7,
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path):
    here = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if here in {"__init__", "__main__"}:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("densa"):
            parts = (node.module or "").split(".")
            names = [parts[1]] if len(parts) > 1 else [a.name for a in node.names if a.name != "__version__"]
        elif isinstance(node, ast.Import):
            names = [a.name.split(".")[1] for a in node.names if a.name.startswith("densa.")]
        for there in names:
            assert there == here or RANK[there] < RANK[here], f"{path}:{node.lineno} imports densa.{there}"


def test_only_raster_opens_images():
    """Pillow, tifffile and rasterio are named in `densa.raster` alone."""
    for path in SOURCE.rglob("*.py"):
        if path.relative_to(SOURCE).parts[0] == "raster":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                assert module.split(".")[0] not in {"PIL", "tifffile", "rasterio", "imageio"}, f"{path}:{node.lineno}"
