"""Connection properties: CData's names, from YAML or from one connection string."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from syncline.errors import PropertyError

Model = TypeVar("Model", bound="Properties")

#: YAML has numbers and booleans where properties are texts.
Text = Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int | float) else v)]


def _limit(tasks: int) -> int:
    """Return how many tasks may read at the same time: the engine has queues for these only."""
    if tasks not in {1, 2, 4, 8}:
        raise ValueError("input should be 1, 2, 4 or 8")
    return tasks


class Properties(BaseModel):
    """What all connection types share: names in any case, unknown ones refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class ApiProperties(Properties):
    """Properties of a connection to an API, ``type: api``."""

    profile: Text = Field(
        alias="Profile",
        description="Name of a bundled profile; path of a .yaml file, of a folder with a "
        "profile.yaml, or of a zip of one (.zip, .apip); or https://…#sha256=….",
    )
    profile_settings: Text | dict[str, Text] = Field(
        default="", alias="ProfileSettings", description="Settings of the profile: k=v;k=v."
    )
    auth_scheme: Text | None = Field(
        default=None,
        alias="AuthScheme",
        description="One of the profile's schemes; default: its first.",
    )
    user: Text = Field(default="", alias="User", description="For the scheme Basic.")
    password: SecretStr = Field(
        default=SecretStr(""), alias="Password", description="For the scheme Basic."
    )
    initiate_oauth: Literal["OFF", "GETANDREFRESH", "REFRESH"] = Field(
        default="GETANDREFRESH",
        alias="InitiateOAuth",
        description="GETANDREFRESH: ask the user in a browser when there are no tokens, and "
        "refresh them; REFRESH: only refresh; OFF: use OAuthAccessToken as it is.",
    )
    oauth_client_id: Text = Field(
        default="", alias="OAuthClientId", description="Id of the app registered with the API."
    )
    oauth_client_secret: SecretStr = Field(
        default=SecretStr(""), alias="OAuthClientSecret", description="Its secret."
    )
    oauth_access_token: SecretStr = Field(
        default=SecretStr(""),
        alias="OAuthAccessToken",
        description="A token to use instead of signing in; kept in memory only.",
    )
    oauth_refresh_token: SecretStr = Field(
        default=SecretStr(""),
        alias="OAuthRefreshToken",
        description="A refresh token to use instead of signing in; kept in memory only.",
    )
    callback_url: Text = Field(
        default="http://127.0.0.1:33333/callback",
        alias="CallbackURL",
        description="The app's redirect URI, an address of this machine.",
    )
    oauth_settings_location: Text = Field(
        default="",
        alias="OAuthSettingsLocation",
        description="File that keeps the tokens, or memory://; default: a file of its own for "
        "each connection under ~/.local/share/syncline.",
    )

    parallel_tasks: Annotated[int, AfterValidator(_limit)] = Field(
        default=4,
        alias="ParallelTasks",
        description="Tasks that read from it at the same time, of all jobs and on all nodes: 1, 2, "
        "4 or 8.",
    )

    @property
    def settings(self) -> dict[str, str]:
        """ProfileSettings as a mapping."""
        if isinstance(self.profile_settings, str):
            return parse_pairs(self.profile_settings, "ProfileSettings")
        return dict(self.profile_settings)


class DuckDBProperties(Properties):
    """Properties of a DuckDB destination, ``type: duckdb``."""

    database: Text = Field(alias="Database", description="Path of the file; made if missing.")
    schema_name: Text = Field(
        default="main", alias="Schema", description="Schema of the targets; made if missing."
    )
    memory_limit: Text = Field(
        default="128MB", alias="MemoryLimit", description="What DuckDB may use, such as 1GB."
    )
    threads: int | None = Field(
        default=None, alias="Threads", gt=0, description="Threads of DuckDB; default: one a core."
    )


class PostgresProperties(Properties):
    """Properties of a PostgreSQL destination, ``type: postgres``."""

    server: Text = Field(default="localhost", alias="Server", description="Host or address.")
    port: int = Field(default=5432, alias="Port", gt=0, lt=65536, description="TCP port.")
    database: Text = Field(default="postgres", alias="Database", description="Its name.")
    user: Text = Field(default="", alias="User", description="Login.")
    password: SecretStr = Field(
        default=SecretStr(""), alias="Password", description="Password of the login."
    )
    schema_name: Text = Field(
        default="public", alias="Schema", description="Schema of the targets; made if missing."
    )
    ssl_mode: Text = Field(
        default="prefer",
        alias="SSLMode",
        description="disable, allow, prefer, require, verify-ca or verify-full.",
    )
    url: SecretStr = Field(
        default=SecretStr(""),
        alias="URL",
        description="postgresql://user:password@host:port/database, instead of the others.",
    )


class SQLServerProperties(Properties):
    """Properties of a SQL Server destination, ``type: sqlserver``; others go to the driver."""

    server: Text = Field(alias="Server", description=r"host, host\\instance or host,port.")
    port: int | None = Field(
        default=None,
        alias="Port",
        gt=0,
        lt=65536,
        description="TCP port, unless Server names it; default: the driver's, 1433.",
    )
    database: Text = Field(
        default="", alias="Database", description="Its name; default: the login's own."
    )
    user: Text = Field(
        default="",
        alias="User",
        description="Login; the application's id for AzureServicePrincipal, the identity's for "
        "AzureMSI.",
    )
    password: SecretStr = Field(
        default=SecretStr(""),
        alias="Password",
        description="Password; the application's secret for AzureServicePrincipal.",
    )
    schema_name: Text = Field(
        default="dbo", alias="Schema", description="Schema of the targets; made if missing."
    )
    encrypt: Text = Field(default="yes", alias="Encrypt", description="yes, no or strict.")
    trust_server_certificate: bool = Field(
        default=False,
        alias="TrustServerCertificate",
        description="Accept a certificate that nobody has signed.",
    )
    auth_scheme: Literal["Password", "AzureServicePrincipal", "AzureMSI", "AccessToken"] = Field(
        default="Password", alias="AuthScheme", description="How the login proves itself."
    )
    instants: Literal["datetimeoffset", "datetime2"] = Field(
        default="datetimeoffset",
        alias="Instants",
        description="Type of columns for moments with a zone; in datetime2 they are UTC.",
    )
    access_token: SecretStr = Field(
        default=SecretStr(""), alias="AccessToken", description="For the scheme AccessToken."
    )
    passed_on: dict[str, Text] = Field(
        default_factory=dict,
        alias="Other",
        description="Any other property is a keyword of the driver and is passed on.",
    )


class DatabricksProperties(Properties):
    """Properties of a Databricks destination, ``type: databricks``."""

    server: Text = Field(
        alias="Server", description="Host name of the workspace, without https://."
    )
    http_path: Text = Field(
        alias="HTTPPath", description="Path of the SQL warehouse, /sql/1.0/warehouses/…"
    )
    port: int = Field(default=443, alias="Port", gt=0, lt=65536, description="TCP port.")
    auth_scheme: Literal["Token", "OAuthM2M"] = Field(
        default="Token", alias="AuthScheme", description="How the login proves itself."
    )
    token: SecretStr = Field(
        default=SecretStr(""),
        alias="Token",
        description="Personal access token, for the scheme Token.",
    )
    oauth_client_id: Text = Field(
        default="", alias="OAuthClientId", description="Service principal, for OAuthM2M."
    )
    oauth_client_secret: SecretStr = Field(
        default=SecretStr(""), alias="OAuthClientSecret", description="Its OAuth secret."
    )
    catalog: Text = Field(default="main", alias="Catalog", description="Catalog of the targets.")
    schema_name: Text = Field(
        default="default",
        alias="Schema",
        description="Schema of the targets; made if missing and allowed.",
    )
    volume: Text = Field(
        default="syncline",
        alias="Volume",
        description="Volume of the schema where files are staged; made if missing and allowed.",
    )
    staging_method: Literal["FilesAPI", "PUT"] = Field(
        default="FilesAPI",
        alias="StagingMethod",
        description="How files get into the volume; PUT is used where FilesAPI is not allowed.",
    )
    clustering: Literal["Key", "Auto"] = Field(
        default="Key",
        alias="Clustering",
        description="Key: new tables are clustered by their key; Auto: and later as Databricks "
        "finds best, which needs predictive optimization.",
    )
    transactions: Literal["Auto", "On", "Off"] = Field(
        default="Auto",
        alias="Transactions",
        description="Auto: rows and checkpoint are one transaction where the tables are "
        "catalog-managed; On: new tables are made so, which older readers cannot read; Off.",
    )
    certificate: Text = Field(
        default="", alias="SSLCert", description="File of certificates to trust, PEM."
    )


MODELS: Mapping[str, type[Properties]] = {
    "api": ApiProperties,
    "duckdb": DuckDBProperties,
    "postgres": PostgresProperties,
    "databricks": DatabricksProperties,
    "sqlserver": SQLServerProperties,
}


def properties_of(model: type[Model], given: Mapping[str, object]) -> Model:
    """Return properties as a model; names in any case.

    Raises `PropertyError` for a name that is unknown, missing or given twice, and for a value
    that is not allowed. Values are never repeated in the message: they may be secret.
    """
    names = {(f.alias or n).lower(): f.alias or n for n, f in model.model_fields.items()}
    found: dict[str, object] = {}
    passed_on: dict[str, object] = {}
    for name, value in given.items():
        canonical = names.get(name.lower())
        if canonical is None and "passed_on" in model.model_fields:
            passed_on[name] = value
            continue
        if canonical is None:
            near = difflib.get_close_matches(name.lower(), names, n=1)
            raise PropertyError(
                f"unknown property {name!r}",
                hint=f"did you mean {names[near[0]]}?"
                if near
                else f"known: {', '.join(sorted(names.values()))}",
            )
        if canonical in found:
            raise PropertyError(f"the property {canonical} is given twice", hint="keep one of them")
        found[canonical] = value
    if passed_on:
        found["passed_on"] = passed_on
    try:
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "properties"
        if first["type"] == "missing":
            raise PropertyError(
                f"the property {name} is required, but missing",
                hint=f"add {name} to the connection's properties{_meaning(model, name)}",
            ) from None
        message = first["msg"][0].lower() + first["msg"][1:]
        raise PropertyError(
            f"the property {name}: {message}",
            hint=f"correct {name} in the connection's properties{_meaning(model, name)}",
        ) from None


def _meaning(model: type[Properties], name: str) -> str:
    """Return what a property is, as the end of a hint."""
    known = (f.description for f in model.model_fields.values() if f.alias == name)
    description = next(known, None)
    return f": {description.rstrip('.')}" if description else ""


def parse_pairs(text: str, what: str = "connection string") -> dict[str, str]:
    """Return the pairs of ``k=v;k='v;v'``; quotes are single or double, doubled inside.

    Raises `PropertyError`, without repeating values.
    """
    pairs: dict[str, str] = {}
    rest = text.strip()
    while rest := rest.lstrip("; \t\n"):
        name, equals, rest = rest.partition("=")
        name, rest = name.strip(), rest.lstrip()
        if not equals or not name or ";" in name:
            raise PropertyError(
                f"{what}: expected name=value after {len(pairs)} pair(s)",
                hint="write name=value;name=value, and quote values that hold a semicolon",
            )
        value, rest = _value(rest, name, what)
        if name.lower() in (known.lower() for known in pairs):
            raise PropertyError(f"{what}: {name} is given twice", hint="keep one of them")
        pairs[name] = value
    return pairs


def _value(rest: str, name: str, what: str) -> tuple[str, str]:
    quote = rest[:1]
    if quote not in {"'", '"'}:
        value, _, rest = rest.partition(";")
        return value.strip(), rest
    value, at = "", 1
    while True:
        end = rest.find(quote, at)
        if end < 0:
            raise PropertyError(
                f"{what}: the quote of {name} is not closed",
                hint="end the value with the quote it begins with; inside it, write it twice",
            )
        value += rest[at:end]
        if rest[end + 1 : end + 2] != quote:
            break
        value += quote
        at = end + 2
    after = rest[end + 1 :].lstrip()
    if after and not after.startswith(";"):
        raise PropertyError(
            f"{what}: expected a semicolon after the value of {name}",
            hint="write name='value';name='value', and a quote inside a value twice",
        )
    return value, after[1:]
