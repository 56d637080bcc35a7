"""Authenticators of manifests as auth schemes."""

from typing import Any

from syncline.profile.airbyte.expressions import Constant
from syncline.profile.airbyte.findings import Refused
from syncline.profile.airbyte.manifest import Component
from syncline.profile.airbyte.paging import option_of
from syncline.profile.airbyte.settings import Settings
from syncline.profile.airbyte.templates import Scope, expression, template


def schemes_of(
    component: Component | None, settings: Settings
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the auth schemes of an authenticator, the usual one first, and notes on the others.

    Raises `Refused` if none of them has an equal.
    """
    if component is None:
        return [{"scheme": "None"}], []
    if component.type != "SelectiveAuthenticator":
        return [_scheme(component, settings)], []
    found: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    why = "SelectiveAuthenticator without authenticators"
    for name, inner in component.named("authenticators").items():
        try:
            scheme = _scheme(inner, settings)
        except Refused as refused:
            why = str(refused)
            notes.append(f"the authenticator {name!r} is left out: {refused}")
            continue
        if found.setdefault(scheme["scheme"], scheme) != scheme:
            notes.append(f"the authenticator {name!r} is left out: a second {scheme['scheme']}")
    if not found:
        raise Refused(why)
    return list(found.values()), notes


def _scheme(component: Component, settings: Settings) -> dict[str, Any]:
    scope = Scope(settings=settings, parameters=component.parameters, secret=True)
    match component.type:
        case "NoAuth":
            return {"scheme": "None"}
        case "BearerAuthenticator":
            token = template(component.get("api_token", ""), scope)
            return {"scheme": "Token", "value": f"Bearer {token}"}
        case "ApiKeyAuthenticator":
            return _key(component, scope)
        case "BasicHttpAuthenticator":
            return {
                "scheme": "Basic",
                "user": template(component.get("username", ""), scope),
                "password": template(component.get("password", ""), scope),
            }
        case "OAuthAuthenticator":
            return _oauth(component, scope)
        case other:
            raise Refused(other or "an authenticator without type")


def _key(component: Component, scope: Scope) -> dict[str, Any]:
    value = template(component.get("api_token", ""), scope)
    given = component.part("inject_into")
    if given is not None and given.get("inject_into") == "request_parameter":
        option = option_of(given, "inject_into")
        assert option is not None  # noqa: S101 (it is there)
        return {"scheme": "APIKey", "parameter": option.parameter, "value": value}
    if given is not None and given.get("inject_into") != "header":
        raise Refused("ApiKeyAuthenticator", f"into {given.get('inject_into')!r}")
    header = component.get("header") if given is None else given.get("field_name")
    found = expression(header, component.parameters)
    if not isinstance(found, Constant) or not isinstance(found.value, str):
        raise Refused("ApiKeyAuthenticator", f"the header {header}")
    return {"scheme": "Token", "header": found.value, "value": value}


def _oauth(component: Component, scope: Scope) -> dict[str, Any]:
    plain = Scope(settings=scope.settings, parameters=component.parameters)
    grant = component.get("grant_type", "refresh_token")
    token_url = template(component.get("token_refresh_endpoint", ""), plain)
    if not token_url:
        raise Refused("OAuthAuthenticator", "without token_refresh_endpoint")
    if component.get("access_token_name", "access_token") != "access_token":
        raise Refused("OAuthAuthenticator", "an access token of another name")
    scopes = component.get("scopes")
    asked = " ".join(map(str, scopes)) if isinstance(scopes, list) else ""
    more = {"scope": asked} if asked else {}
    match grant:
        case "client_credentials":
            return {"scheme": "OAuthClient", "token_url": token_url, **more}
        case "refresh_token":
            return {"scheme": "OAuth", "authorize_url": "", "token_url": token_url, **more}
        case _:
            raise Refused("OAuthAuthenticator", f"the grant {grant!r}")
