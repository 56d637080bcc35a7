"""What a person is asked for to connect to something: fields, from the models of properties."""

import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from syncline.control.properties import MODELS
from syncline.profile.auth import AuthScheme, Basic, OAuth, OAuthClient
from syncline.profile.loader import bundled_profiles, load_profile
from syncline.profile.schema import Profile

#: Properties of databases that most people leave as they are.
_RARE = frozenset(
    {"MemoryLimit", "Threads", "SSLMode", "URL", "Encrypt", "TrustServerCertificate", "AuthScheme",
     "AccessToken"}
)  # fmt: skip
#: Of an API: those that go with an auth scheme.
_OAUTH = ("OAuthClientId", "OAuthClientSecret")
#: Of an API: those that have a place of their own, or no meaning in a store that keeps tokens.
_APART = frozenset({"Profile", "ProfileSettings", "AuthScheme", "OAuthSettingsLocation"})
_EXAMPLES: Mapping[str, str] = {
    "Server": "db.example.com",
    "User": "syncline",
    "OAuthClientId": "the key of your app",
    "SSLMode": "require",
    "URL": "postgresql://user:password@db.example.com:5432/warehouse",
}
_EXAMPLES_OF: Mapping[tuple[str, str], str] = {
    ("duckdb", "Database"): "/var/lib/syncline/warehouse.duckdb",
    ("postgres", "Database"): "warehouse",
    ("sqlserver", "Database"): "Warehouse",
    ("sqlserver", "Server"): "sql.example.com",
    ("databricks", "Server"): "adb-1234567890123456.7.azuredatabricks.net",
    ("databricks", "HTTPPath"): "/sql/1.0/warehouses/0123456789abcdef",
    ("databricks", "OAuthClientId"): "the application id of the service principal",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One property as a form asks for it."""

    #: Canonical; a profile's setting is ``ProfileSettings.NAME``.
    name: str
    label: str
    help: str
    example: str = ""
    #: text, secret, number, switch or choice.
    kind: str = "text"
    choices: tuple[str, ...] = ()
    default: str = ""
    required: bool = False
    advanced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something that can be connected to."""

    type: str
    #: Of an API; '': a profile of the user's own.
    profile: str
    title: str
    description: str
    source: bool


def offers() -> tuple[Offer, ...]:
    """Return everything that can be connected to: bundled profiles, an own profile, databases."""
    bundled = tuple(
        Offer(type="api", profile=name, title=p.title or p.name, description=p.description,
              source=True)
        for name, p in ((name, load_profile(name)) for name in bundled_profiles())
    )  # fmt: skip
    own = Offer(
        type="api", profile="", title="Any other API", source=True,
        description="With a profile of your own: one YAML file that describes the API.",
    )  # fmt: skip
    return (
        *bundled,
        own,
        *(
            Offer(type=type_, profile="", title=title, description=text, source=False)
            for type_, title, text in _DATABASES
        ),
    )


_DATABASES = (
    ("duckdb", "DuckDB", "One file, no server to install."),
    ("postgres", "PostgreSQL", "PostgreSQL 13 or newer, also hosted."),
    ("sqlserver", "SQL Server", "SQL Server 2017 or newer, and Azure SQL."),
    ("databricks", "Databricks", "A SQL warehouse with Unity Catalog."),
)


def fields_of(type_: str, profile: str = "", scheme: str = "") -> tuple[FormField, ...]:
    """Return the fields of a connection, those first that most people need.

    ``scheme``: the chosen auth scheme of an API; '': its first. Raises `ProfileError`.
    """
    if type_ == "api":
        return tuple(_of_api(load_profile(profile), scheme)) if profile else _OWN
    model = MODELS[type_]
    return tuple(
        sorted(
            (
                _field(type_, info, advanced=(info.alias or name) in _RARE)
                for name, info in model.model_fields.items()
                if name != "passed_on"
            ),
            key=lambda field: field.advanced,
        )
    )


_OWN = (
    FormField(
        name="Profile", label="Profile", required=True, example="/etc/syncline/my-api.yaml",
        help="Path of the profile's YAML file on the server.",
    ),
)  # fmt: skip


def connection_string(properties: Mapping[str, object]) -> str:
    """Return properties, nested or flat, as one text that `parse_pairs` takes apart again."""
    inner = {
        name.removeprefix("ProfileSettings."): value
        for name, value in properties.items()
        if name.startswith("ProfileSettings.")
    }
    outer: dict[str, object] = {
        name: value for name, value in properties.items() if not name.startswith("ProfileSettings.")
    }
    given = outer.pop("ProfileSettings", {})
    if isinstance(given, Mapping):
        inner = {**given, **inner}
    if inner:
        outer["ProfileSettings"] = _pairs(inner.items())
    return _pairs(outer.items())


def _pairs(pairs: Iterable[tuple[str, object]]) -> str:
    return ";".join(f"{name}={_quoted(str(value))}" for name, value in pairs)


def _quoted(value: str) -> str:
    if not any(mark in value for mark in ";'\"=") and value == value.strip():
        return value
    return "'" + value.replace("'", "''") + "'"


def _of_api(profile: Profile, scheme: str) -> Iterable[FormField]:
    schemes: dict[str, AuthScheme] = {auth.scheme: auth for auth in profile.auth}
    chosen = schemes.get(scheme, profile.auth[0])
    if len(schemes) > 1:
        yield FormField(
            name="AuthScheme", label="AuthScheme", kind="choice", choices=tuple(schemes),
            default=chosen.scheme, help="How the API knows who is asking.",
        )  # fmt: skip
    needed: tuple[str, ...] = ()
    if isinstance(chosen, OAuth | OAuthClient):
        needed = _OAUTH
    elif isinstance(chosen, Basic) and chosen.user == "{User}":
        needed = ("User", "Password")
    model = MODELS["api"].model_fields
    by_name = {info.alias or name: info for name, info in model.items()}
    rare = []
    for name, setting in profile.settings.items():
        field = FormField(
            name=f"ProfileSettings.{name}",
            label=name,
            help=setting.description,
            example=setting.example or setting.default or "",
            kind="secret" if setting.secret else "choice" if setting.choices else "text",
            choices=setting.choices,
            default=setting.default or "" if setting.choices else "",
            required=setting.default is None,
            advanced=setting.default is not None and not setting.choices,
        )
        if field.advanced:
            rare.append(field)
        else:
            yield field
    for name in needed:
        yield _field("api", by_name[name], advanced=False, required=True)
    yield from rare
    yield _field("api", by_name["ParallelTasks"], advanced=True)
    if isinstance(chosen, OAuth):
        for name in ("InitiateOAuth", "CallbackURL", "OAuthAccessToken", "OAuthRefreshToken"):
            yield _field("api", by_name[name], advanced=True)


def _field(
    type_: str, info: FieldInfo, *, advanced: bool, required: bool | None = None
) -> FormField:
    name = info.alias or ""
    kind, choices = _kind(info.annotation)
    default = "" if info.is_required() or info.default is None else str(info.default)
    if kind == "secret":
        default = ""
    example = _EXAMPLES_OF.get((type_, name)) or _EXAMPLES.get(name, "")
    return FormField(
        name=name,
        label=name,
        help=info.description or "",
        example=example or (default if kind in {"text", "number"} else ""),
        kind=kind,
        choices=choices,
        default=default if kind in {"choice", "switch"} else "",
        required=info.is_required() if required is None else required,
        advanced=advanced,
    )


def _kind(annotation: object) -> tuple[str, tuple[str, ...]]:
    if annotation is SecretStr:
        return "secret", ()
    if annotation is bool:
        return "switch", ()
    if typing.get_origin(annotation) is typing.Literal:
        return "choice", tuple(str(choice) for choice in typing.get_args(annotation))
    if int in (annotation, *(a for a in typing.get_args(annotation) if a is not NoneType)):
        return "number", ()
    return "text", ()
