"""deploy/install-java on machines of all kinds: their commands are scripts that write what ran."""

import shutil
import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "deploy/install-java"
_NEEDED = ("bash", "env", "sed", "mkdir", "chmod", "cat", "true")
_JAVA = """#!/usr/bin/env bash
echo "    java.home = {home}" >&2
echo "    java.specification.version = {version}" >&2
"""
_APT_GET = """#!/usr/bin/env bash
echo "apt-get $DEBIAN_FRONTEND ${@: -1}" >>"$LOG"
[ "${@: -1}" != "$BROKEN" ] || exit 100
case "${@: -1}" in
  openjdk-*)
    mkdir -p "$JVMS/new/bin"
    version=${@: -1}; version=${version#openjdk-}; version=${version%%-*}
    sed -e "s/@/$version/" "$LOG.java" >"$JVMS/new/bin/java"
    chmod +x "$JVMS/new/bin/java" ;;
esac
"""
_APT_CACHE = """#!/usr/bin/env bash
for version in $RELEASE; do
  [ "$2" != "openjdk-$version-jre-headless" ] || echo "$2 | 1.0 | there"
done
"""
_ID = "#!/usr/bin/env bash\necho $WHO\n"
_SUDO = '#!/usr/bin/env bash\necho "sudo $*" >>"$LOG"\n[ "$1" != -n ] || shift\nexec "$@"\n'


class Machine:
    """Commands in a folder, and nothing else on PATH."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.jvms, self.log = folder / "bin", folder / "jvm", folder / "log"
        self.bin.mkdir()
        self.jvms.mkdir()
        self.log.touch()
        for name in _NEEDED:
            (self.bin / name).symlink_to(shutil.which(name) or "")
        self.has("apt-get", _APT_GET)
        self.has("apt-cache", _APT_CACHE)
        self.has("id", _ID)
        new = _JAVA.format(home=self.jvms / "new", version="@")
        self.log.with_suffix(".java").write_text(new, "utf-8")

    def has(self, name: str, content: str) -> None:
        file = self.bin / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
        file.chmod(0o755)

    def has_java(self, name: str, version: str) -> Path:
        home = self.jvms / name
        self.has(str(home / "bin/java"), _JAVA.format(home=home, version=version))
        return home

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {
            "PATH": str(self.bin), "JVMS": str(self.jvms), "LOG": str(self.log),
            "RELEASE": "17", "WHO": "0", "BROKEN": "-",
        }  # fmt: skip
        return subprocess.run(
            ["bash", str(_SCRIPT)],
            env=given | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("version", ["17", "21"])
def test_a_java_that_is_there_is_used(machine: Machine, version: str) -> None:
    machine.has_java("a-too-new", "25")
    machine.has_java("b-too-old", "1.8")
    home = machine.has_java("c", version)
    machine.has("java", _JAVA.format(home=machine.jvms / "a-too-new", version="25"))
    done = machine.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{home}\n", "")
    assert machine.log.read_text() == ""


def test_java_home_comes_first(machine: Machine, tmp_path: Path) -> None:
    machine.has_java("other", "17")
    chosen = tmp_path / "own"
    machine.has(str(chosen / "bin/java"), _JAVA.format(home=chosen, version="21"))
    assert machine.run(JAVA_HOME=str(chosen)).stdout == f"{chosen}\n"


@pytest.mark.parametrize(("release", "taken"), [("17 21 25", "17"), ("21 25", "21")])
@pytest.mark.parametrize("who", ["0", "1000"])
def test_it_is_installed(machine: Machine, release: str, taken: str, who: str) -> None:
    machine.has("java", _JAVA.format(home=machine.jvms / "old", version="11"))
    machine.has("sudo", _SUDO)
    done = machine.run(RELEASE=release, WHO=who)
    assert (done.returncode, done.stdout) == (0, f"{machine.jvms / 'new'}\n"), done.stderr
    ran = machine.log.read_text().splitlines()
    package = f"openjdk-{taken}-jre-headless"
    told = ["apt-get noninteractive update", f"apt-get noninteractive {package}"]
    assert [line for line in ran if line.startswith("apt-get")] == told
    assert sum(line.startswith("sudo") for line in ran) == (0 if who == "0" else 3)


def test_lists_that_cannot_be_had_are_no_reason_to_stop(machine: Machine) -> None:
    assert machine.run(BROKEN="update").stdout == f"{machine.jvms / 'new'}\n"


@pytest.mark.parametrize(
    ("environment", "without", "said"),
    [
        ({"WHO": "1000"}, (), "As root: apt-get install openjdk-17-jre-headless"),
        ({}, ("apt-get", "apt-cache"), "dnf install java-21-openjdk-headless"),
        ({"RELEASE": "25"}, (), "This release has neither"),
        ({"BROKEN": "openjdk-17-jre-headless"}, (), "could not be installed"),
    ],
)
def test_what_to_do_elsewhere_is_said(
    machine: Machine, environment: dict[str, str], without: tuple[str, ...], said: str
) -> None:
    for name in without:
        (machine.bin / name).unlink()
    done = machine.run(**environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "JAVA_HOME" in done.stderr
