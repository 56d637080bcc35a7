"""The peer: dlt's own REST source into DuckDB, tuned as its documentation advises."""

import argparse
import os
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

# dlt reads its settings from here when it is imported.
os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "NORMALIZE__WORKERS": "2",
    # Several files, so that both workers have something to do.
    "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "10000",
    "SOURCES__DATA_WRITER__BUFFER_MAX_ITEMS": "10000",
    "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS": "10000",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}

import dlt
from dlt.sources.rest_api import rest_api_source


def configuration(base: str, disposition: Any) -> Any:
    return {
        "client": {
            "base_url": f"{base}/api/v4/",
            "paginator": {"type": "json_link", "next_url_path": "meta.paging.next"},
        },
        "resources": [
            {
                "name": "activities",
                "primary_key": "id",
                "write_disposition": disposition,
                "columns": {"labels": {"data_type": "json"}},
                "endpoint": {
                    "path": "activities.json",
                    "params": {"limit": 200, "updated_since": "{incremental.start_value}"},
                    "data_selector": "data",
                    "incremental": {
                        "cursor_path": "updated_at",
                        "initial_value": "1970-01-01T00:00:00+00:00",
                        "primary_key": [],
                    },
                },
            }
        ],
    }


def destination(database: str) -> Any:
    """Return dlt's destination for a file or an address."""
    if database.startswith("postgresql:"):
        return dlt.destinations.postgres(database)
    if database.startswith("databricks:"):
        place = urlsplit(database)
        given = dict(parse_qsl(place.query))
        return dlt.destinations.databricks(
            credentials={
                "server_hostname": place.hostname,
                "http_path": given["path"],
                "catalog": place.path.strip("/"),
                "access_token": place.password,
                "connection_parameters": {
                    "_port": place.port,
                    "_tls_trusted_ca_file": given["ca"],
                    "enable_telemetry": False,
                },
            }
        )
    if "=" in database:
        words = dict(pair.split("=", 1) for pair in database.rstrip(";").split(";"))
        user, password, server, name = (
            quote(words[word].strip("{}"), safe="") for word in ("UID", "PWD", "Server", "Database")
        )
        server = server.replace("%2C", ":")
        address = f"mssql://{user}:{password}@{server}/{name}?TrustServerCertificate=yes"
        return dlt.destinations.mssql(address)
    return dlt.destinations.duckdb(database)


def changes(database: str) -> Any:
    """Return how dlt brings changed rows to a table."""
    if database.startswith("databricks:"):
        # What it does without a strategy takes subqueries in DELETE, which Delta by itself has not.
        return {"disposition": "merge", "strategy": "upsert"}
    return "merge"


def options(database: str) -> Any:
    """Return how dlt writes its files: where it is not told, it sends INSERT statements."""
    if database.startswith("postgresql:"):
        return {"loader_file_format": "csv"}
    if database.startswith("databricks:"):
        return {"loader_file_format": "parquet"}
    return {} if "=" in database else {"loader_file_format": "parquet"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("database", help="a file of DuckDB, or the address of a server")
    parser.add_argument("--directory", required=True, help="for dlt's own files")
    parser.add_argument("--incremental", action="store_true")
    given = parser.parse_args()
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=given.directory,
        destination=destination(given.database),
        dataset_name="bench",
    )
    # The first load into an empty table is cheaper appended than merged; the rows are the same.
    disposition = changes(given.database) if given.incremental else "append"
    source = rest_api_source(configuration(given.base, disposition), parallelized=False)
    print(pipeline.run(source, **options(given.database)))
