"""The user's configuration file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from torc_nb.errors import InvalidRequest
from torc_nb.launch import profiles
from torc_nb.models.quantities import GIB


def written(text: str) -> Path:
    """The user's configuration file with this content."""
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "torc_nb" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_no_file_is_no_profile():
    """Nobody has to configure anything."""
    assert profiles() == {}


def test_profiles_are_read_with_their_units():
    """Memory and walltime are written as on a command line; lists and further options are kept."""
    written(
        """
        [schedulers.short]
        account = "astro"
        walltime = "04:00:00"
        mem = "20g"
        setup = ["module load gcc"]
        extra = { constraint = "ib" }
        [schedulers."big memory"]
        partition = "bigmem"
        """
    )
    found = profiles()
    assert list(found) == ["short", "big memory"]
    short = found["short"]
    assert (short.name, short.account, short.walltime, short.mem) == ("short", "astro", 4 * 3600, 20 * GIB)
    assert (short.setup, short.extra) == (["module load gcc"], {"constraint": "ib"})
    assert found["big memory"].partition == "bigmem"


def test_another_file_can_be_named(tmp_path):
    """A path given is read instead of the user's own."""
    (tmp_path / "mine.toml").write_text("[schedulers.a]\n")
    assert list(profiles(tmp_path / "mine.toml")) == ["a"]


def test_without_xdg_it_is_in_dot_config(monkeypatch, tmp_path):
    """The place is ~/.config where XDG_CONFIG_HOME is not set."""
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".config" / "torc_nb" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[schedulers.home]\n")
    assert list(profiles()) == ["home"]


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("[schedulers.a]\npartiton = 'x'\n", ["[schedulers.a]", "'partiton'", "Do you mean 'partition'?"]),
        ("[schedulers.a]\nzzz = 1\n", ["'zzz'", "extra = { zzz = ... }"]),
        ("[schedulers.a]\nid = 1\n", ["[schedulers.a]", "'id'"]),
        ("[schedulers.a]\nwalltime = 'soon'\n", ["[schedulers.a]", "walltime", "'soon'", "04:00:00"]),
        ("[schedulers.a]\ncpus = 0\n", ["[schedulers.a]", "cpus", "greater than or equal to 1"]),
        ("[schedulers.a]\nsetup = 'module load gcc'\n", ["[schedulers.a]", "setup", "list"]),
        ("schedulers = 3\n", ["[schedulers.NAME]"]),
        ("[schedulers]\na = 'x'\n", ["[schedulers.a]", "table"]),
        ("[schedulers.a\n", ["line 1"]),
    ],
)
def test_a_mistake_is_named_with_file_and_key(text, complaints):
    """The message says where it is and what is wrong."""
    path = written(text)
    with pytest.raises(InvalidRequest) as caught:
        profiles()
    for complaint in [str(path), *complaints]:
        assert complaint in str(caught.value)


def test_a_file_that_is_not_text_is_named():
    """Bytes that are no UTF-8 are no TOML."""
    path = written("")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidRequest, match=str(path)):
        profiles()
