"""What Prometheus scrapes: numbers for all, and those of jobs for whoever may see their runs."""

from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from syncline.api.problems import answer
from syncline.control.access import SYNCLINE
from syncline.control.plane import Plane
from syncline.control.runs import State
from syncline.control.usecases.figures import Figures, JobFigures, figures, job_figures
from syncline.control.usecases.lagging import TaskLag, task_lags
from syncline.control.usecases.signing_in import actor_of_token
from syncline.errors import SynclineError

_BEARER = "Bearer "


def metrics(plane: Plane) -> APIRouter:
    """Return the route that answers in Prometheus' text format."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    async def scraped(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        try:
            found = await figures(plane, SYNCLINE)
            jobs: Sequence[JobFigures] = ()
            lags: Sequence[TaskLag] = ()
            if given.startswith(_BEARER):
                actor = await actor_of_token(plane, given.removeprefix(_BEARER))
                jobs = await job_figures(plane, actor)
                async with plane.looking(actor) as work:
                    lags = await task_lags(work)
        except SynclineError as error:
            return answer(error)
        registry = CollectorRegistry()
        registry.register(_Numbers(found, jobs, lags))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class _Numbers(Collector):
    """Hands over numbers that were read from the store."""

    def __init__(self, found: Figures, jobs: Sequence[JobFigures], lags: Sequence[TaskLag]) -> None:
        self._found = found
        self._jobs = jobs
        self._lags = lags

    def collect(self) -> Iterator[Metric]:
        """Yield every family of numbers."""
        found = self._found
        states = GaugeMetricFamily("syncline_runs", "Runs kept in the store.", labels=["state"])
        for state, count in found.runs.items():
            states.add_metric([state.value], count)
        yield states
        yield GaugeMetricFamily(
            "syncline_runs_waiting", "Runs that no node has begun.", found.runs[State.QUEUED]
        )
        yield GaugeMetricFamily(
            "syncline_runs_waiting_seconds", "Age of the oldest of them.", found.longest_wait
        )
        yield GaugeMetricFamily("syncline_nodes_up", "Nodes that run jobs.", found.nodes)
        yield GaugeMetricFamily(
            "syncline_tasks_held_back",
            "Tasks that wait for an API's limit or before they try again.",
            found.held_back,
        )
        told = GaugeMetricFamily(
            "syncline_notices", "Notices to channels kept in the store.", labels=["state"]
        )
        for word, count in found.notices.items():
            told.add_metric([word], count)
        yield told
        yield GaugeMetricFamily(
            "syncline_notices_waiting_seconds",
            "Age of the oldest notice that its channel has not taken.",
            found.longest_untold,
        )
        yield from self._of_jobs()

    def _of_jobs(self) -> Iterator[Metric]:
        if not self._jobs:
            return
        rows = GaugeMetricFamily(
            "syncline_job_rows", "Rows of the runs kept in the store.", labels=["job", "kind"]
        )
        requests = GaugeMetricFamily(
            "syncline_job_requests", "API calls of the runs kept in the store.", labels=["job"]
        )
        waited = GaugeMetricFamily(
            "syncline_job_waited_seconds",
            "Time that limits of the source made tasks wait in the runs kept in the store.",
            labels=["job"],
        )
        failed = GaugeMetricFamily(
            "syncline_job_runs_failed", "Failed runs kept in the store.", labels=["job"]
        )
        lag = GaugeMetricFamily(
            "syncline_job_lag_seconds", "Time since a run last succeeded.", labels=["job"]
        )
        for job in self._jobs:
            for kind, count in job.rows.items():
                rows.add_metric([job.job, kind], count)
            requests.add_metric([job.job], job.requests)
            waited.add_metric([job.job], job.waited)
            failed.add_metric([job.job], job.failed)
            if job.lag is not None:
                lag.add_metric([job.job], job.lag)
        behind = GaugeMetricFamily(
            "syncline_task_lag_seconds",
            "Time since a task that is switched on last succeeded, or was added.",
            labels=["job", "task"],
        )
        for task in self._lags:
            behind.add_metric([task.job, task.target], task.lag)
        yield from (rows, requests, waited, failed, lag, behind)
