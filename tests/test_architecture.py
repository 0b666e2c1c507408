"""The house: imports point down, folders and signatures stay small, tests mirror the sources."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "densa"
FILES = sorted(SOURCE.rglob("*.py"))
MODULES = {".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))

# Floors of each package that has sub-packages, from the ground up: a room (module or sub-package) imports from rooms of
# lower floors, never from its own floor.
ROOMS = {
    "": [
        ("errors", "jit", "kernel_cache"),
        ("locations", "machine"),
        ("checks", "lazy_names", "options", "outputs", "parallel", "pixel_areas", "progress", "union_find"),
        ("legend", "settings"),
        ("raster", "regions", "descriptors", "crf", "operators", "metrics"),
        ("accuracy", "datasets", "networks"),
        ("shallow",),
        ("segmenter",),
        ("engine",),
        ("training",),
        ("reports",),
        ("methods",),
        ("doctor", "pages"),
        ("verbs",),
        ("cli",),
    ],
    "datasets": [
        ("image_files", "label_source", "masks", "scene", "scene_names", "threads", "wording"),
        ("band_files", "class_table", "codings", "ignoring", "offset"),
        ("annotations", "vector_labels"),
        ("dataset", "legends", "samples", "synthetic"),
        ("check", "layouts", "leaks", "sampling", "splits", "statistics"),
        ("inferring", "strokes"),
        ("choice", "splitting"),
        ("opening",),
    ],
    "datasets/layouts": [
        ("pairing", "scene_tiles"),
        ("layout",),
        ("annotated", "cell_tracking", "folders", "published", "segnet", "suffixes", "voc"),
        ("nnunet", "vector"),
        ("drawn", "find"),
    ],
    "descriptors": [("shared",), ("dictionary", "pixels"), ("config", "regions")],
    "doctor": [
        ("alignment", "codes", "environment", "files"),
        ("codings", "finding"),
        ("doubts", "subject"),
        ("images", "labels", "leaks", "legends", "overlays", "pairing", "reading", "unreadable"),
        ("checks",),
        ("diagnosis",),
        ("fix", "page", "suiting"),
    ],
    "engine": [("resources",), ("work",), ("prediction", "regions")],
    "engine/regions": [
        ("settings", "stages"),
        ("components", "cuts_of_pixels", "graph", "mean_shift", "slic", "watershed"),
        ("cuts_of_regions", "products"),
        ("by_name", "run"),
        ("check", "estimate"),
    ],
    "metrics": [
        ("families", "scores"),
        ("_sparse_assignment", "confusion", "contingency"),
        (
            "boundaries",
            "boundary_matching",
            "calibration",
            "dice",
            "disagreement",
            "error_blocks",
            "partitions",
            "superpixels",
            "weighted_kappa",
        ),
        ("boundary_iou", "hausdorff", "size_recall", "trimap"),
        ("further",),
        ("intervals",),
        ("breakdown",),
    ],
    "networks": [
        ("checks", "network", "strips", "weights"),
        ("encoders",),
        (
            "adapted",
            "deconvnet",
            "deeplab_largefov",
            "dilated",
            "dilated_context",
            "fcn",
            "patch_cnn",
            "segnet",
            "segnet_basic",
            "unet",
            "unet_encoded",
        ),
        ("bayesian_segnet", "deeplabv2", "deeplabv3"),
        ("deeplabv3plus",),
    ],
    "raster": [
        ("atomic", "bands", "mirroring", "polygons", "reach", "validity"),
        ("raster",),
        ("choice", "decoded", "earth", "grid", "header", "in_memory", "joined", "orientation", "part", "reduced_copy"),
        ("gdal",),
        ("stacks",),
        ("elsewhere", "side_files"),
        ("photo", "stac", "vector"),
        ("opening",),
        ("alignment", "masks"),
        ("shapes", "writing"),
    ],
    "regions": [("shared",), ("mean_shift", "normalized_cuts", "partition", "slic", "watershed")],
    "segmenter": [
        ("contract", "resampling", "structure", "tape"),
        ("augmented", "ensemble", "fitting", "folder_files", "forest", "inference", "refined", "streaming"),
        ("calibration", "ensemble_folder", "forest_folder", "network"),
        ("model_folder", "monte_carlo"),
        ("loading",),
        ("crf_parameters", "source"),
    ],
    "reports": [
        ("calibration", "curves", "html", "measured_on", "pictures", "process_memory", "published", "thumbnails"),
        ("context", "cost", "evaluation", "held_out", "label_maps", "seams", "uncertainty"),
        ("comparison", "page", "pairs", "predicted"),
        ("comparison_page", "cross_validation"),
    ],
    "training": [
        ("calibration", "patch_sizes", "tune_crf"),
        ("settings",),
        ("pieces",),
        ("config", "loop"),
        ("shallow",),
        ("from_config",),
    ],
    "verbs": [
        ("results", "settings", "tell"),
        ("inputs", "intervals", "train", "wrap"),
        ("compare_plan", "held_out", "maps", "predict", "seams", "segment", "split"),
        ("calibrate", "compare_runs", "demo", "evaluate", "evaluate_several"),
        ("compare",),
        ("cross_validation",),
        ("doctor",),
    ],
}

MOST_MODULES = 20  # in one folder
MOST_PARAMETERS = 12
MOST_LINES = 60  # of a function's body
# What is still above a limit. The lists only shrink: an entry that is no longer needed fails the test.
CROWDED: set[str] = set()
MANY_PARAMETERS: set[str] = set()
LONG_BODIES: set[str] = set()

# Tests of a whole room or of several modules: no module has their name.
CROSS_CUTTING = {
    "test_api_pages.py",
    "test_architecture.py",
    "test_examples.py",
    "test_readme.py",
    "test_repository.py",
    "accuracy/test_simulation.py",
    "cli/test_cli.py",
    "cli/test_context.py",
    "cli/test_layouts.py",
    "cli/test_measures.py",
    "cli/test_train_shallow.py",
    "engine/prediction/test_exactness.py",
    "engine/prediction/test_kill.py",
    "engine/prediction/test_nodata.py",
    "engine/prediction/test_place.py",
    "engine/prediction/test_polygons.py",
    "engine/prediction/test_real_rasters.py",
    "engine/regions/test_kill.py",
    "metrics/test_tools.py",
    "networks/test_build.py",
    "networks/test_deeplab_families.py",
    "networks/test_overfit.py",
    "networks/test_tiles.py",
    "raster/test_damaged.py",
    "raster/test_public_names.py",
    "raster/test_real_images.py",
    "regions/test_compiled.py",
    "regions/test_public_names.py",
    "segmenter/test_for_image.py",
    "segmenter/test_frozen_context.py",
    "shallow/test_public_names.py",
    "training/loop/test_processes.py",
    "test_fidelity.py",
}


class Import(NamedTuple):
    """A name that a file imports from a module of densa; `name` is None where the module itself is imported."""

    line: int
    module: str  # "engine.work.crew", "" for densa itself
    name: str | None


def imports(tree: ast.AST, *, at_import: bool = False) -> Iterator[Import]:
    """What is imported from densa; `at_import` leaves out what functions import when they are called."""
    for node in _nodes(tree, at_import):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "densa":
                    yield Import(node.lineno, alias.name.partition(".")[2], None)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "densa":
            module = (node.module or "").partition(".")[2]
            for alias in node.names:
                whole = f"{module}.{alias.name}".lstrip(".")
                yield Import(node.lineno, *((whole, None) if whole in MODULES else (module, alias.name)))


def _nodes(tree: ast.AST, at_import: bool) -> Iterator[ast.AST]:
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (at_import and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            yield from _nodes(child, at_import)


class Function(NamedTuple):
    """A function or method that is not a compiled kernel: those take arrays and scalars, and loop over them."""

    name: str  # "raster/grid.py:Grid.tiles"
    public: bool
    node: ast.FunctionDef


def functions() -> Iterator[Function]:
    for path, tree in TREES.items():
        start = path.relative_to(SOURCE).as_posix() + ":"
        yield from _functions(tree, start, not path.stem.startswith("_") or path.stem == "__init__")


def _functions(tree: ast.AST, start: str, public: bool) -> Iterator[Function]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            shown = public and (not node.name.startswith("_") or node.name.startswith("__"))
            if not any("jit" in ast.unparse(decorator) for decorator in node.decorator_list):
                yield Function(start + node.name, shown, node)
            yield from _functions(node, f"{start}{node.name}.", False)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{start}{node.name}.", public and not node.name.startswith("_"))
        else:
            yield from _functions(node, start, public)


def check_exceptions(found: dict[str, int], exceptions: set[str], most: int) -> None:
    above = {name: n for name, n in found.items() if n > most}
    assert above.keys() - exceptions == set(), f"more than {most}: {above}"
    assert exceptions - above.keys() == set(), "no longer needed as an exception; remove it from the list"


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_has_a_floor(package):
    folder = SOURCE / package
    listed = [room for floor in ROOMS[package] for room in floor]
    rooms = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert sorted(listed) == sorted(rooms - {"__init__", "__main__"})


def test_packages_with_rooms_are_listed():
    packages = {path.parent.parent.relative_to(SOURCE).as_posix() for path in SOURCE.glob("*/**/__init__.py")}
    assert {package.replace(".", "") for package in packages} == set(ROOMS)


@each_file
def test_imports_point_down(path):
    """From a room of a higher floor to one of a lower; the public names of a package are for other packages."""
    here = path.relative_to(SOURCE).with_suffix("").parts
    for depth in range(len(here)):
        package, room = "/".join(here[:depth]), here[depth]
        if room in {"__init__", "__main__"}:
            continue
        floor = {room: level for level, rooms in enumerate(ROOMS.get(package, [])) for room in rooms}
        for line, module, name in imports(TREES[path]):
            there = tuple(filter(None, module.split(".")))
            if there == here[:depth]:
                assert name in {None, "__version__"}, f"{path}:{line} imports {name} from the package that it is in"
            elif floor and there[:depth] == here[:depth] and there[depth] != room:
                assert floor[there[depth]] < floor[room], f"{path}:{line} imports densa.{module}"


def test_no_circle_of_files():
    """Imports for types alone count as well."""
    graph = {
        module: {there for _, there, _ in imports(TREES[path], at_import=True)} - {module}
        for module, path in MODULES.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail("circle: " + " <- ".join(map(str, error.args[1])))


@each_file
def test_nothing_private_of_another_folder(path):
    """Modules and names with a leading underscore are used in their own folder only."""
    for line, module, name in imports(TREES[path]):
        parts = [part for part in (*module.split("."), name) if part]
        for depth, part in enumerate(parts):
            if part.startswith("_") and part != "__version__":
                holder = MODULES[".".join(parts[:depth])]
                home = SOURCE.joinpath(*parts[:depth]) if holder.name == "__init__.py" else holder.parent
                assert home == path.parent, f"{path}:{line} imports {part} of {home.relative_to(SOURCE)}"


def test_only_raster_opens_images():
    """Pillow, tifffile and rasterio are named in `densa.raster` alone."""
    for path, tree in TREES.items():
        if path.relative_to(SOURCE).parts[0] == "raster":
            continue
        for node in ast.walk(tree):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                assert module.split(".")[0] not in {"PIL", "tifffile", "rasterio", "imageio"}, f"{path}:{node.lineno}"


def test_no_folder_is_crowded():
    folders = {path.parent for path in FILES}
    n_modules = {
        folder.relative_to(SOURCE).as_posix(): len(set(folder.glob("*.py")) - {folder / "__init__.py"})
        for folder in folders
    }
    check_exceptions(n_modules, CROWDED, MOST_MODULES)


def test_public_functions_have_few_parameters():
    n_parameters = {}
    for name, public, function in functions():
        given = function.args
        parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        if public:
            n_parameters[name] = len({p.arg for p in parameters if p} - {"self", "cls"})
    check_exceptions(n_parameters, MANY_PARAMETERS, MOST_PARAMETERS)


def test_bodies_are_short():
    n_lines = {}
    for name, _, function in functions():
        statements = function.body[ast.get_docstring(function) is not None :] or function.body
        n_lines[name] = statements[-1].end_lineno - statements[0].lineno + 1
    check_exceptions(n_lines, LONG_BODIES, MOST_LINES)


def test_tests_mirror_the_sources():
    """tests/PACKAGE/test_NAME.py tests src/densa/PACKAGE/NAME.py, or _NAME.py; tests/field mirrors nothing."""
    others = set()
    for path in TESTS.rglob("test_*.py"):
        if path.parent == TESTS / "field":
            continue
        folder, name = SOURCE / path.parent.relative_to(TESTS), path.stem.removeprefix("test_")
        assert (folder / "__init__.py").exists(), f"{path} is in a folder that the sources do not have"
        if not any((folder / f"{prefix}{name}.py").exists() for prefix in ("", "_")):
            others.add(path.relative_to(TESTS).as_posix())
    assert others - CROSS_CUTTING == set(), "no module has their name"
    assert CROSS_CUTTING - others == set(), "no longer there, or a module has their name; remove them from the list"
