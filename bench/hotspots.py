"""Where Syncline's time goes: a full load under py-spy."""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from bench.measure import ROOT, serving
from bench.places import PLACES
from bench.sides import SIDES, Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", default="syncline", choices=SIDES)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--destination", default="duckdb", choices=["duckdb", *PLACES])
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--native", action="store_true", help="look into C and C++ too")
    parser.add_argument("--output", type=Path, default=ROOT / "build/profile")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    raw = given.output / "stacks.txt"
    with (
        serving(given.rows) as server,
        tempfile.TemporaryDirectory() as work,
        PLACES.get(given.destination, nullcontext)() as place,
    ):
        server.admin("configure", delay=given.delay)
        run = Run(server=server, directory=Path(work), parallel=given.parallel, place=place)
        spy = [
            str(Path(sys.executable).parent / "py-spy"),
            "record",
            "--rate",
            "200",
            "--nonblocking",
        ]
        spy += ["--native"] if given.native else []
        program = [sys.executable, *SIDES[given.side].command(run)]
        if program[1] == sys.executable:
            program = program[1:]
        subprocess.run(
            [*spy, "--format", "raw", "--output", str(raw), "--", *program], cwd=ROOT, check=True
        )
    own, within = Counter[str](), Counter[str]()
    for line in raw.read_text("utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(count)
        for frame in set(frames):
            within[frame] += int(count)
    for title, counts in (("in itself", own), ("with what it calls", within)):
        print(f"\n{title}: share of {own.total()} samples")
        for frame, count in counts.most_common(30):
            print(f"{count / own.total():7.1%}  {frame}")
    print(f"\nstacks, for a flame graph: {raw}")


if __name__ == "__main__":
    main()
