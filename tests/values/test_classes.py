"""Classes of cells, of functions, and those that are gone; views that run no code."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from torc_nb.errors import CannotLoad
from torc_nb.values import Opaque, class_name, decode, encode
from values import samples

CELL = """
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple
import cloudpickle
from pydantic import BaseModel
from torc_nb.values import class_name, decode, encode

@dataclass
class Point:
    x: Any
class Color(Enum):
    RED = 1
class Pair(NamedTuple):
    a: Any
class Model(BaseModel):
    x: int
class Thing:
    def __init__(self, x): self.x = x
class MyInt(int):
    pass
class Unused:
    pass

value = [Point({1: Color.RED}), Pair(Model(x=3)), Thing(Point(1)), MyInt(4)]
classes = set()
encoded = encode(value, classes=classes)
assert encoded.stable
"""

READER = """
import pickle, sys
from torc_nb.values import class_name, decode
text, shipped = pickle.load(sys.stdin.buffer)
registry = {class_name(cls): cls for cls in pickle.loads(shipped)}
points, pair, thing, number = decode(text, classes=registry)
assert type(points) is registry["__main__:Point"]
assert points.x == {1: registry["__main__:Color"].RED}
assert type(pair.a) is registry["__main__:Model"] and pair.a.x == 3
assert type(thing) is registry["__main__:Thing"] and type(thing.x) is type(points)
assert type(number) is registry["__main__:MyInt"] and number == 4
print(sorted(registry))
"""


def python(code: str, stdin: bytes = b"") -> bytes:
    """What a fresh process prints."""
    return subprocess.run([sys.executable, "-c", code], input=stdin, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def shipped() -> bytes:
    """A pickle of (text, pickled classes), made where the classes are of __main__."""
    send = "sys.stdout.buffer.write(cloudpickle.dumps((encoded.text, cloudpickle.dumps(classes))))"
    return python(CELL + send)


def test_classes_of_a_notebook_are_collected_and_found_in_a_fresh_process(shipped: bytes) -> None:
    """The classes used, and no others, go beside the function; values are instances of exactly those."""
    names = python(READER, shipped).decode().strip()
    assert names == str([f"__main__:{name}" for name in ("Color", "Model", "MyInt", "Pair", "Point", "Thing")])


def test_without_its_class_a_value_names_what_is_missing(shipped: bytes) -> None:
    """A kernel that has not run the cell yet is told which one to run."""
    text = python("import pickle, sys; print(pickle.load(sys.stdin.buffer)[0])", shipped)
    with pytest.raises(CannotLoad, match="run the cell that defines Point first"):
        decode(text)


def test_a_view_without_the_classes_shows_placeholders(shipped: bytes) -> None:
    """A panel that never saw the notebook shows names instead of failing."""
    text = python("import pickle, sys; print(pickle.load(sys.stdin.buffer)[0])", shipped)
    shown: Any = decode(text, unpickle=False)
    assert [item.type for item in shown] == ["Point", "Pair", "Thing", "MyInt"]
    assert repr(shown[0]).startswith("<Point, ")


def test_a_local_class_is_collected_too() -> None:
    """A class made in a function can be found only in the registry."""

    @dataclass
    class Local:
        x: int

    classes: set[type] = set()
    text = encode({"a": Local(1)}, classes=classes).text
    assert classes == {Local}
    assert decode(text, classes={class_name(Local): Local}) == {"a": Local(1)}
    with pytest.raises(CannotLoad, match="Local"):
        decode(text)


def test_importable_classes_are_not_collected() -> None:
    """Modules travel by other means."""
    classes: set[type] = set()
    encode([samples.Point(1.0), samples.Thing(1), samples.Color.RED, {}.get, type(None)], classes=classes)
    assert classes == set()


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ('{"$torc":"dataclass","class":"values.samples:Gone","fields":{}}', "Gone, which values.samples does not have"),
        (
            '{"$torc":"dataclass","class":"no_such_module:X","fields":{}}',
            "X of no_such_module, which cannot be imported",
        ),
        ('{"$torc":"dataclass","class":"os:system","fields":{}}', "system in os is a builtin_function_or_method now"),
        ('{"$torc":"dataclass","class":"values.samples:Color","fields":{}}', "Color is no dataclass any more"),
        ('{"$torc":"enum","class":"values.samples:Color","name":"GREEN"}', "values.samples:Color cannot be rebuilt"),
        ('{"$torc":"enum","class":"values.samples:Point","name":"RED"}', "Point is no enum any more"),
        ('{"$torc":"pydantic","class":"values.samples:Point","fields":{}}', "Point is no pydantic model any more"),
        ('{"$torc":"namedtuple","class":"values.samples:Point","items":[]}', "cannot be rebuilt"),
        ('{"$torc":"zoneinfo","key":"Mars/Olympus"}', "cannot be rebuilt"),
        ('{"$torc":"numpy.array","dtype":"<f8","shape":[9],"order":"C","data":""}', "cannot be rebuilt"),
        ('{"$torc":"matrix"}', "'matrix', which this torc_nb does not know: upgrade"),
        ('{"$torc":"pickle","type":"Thing","data":"aGVsbG8="}', "Thing cannot be unpickled here"),
        ('{"$torc":"pickle","type":"function","python":"2.7","data":""}', "holds code of Python 2.7"),
        ('{"a":', "no valid JSON"),
        ('{"$torc":', "no valid JSON"),
    ],
)
def test_what_cannot_be_rebuilt_is_said(node: str, said: str) -> None:
    """Classes that moved, changed or were never there, and damaged text: one error, naming it."""
    with pytest.raises(CannotLoad) as caught:
        decode(node)
    assert said in str(caught.value)


def test_a_view_runs_no_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a pickle nor the import of a module named in the text runs where unpickle is False."""
    monkeypatch.delenv("TORC_NASTY", raising=False)
    text = encode({"a": [samples.Nasty()], "b": (1,)}).text
    shown: Any = decode(text, unpickle=False)
    assert "TORC_NASTY" not in os.environ
    assert shown["b"] == (1,)
    assert repr(shown["a"][0]).startswith("<values.samples.Nasty, ")
    (tmp_path / "nasty_module.py").write_text("import os\nos.environ['TORC_NASTY'] = 'imported'\nclass X: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    node = '{"$torc":"dataclass","class":"nasty_module:X","fields":{}}'
    assert decode(node, unpickle=False) == Opaque("X", len(node))
    assert "TORC_NASTY" not in os.environ
    decode(text)
    assert os.environ.pop("TORC_NASTY") == "ran"  # it would have, had it been unpickled


def test_a_view_shows_classes_that_are_loaded() -> None:
    """Dataclasses and enums that this process knows anyway are shown as themselves."""
    value = [samples.Point(1.0, samples.Color.RED), samples.Model(x=2)]
    assert decode(encode(value).text, unpickle=False) == value


@pytest.mark.parametrize(
    ("size", "shown"), [(3, "3 bytes"), (2048, "2.0 KiB"), (5 << 20, "5.0 MiB"), (3 << 30, "3.0 GiB")]
)
def test_a_placeholder_says_its_type_and_size(size: int, shown: str) -> None:
    """As a person would write it."""
    assert repr(Opaque("pandas.DataFrame", size)) == f"<pandas.DataFrame, {shown}>"


def test_an_enum_of_a_function_comes_back_as_its_own_member() -> None:
    """Members are found by name, so that `is` holds."""

    class Mode(Enum):
        FAST = 1

    text = encode((Mode.FAST,)).text
    assert decode(text, classes={class_name(Mode): Mode}) == (Mode.FAST,)
