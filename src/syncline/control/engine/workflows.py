"""The two workflows, and handing runs to the engine. All that runs here is durable."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dbos import DBOS, EnqueueOptions, PortableWorkflowError, WorkflowHandleAsync
from dbos import error as refusals
from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bound_contextvars

from syncline.control.engine.database import ENGINE_VERSION
from syncline.control.engine.doing import Came, Doings, Present, Step
from syncline.control.engine.job import DEFAULT_LIMIT
from syncline.control.engine.settings import EngineSettings
from syncline.control.engine.steps import Setup, Steps
from syncline.control.engine.work import Desk, Work
from syncline.errors import Unavailable

#: Graceful hand-overs count as recoveries too, so there is no number that would be too many.
_RECOVERIES = 1_000_000
_JOBS, _RUN_JOB, _RUN_TASK = "jobs", "run_job", "run_task"
#: Seconds between two looks of one workflow, for each that is under way on the node.
_LOOKS = 0.02
#: Task runs of one account at a time; the engine's limit is one number per queue.
LIMITS = (1, 2, 4, 8)


@dataclass(slots=True, kw_only=True)
class Works:
    """The task runs that are on this node now."""

    desk: Desk
    present: set[Present]
    #: Workflows under way: those of jobs wait for those of their tasks.
    tasks: set[asyncio.Task[Any]]
    #: Limits of the queues that are looked into more often, because of runs on this node.
    brisk: set[int]

    async def calm(self, settings: EngineSettings) -> None:
        """Let the queues be looked into as seldom as before, once nothing is under way here."""
        while self.brisk and not self.tasks:
            await register_tasks(settings, self.brisk.pop(), poll=settings.poll)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Note that the present workflow is under way."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a workflow runs in one)
        self.tasks.add(task)
        try:
            yield
        finally:
            self.tasks.discard(task)

    async def cut_off(self) -> None:
        """End all workflows here, without a word to the engine: others go on with them."""
        # It would tell of each.
        logging.getLogger("dbos").setLevel(logging.ERROR)
        ended = list(self.tasks)
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    def idle(self) -> bool:
        """Nothing is under way; what is here waits for the node to end."""
        return all(work.parked for work in self.present)


def register(desk: Desk, settings: EngineSettings) -> Works:
    """Tell the engine what its workflows are on this node; before it is launched."""
    works = Works(desk=desk, present=set(), tasks=set(), brisk=set())
    doings = Doings(desk=desk, present=works.present)
    flows = _Flows(desk=desk, works=works, settings=settings, steps=Steps(desk=desk), doings=doings)

    @DBOS.workflow(name=_RUN_JOB, max_recovery_attempts=_RECOVERIES)
    async def run_job(run: str) -> str:
        with works.here(), bound_contextvars(node=desk.node, run=run):
            async with desk.open_runs.held(run):
                return await flows.job(run)

    @DBOS.workflow(name=_RUN_TASK, max_recovery_attempts=_RECOVERIES)
    async def run_task(
        run: str, number: int, around: dict[str, list[dict[str, Any]]] | None = None
    ) -> str:
        with works.here(), bound_contextvars(node=desk.node, run=run, task=number):
            async with desk.open_runs.held(run):
                return await flows.task(run, number, around or {})

    return works


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flows:
    """What the workflows do: the same steps in the same order, whoever does them again."""

    desk: Desk
    works: Works
    settings: EngineSettings
    steps: Steps
    doings: Doings

    async def job(self, run: str) -> str:
        setup = await DBOS.run_step_async({"name": "begin"}, self._begin, run)
        # A run that an earlier version has begun knows nothing of actions.
        failure = await self._before(run, None, setup.get("before", ()))
        if failure is None:
            await self._tasks(run, setup)
        if after := setup.get("after"):
            state = await DBOS.run_step_async({"name": "outcome"}, self.steps.outcome, run)
            ended = "failed" if failure and "code" in failure else state
            failure = await self._after(run, None, after, ended) or failure
        return await DBOS.run_step_async({"name": "finish"}, self.steps.finish, run, failure)

    async def _tasks(self, run: str, setup: Setup) -> None:
        waiting = list(range(setup["tasks"]))
        going: dict[str, WorkflowHandleAsync[str]] = {}
        on = True
        while going or (waiting and on):
            while waiting and on and len(going) < setup["parallel"]:
                handle = await _enqueued(run, waiting.pop(0), setup)
                going[handle.workflow_id] = handle
            first = await DBOS.wait_first_async(
                list(going.values()), polling_interval_sec=self._pause()
            )
            del going[first.workflow_id]
            well = await self._went_well(first)
            on = setup["go_on"] or (on and well)

    async def task(
        self, run: str, number: int, around: Mapping[str, Sequence[dict[str, Any]]]
    ) -> str:
        failure = await self._before(run, number, around.get("before", ()))
        if failure is None:
            state = await self._loaded(run, number)
        else:
            state = "cancelled" if failure.get("cancelled") else "failed"
        failure = await self._after(run, number, around.get("after", ()), state) or failure
        if failure is None:
            return state
        return await DBOS.run_step_async(
            {"name": "fail"}, self.steps.fail_task, run, number, failure
        )

    async def _before(
        self, run: str, number: int | None, actions: Sequence[dict[str, Any]]
    ) -> Came | None:
        """Do what comes before; return the failure for which nothing more is to be done."""
        for position, action in enumerate(actions):
            step = Step(run=run, number=number, phase="before", position=position)
            came = await DBOS.run_step_async({"name": "action"}, self.doings.do, step, action)
            if came["stop"]:
                return came
        return None

    async def _after(
        self, run: str, number: int | None, actions: Sequence[dict[str, Any]], state: str
    ) -> Came | None:
        """Do what comes after such an end; return the failure that makes it one."""
        for position, action in enumerate(actions):
            if action.get("when", "succeeded") not in {state, "ended"}:
                continue
            step = Step(run=run, number=number, phase="after", position=position, state=state)
            came = await DBOS.run_step_async({"name": "action"}, self.doings.do, step, action)
            if came["stop"]:
                return None if came.get("cancelled") else came
        return None

    async def _loaded(self, run: str, number: int) -> str:
        work = Work(self.desk, run, number, f"{run}/{number}")
        self.works.present.add(work)
        try:
            attempt = 1
            while True:
                said = await DBOS.run_step_async({"name": "slice"}, work.slice, attempt)
                if said["next"] == "over":
                    return str(said["state"])
                attempt += said["next"] == "retry"
        finally:
            self.works.present.discard(work)
            await work.aclose()

    async def _begin(self, run: str) -> Setup:
        setup = await self.steps.begin(run)
        # The tasks of a run follow each other: each would wait for the next look into the queue.
        await register_tasks(self.settings, setup["limit"], poll=self.settings.brisk)
        self.works.brisk.add(_known(setup["limit"]))
        return setup

    def _pause(self) -> float:
        """Seconds between two looks whether a task has ended; many jobs look less often each."""
        return max(self.settings.brisk, _LOOKS * len(self.works.tasks))

    async def _went_well(self, task: WorkflowHandleAsync[str]) -> bool:
        try:
            state = await task.get_result(polling_interval_sec=self._pause())
        except (PortableWorkflowError, refusals.DBOSAwaitedWorkflowCancelledError):
            # It broke without a word; the last step says so.
            return False
        return state == "succeeded"


def launch() -> None:
    """Begin to take workflows; its coroutines run in the loop of the caller.

    Raises `Unavailable` if the engine's tables cannot be made or used.
    """
    try:
        DBOS.launch()
    except (SQLAlchemyError, refusals.DBOSException) as error:
        said = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise Unavailable(
            f"the engine's tables cannot be used: {said}",
            hint="its database user must be allowed to create a schema, its folder to be written",
        ) from None


async def register_queues(settings: EngineSettings) -> None:
    """Make the queues that are always there known to all nodes; once the engine is launched."""
    await DBOS.register_queue_async(
        _JOBS, worker_concurrency=settings.jobs, polling_interval_sec=settings.poll
    )
    await register_tasks(settings, DEFAULT_LIMIT, poll=settings.poll)


async def register_tasks(settings: EngineSettings, limit: int, *, poll: float) -> None:
    """Make the queue of accounts with a limit known: each costs its looks, so only when needed."""
    await DBOS.register_queue_async(
        _queue(limit),
        partition_concurrency=_known(limit),
        worker_concurrency=settings.tasks,
        polling_interval_sec=poll,
    )


async def _enqueued(run: str, number: int, setup: Setup) -> WorkflowHandleAsync[str]:
    options = EnqueueOptions(
        workflow_name=_RUN_TASK,
        queue_name=_queue(setup["limit"]),
        workflow_id=f"{run}/{number}",
        queue_partition_key=setup["account"],
        app_version=ENGINE_VERSION,
    )
    around = setup.get("around", {}).get(str(number))
    # Nodes of an earlier version take two arguments, and may be there while others are renewed.
    more = () if around is None else (around,)
    return await DBOS.enqueue_workflow_with_options_async(options, run, number, *more)


async def dispatch(run: str, job: str) -> bool:
    """Hand a run to the engine; again is once. False: an earlier run of the job is not over."""
    options = EnqueueOptions(
        workflow_name=_RUN_JOB,
        queue_name=_JOBS,
        workflow_id=run,
        deduplication_id=job,
        app_version=ENGINE_VERSION,
    )
    try:
        await DBOS.enqueue_workflow_with_options_async(options, run)
    except refusals.DBOSQueueDeduplicatedError:
        return False
    return True


def recover(executors: Sequence[str]) -> None:
    """Let the runs of dead executors be taken up by others.

    The engine has no public way to do so: what its makers call internal is held to what we need
    by contract tests, and by the exact minor version that we depend on.
    """
    DBOS._recover_pending_workflows(list(executors))  # noqa: SLF001 (as said)


def owner(executor: str) -> Callable[[str], Awaitable[bool]]:
    """Return what says whether the engine names an executor as the one that runs a workflow."""

    async def owns(workflow: str) -> bool:
        status = await DBOS.get_workflow_status_async(workflow)
        return status is not None and status.executor_id == executor

    return owns


def _queue(limit: int) -> str:
    return f"tasks-{_known(limit)}"


def _known(limit: int) -> int:
    return max(known for known in LIMITS if known <= max(1, limit))
