"""What can be set about the execution of runs; every time is in seconds."""

from dataclasses import dataclass

from syncline.control.engine.lineage import LineageSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How a node behaves. All nodes of a store should have the same."""

    #: A node that has not been heard of for so long is dead, and others take over its runs.
    lease: float = 20.0
    #: A task run notes in the engine that it still goes on after so long, at a commit.
    slice_seconds: float = 30.0
    #: How often a node looks for schedules that are due and runs to take up.
    tick: float = 1.0
    #: How often a node looks into each queue of the engine.
    poll: float = 1.5
    #: How often it looks into those of tasks while a run is under way.
    brisk: float = 0.25
    #: Job runs at a time on one node.
    jobs: int = 50
    #: Task runs at a time on one node.
    tasks: int = 8
    #: How long a task may go on to its next commit when it is told to end, before it is cut off.
    grace: float = 25.0
    #: A slot that is noticed later than this is one that was missed.
    late_after: float = 60.0
    #: Days that a run is kept after its end.
    keep_days: float = 90.0
    #: Events kept of one run.
    keep_events: int = 5000
    #: Who is told which datasets runs read and write; None: nobody.
    lineage: LineageSettings | None = None
