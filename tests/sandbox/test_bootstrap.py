"""The packages are installed once, and again only when there is a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from retailhub.sandbox import bootstrap


class Machine:
    """Notes what would be run; ``has`` says which statements the venv's Python can carry out."""

    def __init__(self, venv: Path) -> None:
        self.venv = venv
        self.ran: list[str] = []
        self.without_uv = False

    def run(self, argv: list[str]) -> bool:
        line = " ".join(argv)
        self.ran.append(line)
        if "-m venv" in line:
            (self.venv / "bin").mkdir(parents=True)
            (self.venv / "bin" / "python").touch()
        return not (self.without_uv and ("uv==" in line or "-m uv" in line))

    def works(self, statement: str) -> bool:
        return (self.venv / "bin" / "python").exists() and "uv" not in statement

    def installs(self) -> list[str]:
        return [line for line in self.ran if "install" in line and "requirements" in line]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text("one==1\n")
    machine = Machine(tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", machine.venv)
    monkeypatch.setattr(bootstrap, "PYTHON", machine.venv / "bin" / "python")
    monkeypatch.setattr(bootstrap, "_run", machine.run)
    monkeypatch.setattr(bootstrap, "_works", machine.works)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    return machine


def test_a_second_call_installs_nothing(machine: Machine) -> None:
    bootstrap.main("runtime")
    assert len(machine.installs()) == 1
    machine.ran.clear()
    bootstrap.main("runtime")
    assert machine.ran == []


def test_changed_pins_are_installed_into_the_same_environment(machine: Machine, tmp_path: Path) -> None:
    bootstrap.main("runtime")
    machine.ran.clear()
    (tmp_path / "requirements.txt").write_text("one==2\n")
    bootstrap.main("runtime")
    assert len(machine.installs()) == 1
    assert not any("-m venv" in line for line in machine.ran)


def test_the_demo_needs_no_packages_of_the_tests(machine: Machine) -> None:
    bootstrap.main("runtime")
    assert "requirements-dev.txt" not in machine.installs()[0]
    bootstrap.main("dev")
    assert "requirements-dev.txt" in machine.installs()[1]


def test_pip_installs_where_uv_cannot_be_had(machine: Machine) -> None:
    machine.without_uv = True
    bootstrap.main("runtime")
    assert machine.installs() == [line for line in machine.ran if "-m pip install" in line and "-r " in line]
    assert len(machine.installs()) == 1


def test_an_environment_made_elsewhere_is_made_anew(machine: Machine) -> None:
    bootstrap.main("runtime")
    stamp = machine.venv / "retailhub-runtime.stamp"
    stamp.write_text(stamp.read_text().replace(str(machine.venv), "/elsewhere/.venv"))
    machine.ran.clear()
    bootstrap.main("runtime")
    assert any("-m venv" in line for line in machine.ran)


def test_a_failed_installation_is_told_and_tried_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_run", lambda argv: machine.run(argv) and "install" not in argv)
    with pytest.raises(SystemExit, match="The packages could not be installed"):
        bootstrap.main("runtime")
    monkeypatch.setattr(bootstrap, "_run", machine.run)
    machine.ran.clear()
    bootstrap.main("runtime")
    assert len(machine.installs()) == 1


def test_another_python_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 13, 1))
    with pytest.raises(SystemExit, match=r"RetailHub needs Python 3\.11, and .* is 3\.13\.1"):
        bootstrap.main("runtime")
