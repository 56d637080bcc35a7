"""A connection's properties, parted into what may be shown and what is sealed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr

from syncline.control.plane import MASK
from syncline.control.project import ConnectionSpec
from syncline.control.properties import MODELS, Properties, parse_pairs, properties_of
from syncline.control.references import VARIABLE, is_sealed
from syncline.control.vault import Vault
from syncline.errors import ConfigError, Invalid
from syncline.profile.loader import load_profile
from syncline.profile.schema import Profile
from syncline.profile.settings import resolved

_SETTINGS = "ProfileSettings"
_PASSED_ON = "Other"
#: Keywords of a driver are not in our models; by these parts of their names they are secret.
_TELLING = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
#: Variables that say where we keep what, and with which key: no connection may send them away.
_OURS = re.compile(r"^SYNCLINE_", re.IGNORECASE)
#: Properties that say who gets the secrets.
_WHERE = ("Profile", _SETTINGS, "Server", "URL", "CallbackURL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """Properties by canonical name; settings of a profile are ``ProfileSettings.NAME``."""

    #: Also references such as ``${NAME}`` in place of secrets.
    shown: Mapping[str, object]
    #: Not sealed yet, or sealed already.
    secret: Mapping[str, str] = field(repr=False)


def parted(spec: ConnectionSpec) -> Parted:
    """Part a connection's properties. Raises `PropertyError`, `ProfileError`, `Invalid`.

    A secret that is empty or masked counts as absent.
    """
    flat = flattened(spec.type, spec.properties)
    secrets = secret_names(spec.type, flat)
    shown: dict[str, object] = {}
    secret: dict[str, str] = {}
    for name, value in flat.items():
        if isinstance(value, str):
            _refuse_ours(name, value)
        if name not in secrets or (isinstance(value, str) and VARIABLE.fullmatch(value)):
            shown[name] = value
        elif str(value) not in {"", MASK}:
            secret[name] = str(value)
    return Parted(shown=shown, secret=secret)


def flattened(type_: str, properties: Mapping[str, object] | str) -> dict[str, object]:
    """Return properties by canonical name, one level deep.

    Unknown names are kept: the model refuses them when it checks.
    """
    pairs = parse_pairs(properties) if isinstance(properties, str) else properties
    names = {(f.alias or n).lower(): f.alias or n for n, f in MODELS[type_].model_fields.items()}
    flat: dict[str, object] = {}
    for name, value in pairs.items():
        canonical = names.get(name.lower(), name)
        if canonical == _SETTINGS:
            inner = parse_pairs(value, _SETTINGS) if isinstance(value, str) else value
            given = inner if isinstance(inner, Mapping) else {}
            flat |= {f"{_SETTINGS}.{key}": v for key, v in given.items()}
        elif canonical == _PASSED_ON and isinstance(value, Mapping):
            flat |= {str(key): v for key, v in value.items()}
        elif canonical in flat:
            raise Invalid(f"the property {canonical} is given twice", hint="keep one of them")
        else:
            flat[canonical] = value
    return _settings_by_their_names(flat)


def nested(flat: Mapping[str, object]) -> dict[str, object]:
    """Return properties as a project file has them: the inverse of `flattened`."""
    settings = {
        name.removeprefix(f"{_SETTINGS}."): value
        for name, value in flat.items()
        if name.startswith(f"{_SETTINGS}.")
    }
    plain = {n: v for n, v in flat.items() if not n.startswith(f"{_SETTINGS}.")}
    return plain | ({_SETTINGS: settings} if settings else {})


def secret_names(type_: str, flat: Mapping[str, object]) -> frozenset[str]:
    """Return which properties of a connection are secret, set or not."""
    model = MODELS[type_]
    names = {f.alias or n for n, f in model.model_fields.items() if f.annotation is SecretStr}
    profile = _profile(flat)
    if profile is not None:
        names |= {f"{_SETTINGS}.{name}" for name, s in profile.settings.items() if s.secret}
    if "passed_on" in model.model_fields:
        known = {f.alias or n for n, f in model.model_fields.items()}
        names |= {name for name in flat if name not in known and _TELLING.search(name)}
    return frozenset(names)


def checked(spec_type: str, flat: Mapping[str, object]) -> Properties | None:
    """Check properties against the type's model, and settings against the profile.

    References to variables are taken as they are; None if one keeps a value from being checked.
    Raises `PropertyError`, `ProfileError`.
    """
    model = MODELS[spec_type]
    try:
        given = properties_of(model, nested(flat))
    except ConfigError:
        if any(isinstance(value, str) and VARIABLE.search(value) for value in flat.values()):
            return None
        raise
    profile = _profile(flat)
    if profile is not None:
        settings = {
            name.removeprefix(f"{_SETTINGS}."): str(value)
            for name, value in flat.items()
            if name.startswith(f"{_SETTINGS}.") and not VARIABLE.search(str(value))
        }
        resolved(profile, settings)
    return given


def sealed(vault: Vault, secret: Mapping[str, str]) -> dict[str, str]:
    """Seal secrets; those that are sealed already must open with our keys, and are sealed anew."""
    return {
        name: vault.seal(vault.open(value) if is_sealed(value) else value)
        for name, value in secret.items()
    }


def merged(
    before: Parted, after: Parted, secrets: frozenset[str], removed: frozenset[str] = frozenset()
) -> tuple[dict[str, object], dict[str, str]]:
    """Return properties after an edit: a secret that is absent stays, unless it is removed.

    ``secrets``: names of all secrets, set or not.
    Raises `Invalid` if secrets would stay while the address that they are sent to changes: who
    may not see a secret may not have it sent elsewhere either.
    """
    shown = dict(after.shown)
    secret = dict(after.secret)
    for name in before.secret:
        if name not in secret and name not in shown and name not in removed:
            secret[name] = before.secret[name]
    kept = [name for name, value in before.secret.items() if secret.get(name) == value]
    for name, value in before.shown.items():
        if name in secrets and not (name in removed or name in shown or name in secret):
            shown[name] = value
    moved = sorted(
        name
        for name in {*before.shown, *after.shown}
        if name.split(".", maxsplit=1)[0] in _WHERE and before.shown.get(name) != shown.get(name)
    )
    if kept and moved:
        raise Invalid(
            f"{', '.join(moved)} has changed, which decides who gets the secrets",
            hint=f"enter again: {', '.join(kept)}",
        )
    return shown, secret


def profile_in(properties: Mapping[str, object]) -> Profile | None:
    """Return the profile that flat properties name, read once; None if they name none.

    Raises `ProfileError`.
    """
    return _profile(properties)


def _settings_by_their_names(flat: dict[str, object]) -> dict[str, object]:
    profile = _profile(flat)
    if profile is None:
        return flat
    names = {f"{_SETTINGS}.{name}".lower(): f"{_SETTINGS}.{name}" for name in profile.settings}
    return {names.get(name.lower(), name): value for name, value in flat.items()}


def _profile(flat: Mapping[str, object]) -> Profile | None:
    name = flat.get("Profile")
    if not isinstance(name, str) or VARIABLE.search(name):
        return None
    path = Path(name).expanduser()
    return _loaded(name, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=32)
def _loaded(name: str, _changed_at: int) -> Profile:
    """Return a profile; to read a large one takes longer than everything else here."""
    return load_profile(name)


def _refuse_ours(name: str, value: str) -> None:
    for variable in VARIABLE.findall(value):
        if _OURS.match(variable):
            raise Invalid(
                f"the property {name} cannot use the variable {variable}",
                hint="variables that begin with SYNCLINE_ are Syncline's own",
            )
