"""A whole manifest as a profile: its text, and what of the manifest is not in it."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.errors import ProfileError
from syncline.profile.airbyte.columns import flat
from syncline.profile.airbyte.findings import Findings, Refused
from syncline.profile.airbyte.manifest import Component, manifest_of
from syncline.profile.airbyte.settings import Settings
from syncline.profile.airbyte.streams import LoadSchema, Made, Making, made
from syncline.profile.imported import Imported, unsound, with_key_as_auth
from syncline.profile.writing import written

_NOT_IN_NAMES = re.compile(r"[\s.{}\[\]\"']+")
_STATUSES = (408, 425, 429, 500, 502, 503, 504)


def imported(text: str, origin: str, *, name: str, schema: LoadSchema) -> Imported:
    """Return a declarative manifest as a profile.

    ``origin`` names the manifest in complaints, ``name`` becomes the profile's; ``schema``
    returns the JSON Schema of a file that the manifest names. Raises `ProfileError` if it is no
    manifest, or not one of its tables can be imported.
    """
    manifest = manifest_of(text, origin)
    try:
        spec = manifest.part("spec")
        given = spec.get("connection_specification") if spec is not None else None
    except Refused as refused:
        raise ProfileError(f"{origin}: {refused}") from None
    settings = Settings(specification=given if isinstance(given, Mapping) else {})
    streams = _Streams(manifest=manifest, settings=settings, findings=Findings(), schema=schema)
    streams.make_all()
    return streams.imported(name, origin)


@dataclass(slots=True, kw_only=True)
class _Streams:
    """The streams of a manifest, each made once, parents before their children."""

    manifest: Component
    settings: Settings
    findings: Findings
    schema: LoadSchema
    _made: dict[str, Made] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)

    def make_all(self) -> None:
        """Make every stream that can be made."""
        for number, stream in enumerate(self._listed(), 1):
            name = _name(stream) or f"stream_{number}"
            try:
                self._make(stream, name)
            except Refused as refused:
                self.findings.refused[name] = str(refused)

    def _listed(self) -> list[Component]:
        if self.manifest.has("dynamic_streams"):
            self.findings.note("", "dynamic_streams are left out: their tables are not known")
        return list(self.manifest.parts("streams"))

    def _make(self, stream: Component, name: str) -> Made:
        if name in self._made:
            return self._made[name]
        if name in self.findings.refused:
            raise Refused(self.findings.refused[name])
        if name in self._under_way:
            raise Refused("a stream that is its own parent")
        self._under_way.add(name)
        try:
            making = Making(
                settings=self.settings,
                findings=self.findings,
                schema=self.schema,
                parent_of=self._parent_of,
            )
            self._made[name] = made(stream, name, making)
        finally:
            self._under_way.discard(name)
        return self._made[name]

    def _parent_of(self, stream: Component, path: str) -> tuple[str, str]:
        name = _name(stream)
        try:
            columns = self._make(stream, name).columns
        except Refused as refused:
            self.findings.refused.setdefault(name, str(refused))
            raise Refused(f"its parent {name} is not imported", str(refused)) from None
        for column, described in columns.items():
            if described.get("path", column) == path:
                if described["type"] == "json":
                    described["type"] = "scalar"
                return name, column
        column = path.replace(".", "_")
        columns[column] = {"type": "scalar"} | ({"path": path} if path != column else {})
        return name, column

    def imported(self, name: str, origin: str) -> Imported:
        """Return what was made, as a profile that is sound."""
        self._keep_one_auth()
        base = Counter(each.base_url for each in self._made.values()).most_common(1)
        profile = self._profile(name, base[0][0] if base else "")
        for table, why in unsound(profile).items():
            self.findings.refused[table] = why
            del profile["tables"][table]
        if not profile["tables"]:
            why = "; ".join(f"{n}: {w}" for n, w in list(self.findings.refused.items())[:5])
            raise ProfileError(
                f"{origin}: none of its tables can be imported: {why or 'there are none'}",
                hint="keep the folder 'schemas' of the package beside the manifest"
                if "there is no file" in why
                else "",
            )
        head = ["Made from an Airbyte manifest; see the report of the import.", *self._report()]
        return Imported(
            text=written(head, profile),
            tables=tuple(profile["tables"]),
            refused=dict(self.findings.refused),
            notes={k: tuple(v) for k, v in self.findings.notes.items()},
        )

    def _report(self) -> list[str]:
        return [f"Not imported: {n}: {why}" for n, why in self.findings.refused.items()]

    def _keep_one_auth(self) -> None:
        """Refuse tables that prove who asks in another way than most do."""
        usual = Counter(str(each.schemes) for each in self._made.values()).most_common(1)
        for name, each in list(self._made.items()):
            if str(each.schemes) != usual[0][0]:
                schemes = ", ".join(scheme["scheme"] for scheme in each.schemes)
                self.findings.refused[name] = f"it has an authenticator of its own: {schemes}"
                del self._made[name]

    def _profile(self, name: str, base_url: str) -> dict[str, Any]:
        every = list(self._made.values())
        profile: dict[str, Any] = {
            "name": _NOT_IN_NAMES.sub("_", name),
            "checked": "Imported from an Airbyte manifest; not yet checked.",
        }
        settings = self.settings.document()
        if settings:
            profile["settings"] = settings
        profile["auth"] = every[0].schemes if every else [{"scheme": "None"}]
        profile["base_url"] = base_url
        concurrency = self._concurrency()
        if concurrency:
            profile["limits"] = {"concurrency": concurrency}
        retry = _retry(every)
        if retry:
            profile["retry"] = retry
        if any(each.texts for each in every):
            profile["numbers_as_strings"] = True
        profile["tables"] = {
            table: ({} if each.base_url == base_url else {"base_url": each.base_url})
            | {**each.table, "columns": flat(each.columns)}
            for table, each in self._made.items()
        }
        return with_key_as_auth(profile)

    def _concurrency(self) -> int:
        try:
            level = self.manifest.part("concurrency_level")
        except Refused:
            return 0
        given = level.get("default_concurrency") if level is not None else None
        return given if isinstance(given, int) and given > 0 else 0


def _retry(every: list[Made]) -> dict[str, Any]:
    retry: dict[str, Any] = {}
    again = {status for each in every for status in each.failures.again}
    if again - set(_STATUSES):
        retry["statuses"] = sorted(again | set(_STATUSES))
    headers = Counter(each.failures.after for each in every if each.failures.after)
    if headers and headers.most_common(1)[0][0].lower() != "retry-after":
        retry["after"] = headers.most_common(1)[0][0]
    attempts = max((each.failures.attempts for each in every), default=0)
    return retry | ({"attempts": attempts} if attempts else {})


def _name(stream: Component) -> str:
    return _NOT_IN_NAMES.sub("_", str(stream.get("name") or ""))
