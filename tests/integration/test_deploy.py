"""What deploy/ starts is what there is: commands, options, paths, variables."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from syncline.cli.main import app

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


def test_no_container_runs_as_root_or_writes_to_its_image() -> None:
    for name, container in _containers():
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"], name
        assert not security["allowPrivilegeEscalation"], name
        written = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {"/data", "/tmp"} <= written  # noqa: S108 (a path in a container)
