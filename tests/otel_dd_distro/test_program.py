"""Programs run by `python -m otel_dd_distro`, side by side with the same run by Python."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.agents import clean_environ

SHOW = """\
'''A docstring.'''
import os, sys

def told():
    main = sys.modules["__main__"]
    assert vars(main) is globals()
    yield from ((name, value) for name, value in sorted(vars(main).items()) if name not in ("os", "sys", "told"))
    yield from (("argv", sys.argv), ("path", sys.path), ("flags", sys.flags), ("cwd", os.getcwd()))

for name, value in told():
    print(name, value)
"""

PROGRAMS = {
    "show.py": SHOW,
    "below/show.py": SHOW,
    "folder/__main__.py": SHOW,
    "package/__init__.py": "",
    "package/__main__.py": "from . import inner\n" + SHOW.replace("'''A docstring.'''\n", ""),
    "package/inner.py": "",
    "package/empty/__init__.py": "",
    "annotated.py": "x: int = 1\nprint(__annotations__)\n",
    "raises.py": "def inner():\n    raise ValueError('of the program')\ninner()\n",
    "chain.py": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('second') from error\n",
    "wrong.py": "print('never')\nthis is no Python\n",
    "status.py": "import sys; sys.exit(7)",
    "message.py": "import sys; sys.exit('goodbye')",
    "none.py": "import sys; sys.exit()",
    "at_once.py": "import os; os._exit(3)",
    "interrupted.py": "raise KeyboardInterrupt",
    "killed.py": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "hook.py": (
        "import sys\n"
        "def hook(kind, value, traceback):\n"
        "    print('hook', kind, value, traceback.tb_frame.f_code.co_filename, value.__traceback__ is traceback)\n"
        "sys.excepthook = hook\n"
        "1 / 0\n"
    ),
    "late.py": (
        "import atexit, threading, time\n"
        "def late(): time.sleep(0.1); import __main__; print('thread', __main__.VALUE)\n"
        "atexit.register(lambda: print('exit', __import__('__main__').VALUE))\n"
        "VALUE = 7\n"
        "threading.Thread(target=late).start()\n"
        "print('end')\n"
    ),
    "pickles.py": (
        "import pickle\nclass Own: pass\nprint(type(pickle.loads(pickle.dumps(Own()))) is Own, Own.__module__)\n"
    ),
    "spawns.py": (
        "import multiprocessing\n"
        "class Own:\n"
        "    def __init__(self, value): self.value = value\n"
        "def double(own): return Own(own.value * 2)\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print([own.value for own in pool.map(double, [Own(1), Own(2)])])\n"
    ),
    "warns.py": "import warnings; warnings.warn('old', DeprecationWarning)",
    "source.py": "import inspect\ndef told(): pass\nprint(inspect.getsource(told), inspect.getsourcefile(told))",
    "reads.py": "print(input())",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    for name, source in PROGRAMS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)
    (folder / "link.py").symlink_to(Path("below", "show.py"))
    (folder / "no_main").mkdir()
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", SHOW)
    compiled = "import py_compile; py_compile.compile('show.py', 'compiled.pyc')"
    subprocess.run([sys.executable, "-c", compiled], cwd=folder, check=True)
    return folder


def run(folder: Path, *command: str) -> tuple[int, str, str]:
    environ = clean_environ(PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environ,
        input="line\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, *(re.sub(r"0x[0-9a-f]+", "0x", text) for text in (done.stdout, done.stderr))


@pytest.mark.parametrize(
    "command",
    [
        "show.py",
        "show.py -m -- --help x",
        "below/show.py a",
        "./below/../below/show.py",
        "link.py",
        "{folder}/show.py",
        "folder",
        "folder/ a",
        "archive.zip a",
        "compiled.pyc",
        "-m show a",
        "-m below.show",
        "-m package a",
        "-m package.__main__",
        "-m package.inner",
        "-m package.empty",
        "-m nothing",
        "-m package.nothing",
        "-m nothing.package",
        "-m json.tool --help",
        "nothing.py",
        "no_main",
        *(name for name in PROGRAMS if "/" not in name and name != "show.py"),
        "-m raises",
        "-m status",
        "-m spawns",
        "-m pickles",
    ],
)
def test_a_program_finds_all_as_it_is_without_us(folder: Path, command: str) -> None:
    words = command.format(folder=folder).split()
    assert run(folder, "-m", "otel_dd_distro", *words) == run(folder, *words)


@pytest.mark.parametrize("option", ["-I", *(["-P"] if sys.version_info >= (3, 11) else [])])
@pytest.mark.parametrize("command", ["show.py", "folder", "-m json.tool --help"])
def test_where_the_working_directory_is_not_to_be_trusted_it_is_not(folder: Path, command: str, option: str) -> None:
    assert run(folder, option, "-m", "otel_dd_distro", *command.split()) == run(folder, option, *command.split())


def test_a_working_directory_that_is_gone_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import sys; print('app', sys.path[0])")
    (tmp_path / "gone").mkdir()
    leaves = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    command = [sys.executable, "-c", leaves, "-m", "otel_dd_distro", str(tmp_path / "app.py")]
    done = subprocess.run(
        command, cwd=tmp_path / "gone", env=clean_environ(), capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr, done.returncode) == (f"app {tmp_path}\n", "", 0)


HOSTILE = "raise SystemExit('code of the working directory ran')"


@pytest.mark.parametrize("name", ["wrapt", "logging", "typing", "opentelemetry", "packaging", "otel_instrumentors"])
def test_nothing_of_ours_comes_from_the_working_directory(tmp_path: Path, name: str) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "srv" / "app.py").write_text("import sys; print('app', sys.path[0])")
    (tmp_path / "work" / f"{name}.py").write_text(HOSTILE)
    command = [sys.executable, "-m", "otel_dd_distro", "../srv/app.py"]
    done = subprocess.run(
        command, cwd=tmp_path / "work", env=clean_environ(), capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.returncode) == (f"app {tmp_path / 'srv'}\n", 0)


def test_a_distribution_in_the_working_directory_is_not_asked_to_run(tmp_path: Path) -> None:
    installed = tmp_path / "work" / "x-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Name: x\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[opentelemetry_pre_instrument]\nx = hostile:run\n")
    (tmp_path / "work" / "hostile.py").write_text(HOSTILE)
    (tmp_path / "app.py").write_text("print('app')")
    command = [sys.executable, "-m", "otel_dd_distro", "../app.py"]
    done = subprocess.run(
        command, cwd=tmp_path / "work", env=clean_environ(), capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.returncode) == ("app\n", 0)


@pytest.mark.parametrize("arguments", [[], ["-m"], ["-c", "pass"], ["--nothing"]])
def test_without_a_program_it_says_how(folder: Path, arguments: list[str]) -> None:
    status, out, err = run(folder, "-m", "otel_dd_distro", *arguments)
    assert (status, out, err.partition(" ")[0]) == (2, "", "usage:")


def test_help_is_no_error(folder: Path) -> None:
    status, out, err = run(folder, "-m", "otel_dd_distro", "--help")
    assert (status, out.partition(" ")[0], err) == (0, "usage:", "")
