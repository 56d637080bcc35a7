"""What deploy/ starts is what there is: commands, options, paths, variables."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main
import yaml
from fastapi import FastAPI

from control.planes import plane_of
from syncline import __version__
from syncline.api.app import mount
from syncline.cli.main import app
from syncline.control.engine.settings import EngineSettings
from syncline.control.store.database import open_store
from syncline.control.store.schema import migrate

_ROOT = Path(__file__).resolve().parents[2]
_DEPLOY = _ROOT / "deploy"


def _commands() -> Iterator[tuple[str, list[str]]]:
    dockerfile = (_DEPLOY / "Dockerfile").read_text("utf-8")
    yield "Dockerfile", yaml.safe_load(dockerfile.rpartition("CMD ")[2])
    services = yaml.safe_load((_DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    for name, service in services.items():
        if "command" in service:
            yield f"compose.yaml: {name}", service["command"]
    for name, container in _containers():
        yield f"kubernetes: {name}", container["args"]
    unit = (_DEPLOY / "syncline.service").read_text("utf-8")
    started = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert started
    yield "syncline.service", shlex.split(started[1])[1:]


def _documents() -> list[dict[str, Any]]:
    text = (_DEPLOY / "kubernetes" / "syncline.yaml").read_text("utf-8")
    return list(yaml.safe_load_all(text))


def _containers() -> Iterator[tuple[str, dict[str, Any]]]:
    for document in _documents():
        if document["kind"] == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                yield document["metadata"]["name"], container


@pytest.mark.parametrize(("place", "words"), list(_commands()))
def test_the_command_exists_with_its_options(place: str, words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    name, *rest = words
    assert name in command.commands, place
    known = {option for p in command.commands[name].params for option in p.opts}
    assert {word for word in rest if word.startswith("-")} <= known


def test_the_image_copies_what_there_is() -> None:
    text = (_DEPLOY / "Dockerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (_ROOT / source).exists(), source
    assert "USER 10001" in text


def test_deployments_select_their_pods_and_probe_what_is_served() -> None:
    found = {d["metadata"]["name"]: d for d in _documents() if d["kind"] == "Deployment"}
    assert set(found) == {"syncline-serve", "syncline-worker"}
    for document in found.values():
        spec = document["spec"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    serving = found["syncline-serve"]["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"] for port in serving["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert serving[probe]["httpGet"]["port"] in ports
    others = {d["kind"]: d for d in _documents()}
    assert (
        others["Service"]["spec"]["selector"].items()
        <= found["syncline-serve"]["spec"]["template"]["metadata"]["labels"].items()
    )
    assert others["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] in found


_GUIDES = ("docker", "kubernetes", "systemd", "observe", "sign-in-elsewhere", "jobs-in-git")
_VARIABLE = re.compile(r"\bSYNCLINE_[A-Z_]*[A-Z]\b")


def _texts() -> Iterator[tuple[str, str]]:
    for path in sorted(_DEPLOY.rglob("*")):
        if path.is_file() and path.name not in {"compose.test.yaml", "install-java"}:
            yield path.name, path.read_text("utf-8")
    for name in _GUIDES:
        yield f"{name}.md", (_ROOT / "docs" / "how-to" / f"{name}.md").read_text("utf-8")


def test_the_variables_are_those_that_the_code_reads() -> None:
    code = "\n".join(p.read_text("utf-8") for p in (_ROOT / "src" / "syncline").rglob("*.py"))
    known = set(_VARIABLE.findall(code))
    # These are put together.
    known |= {f"SYNCLINE_OIDC_{name}" for name in re.findall(r'given\("([A-Z_]+)"', code)}
    for place, text in _texts():
        assert set(_VARIABLE.findall(text)) <= known, place


async def test_the_probes_ask_for_what_is_answered(tmp_path: Path) -> None:
    asked = {
        container[probe]["httpGet"]["path"]
        for _, container in _containers()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        if probe in container
    }
    for _, text in _texts():
        asked |= set(re.findall(r"127\.0\.0\.1:8080(/\w+)", text))
    for document in _documents():
        if document["kind"] == "Deployment":
            marks = document["spec"]["template"]["metadata"].get("annotations", {})
            asked |= {v for k, v in marks.items() if k == "prometheus.io/path"}
    assert asked == {"/healthz", "/readyz", "/metrics"}
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await migrate(store)
    app = FastAPI()
    mount(app, plane_of(store))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://syncline") as client:
        for path in asked:
            assert (await client.get(path)).status_code == 200, path
    await store.aclose()


def test_the_ports_are_the_same_everywhere() -> None:
    listened = {words[words.index("--port") + 1] for _, words in _commands() if words[0] == "serve"}
    assert listened == {"8080"}
    dockerfile = (_DEPLOY / "Dockerfile").read_text("utf-8")
    assert "EXPOSE 8080\n" in dockerfile
    services = yaml.safe_load((_DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    assert services["serve"]["ports"] == ["127.0.0.1:8080:8080"]
    serving = next(c for name, c in _containers() if name == "syncline-serve")
    assert [p["containerPort"] for p in serving["ports"]] == [8080]


def test_who_is_told_to_end_has_the_time_to() -> None:
    # A node waits so long for loads to stop at a commit; the web server a little longer.
    needed = 2 * EngineSettings().grace + 3
    services = yaml.safe_load((_DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    given = [float(services[n]["stop_grace_period"].removesuffix("s")) for n in ("serve", "worker")]
    given += [
        d["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        for d in _documents()
        if d["kind"] == "Deployment"
    ]
    unit = (_DEPLOY / "syncline.service").read_text("utf-8")
    given += [float(t) for t in re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)]
    assert len(given) == 5
    assert min(given) > needed


def test_images_and_figures_have_names_that_there_are() -> None:
    for name, container in _containers():
        assert container["image"] == f"syncline:{__version__}", name
    figures = (_ROOT / "src" / "syncline" / "api" / "metrics.py").read_text("utf-8")
    found = {
        metric["external"]["metric"]["name"]
        for document in _documents()
        if document["kind"] == "HorizontalPodAutoscaler"
        for metric in document["spec"]["metrics"]
    }
    for place, text in _texts():
        # Columns of Prometheus' own, such as those that it makes, are not named.
        found |= (
            set(re.findall(r"\bsyncline_[a-z_]+(?=[ `{)])", text)) if "observe" in place else set()
        )
    assert {f'"{name}"' in figures for name in found} == {True}


def test_the_builder_is_sent_what_the_image_copies_and_no_more() -> None:
    dockerfile = (_DEPLOY / "Dockerfile").read_text("utf-8")
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    }
    ignored = (_DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


@pytest.mark.parametrize("name", ["docker", "kubernetes", "systemd"])
def test_what_a_guide_names_is_there(name: str) -> None:
    text = (_ROOT / "docs" / "how-to" / f"{name}.md").read_text("utf-8")
    for path in re.findall(r"deploy/[\w./-]+\w", text):
        assert (_ROOT / path).exists(), path


def test_the_ingress_leads_to_the_service() -> None:
    ingress = yaml.safe_load((_DEPLOY / "kubernetes" / "ingress.yaml").read_text("utf-8"))
    (rule,) = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = next(d for d in _documents() if d["kind"] == "Service")
    assert ingress["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert backend["name"] == service["metadata"]["name"]
    assert backend["port"]["name"] in {p["name"] for p in service["spec"]["ports"]}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = (_DEPLOY / "syncline.service").read_text("utf-8")
    copy = tmp_path / "syncline.service"
    copy.write_text(unit.replace("/opt/syncline/bin/syncline", "/bin/true"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "syncline.service" not in done.stderr, done.stderr


def test_no_container_runs_as_root_or_writes_to_its_image() -> None:
    for name, container in _containers():
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"], name
        assert not security["allowPrivilegeEscalation"], name
        written = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {"/data", "/tmp"} <= written  # noqa: S108 (a path in a container)
