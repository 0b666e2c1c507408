"""Options are declared once; everything that shows or takes them follows the declaration."""

import json
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
import yaml
from annotated_types import Ge, Lt

from densa.cli.derived import DerivedCommand, in_flags, options_from
from densa.errors import InputError
from densa.options import Group, Option, check_paths, options_of, reference, with_options
from densa.training import TrainConfig
from densa.verbs.settings import CalibrateOptions, CompareOptions, EvaluateOptions, PredictOptions, SegmentOptions
from densa.verbs.tell import kept_work


@dataclass(frozen=True, kw_only=True)
class Smoothing(Group, title="Smoothing"):
    """A group of one new option."""

    smoothing: Annotated[float, Ge(0), Lt(1), Option("Smooth the labels by this share.", "share")] = 0.125


@dataclass(frozen=True, kw_only=True)
class WithSmoothing(TrainConfig, Smoothing):
    """The configuration of a training, with one more option."""


def _app(settings, run):
    @options_from(settings, without=("data",))
    def train(given: dict, data: Annotated[Path, typer.Argument()]) -> None:
        """Train."""
        run(settings.of(data=data, **given))

    @options_from(settings, without=("data",))
    def other(given: dict, data: Annotated[Path, typer.Argument()]) -> None:
        """Another, so that the application has verbs."""

    app = typer.Typer(rich_markup_mode=None)
    app.command("train", cls=DerivedCommand)(train)
    app.command("other", cls=DerivedCommand)(other)
    return app


def test_an_option_that_is_declared_is_everywhere(tmp_path, capsys):
    """On the command line and in its help, in config.yaml, as a keyword of Python, in the reference."""
    found = []
    app = _app(WithSmoothing, found.append)
    app(["train", str(tmp_path), "--smoothing", "0.5"], standalone_mode=False)
    assert found[0].smoothing == 0.5
    app(["train", str(tmp_path)], standalone_mode=False)
    assert found[1].smoothing == 0.125
    app(["train", "--help"], standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Smoothing: --smoothing <float> Smooth the labels by this share. [0.125 share]" in shown

    written = tmp_path / "config.yaml"
    written.write_text(found[0].to_yaml())
    assert yaml.safe_load(written.read_text())["smoothing"] == 0.5
    assert WithSmoothing.from_yaml(written) == found[0]

    def train(data, **options): ...

    keyword = with_options(train, WithSmoothing).parameters["smoothing"]
    assert (keyword.default, keyword.annotation, keyword.kind) == (0.125, float, keyword.KEYWORD_ONLY)
    assert with_options(train, TrainConfig).parameters["legend"].annotation == str | Path | None
    assert "| `smoothing` | 0.125 | >= 0, < 1 | share | Smooth the labels by this share. |" in reference(WithSmoothing)
    with pytest.raises(InputError, match="smoothing must be less than 1, got 2"):
        WithSmoothing.of(data="x", smoothing=2)


@pytest.mark.parametrize(
    "settings", [TrainConfig, PredictOptions, SegmentOptions, EvaluateOptions, CompareOptions, CalibrateOptions]
)
def test_declarations_are_complete(settings):
    """Each option has a sentence, a group, and a default that it accepts."""
    for name, one in options_of(settings).items():
        assert one.title, name
        assert one.option.help[0].isalnum(), name
        assert one.option.help.endswith("."), name
        if not one.is_required:
            assert one.check(one.default) == one.default, name
        if one.default is None:
            assert one.default_words or one.option.help, name


def test_one_name_is_one_declaration():
    @dataclass(frozen=True, kw_only=True)
    class Other(Group, title="Other"):
        smoothing: Annotated[float, Option("Again.")] = 1.0

    @dataclass(frozen=True, kw_only=True)
    class Twice(Smoothing, Other):
        pass

    with pytest.raises(TypeError, match="smoothing is declared twice"):
        options_of(Twice)


def test_a_field_without_an_option_is_a_mistake_of_ours():
    @dataclass(frozen=True, kw_only=True)
    class Bare(Group, title="Bare"):
        value: int = 1

    with pytest.raises(TypeError, match="value needs an Option"):
        options_of(Bare)


@dataclass(frozen=True, kw_only=True)
class Kinds(Group, title="Kinds"):
    """An option of each kind."""

    path: Annotated[Path, Option("A path.", exists=True)]
    number: Annotated[int | None, Ge(1), Option("A number.", default="all")] = None
    word: Annotated[Literal["a", "b"], Option("A word.")] = "a"
    on: Annotated[bool, Option("On.")] = False
    off: Annotated[bool, Option("Off.")] = True
    maybe: Annotated[bool | None, Option("Maybe.", default="by size")] = None


def test_every_mistake_is_named_in_one_line():
    with pytest.raises(InputError) as caught:
        Kinds.of(number=0, word="c", wrod=1)
    said = str(caught.value)
    for part in (
        "there is no option wrod; did you mean word?", "path is missing",
        "number must be greater than or equal to 1, got 0", "word must be 'a' or 'b', got 'c'",
    ):  # fmt: skip
        assert part in said
    assert "\n" not in said
    with pytest.raises(InputError, match="number must be a number, got True"):
        Kinds.of(path="x", number=True)


def test_values_are_converted_and_groups_are_values():
    kinds = Kinds.of(path="x", number="3")
    assert (kinds.path, kinds.number) == (Path("x"), 3)
    assert Kinds.of(anything=kinds, word="b").flat() == {**kinds.flat(), "word": "b"}
    config = WithSmoothing.of(data="x", smoothing=0.25)
    assert config.part(Smoothing) == Smoothing(smoothing=0.25)
    assert list(options_of(WithSmoothing))[-1] == "smoothing"


def test_paths_are_checked_without_reading_them(tmp_path):
    check_paths(Kinds, {"path": tmp_path})
    check_paths(Kinds, {})
    with pytest.raises(InputError, match=r"path must exist, got .*none"):
        check_paths(Kinds, {"path": tmp_path / "none"})


def test_flags_of_truth_values(tmp_path, capsys):
    found = []

    @options_from(Kinds)
    def verb(given: dict) -> None:
        found.append(given)

    @options_from(Kinds)
    def other(given: dict) -> None: ...

    app = typer.Typer(rich_markup_mode=None)
    app.command("verb", cls=DerivedCommand)(verb)
    app.command("other", cls=DerivedCommand)(other)
    app(["verb", "--path", "x", "--on", "--no-off", "--no-maybe"], standalone_mode=False)
    assert found == [{"path": Path("x"), "on": True, "off": False, "maybe": False}]
    app(["verb"], standalone_mode=False)
    assert found[1] == {}
    app(["verb", "--help"], standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "--no-on" not in shown
    assert "--word a|b" in shown


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("x.tif exists; choose another output or give overwrite=True", "--overwrite"),
        ("take fewer workers=4 or a smaller memory=2GB", "fewer --workers 4 or a smaller --memory 2GB"),
        ("tile_size must be a multiple of 4", "--tile-size must be"),
        ("memory must be a number", "--memory must be a number"),
        ("data must exist, got x", "DATA must exist"),
        ("tile_size, memory has no effect on this", "--tile-size, --memory has no effect"),
        ("give `memory` or `data`", "give --memory or DATA"),
        ("the memory is full and other_name=3 stays", "the memory is full and other_name=3 stays"),
        ("leave out flips=False", "leave out --no-flips"),
        ("go on without overwrite=True, or begin", "go on without --overwrite, or begin"),
    ],
)
def test_messages_of_the_library_in_flags(message, said):
    names = ("overwrite", "workers", "memory", "tile_size", "flips")
    flags = {name: f"--{name.replace('_', '-')}" for name in names} | {"data": "DATA"}
    assert said in in_flags(message, flags)


def test_interrupted_work_is_said_to_be_kept_in_flags(tmp_path, capsys):
    def verb():
        with kept_work(tmp_path / "map.tif"):
            (tmp_path / "map.tif.partial").mkdir(exist_ok=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stop:
        verb()
    assert stop.value.__notes__ == ["the finished tiles of map.tif are kept; resume=True continues"]
    app = typer.Typer()
    app.command("verb", cls=DerivedCommand)(verb)
    command = typer.main.get_command(app)
    with pytest.raises(KeyboardInterrupt):
        command.invoke(command.make_context("verb", []))
    assert "densa: the finished tiles of map.tif are kept; --resume continues" in capsys.readouterr().err


def test_settings_are_plain_values():
    assert json.loads(json.dumps(Smoothing().flat())) == {"smoothing": 0.125}


def test_the_reference_page_names_every_option():
    place = Path(__file__).parents[1] / "docs" / "make_reference.py"
    spec = spec_from_file_location("make_reference", place)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.page()
    for groups in module.VERBS.values():
        for group in groups:
            for name in options_of(group):
                assert f"| `{name}` |" in page
