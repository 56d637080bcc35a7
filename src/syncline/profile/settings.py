"""From what a connection sets to a value for every setting of its profile."""

import difflib
from collections.abc import Mapping

from syncline.errors import PropertyError
from syncline.profile.schema import Profile, Setting
from syncline.profile.template import fill, places


def resolved(profile: Profile, given: Mapping[str, str]) -> Mapping[str, str]:
    """Return a value for every setting: as given, in any case of its name, or its default.

    Settings with neither are left out; whoever needs one says so. Raises `PropertyError` for a
    setting that the profile does not have, and for a value that is not among its choices.
    Values of secret settings are never part of a message.
    """
    names = {name.lower(): name for name in profile.settings}
    values: dict[str, str] = {}
    for name, value in given.items():
        if name.lower() not in names:
            near = difflib.get_close_matches(name.lower(), names, n=1)
            known = ", ".join(profile.settings) or "none"
            raise PropertyError(
                f"ProfileSettings: the profile {profile.name} has no setting {name!r}",
                hint=f"did you mean {names[near[0]]}?" if near else f"settings: {known}",
            )
        canonical = names[name.lower()]
        values[canonical] = _allowed(canonical, profile.settings[canonical], value)
    for name in profile.settings:
        _default(profile, name, values)
    return values


def _allowed(name: str, setting: Setting, value: str) -> str:
    if not setting.choices:
        return value
    for choice in setting.choices:
        if choice.lower() == value.lower():
            return choice
    shown = "this value" if setting.secret else repr(value)
    raise PropertyError(
        f"ProfileSettings: {name} cannot be {shown}",
        hint=f"choose one of: {', '.join(setting.choices)}",
    )


def _default(profile: Profile, name: str, values: dict[str, str]) -> None:
    """Put a setting's default among the values, after the settings that it names."""
    setting = profile.settings.get(name)
    if name in values or setting is None or setting.default is None:
        return
    for other in places(setting.default):
        _default(profile, other, values)
    if all(other in values for other in places(setting.default)):
        values[name] = fill(setting.default, values)
