"""The bundled profiles beside Clio and ClickTime, held against their stand-ins by trial."""

import pytest

from standins.vendors import standing
from syncline.control.trial.findings import Verdict
from syncline.control.trial.reading import Overheard
from syncline.control.trial.tables import Trial
from syncline.sandbox.options import Options
from syncline.sandbox.server import running
from syncline.sandbox.vendor_description import vendors

SMALL = Options(rows=120, rate_limit=0, frozen=True)


@pytest.mark.parametrize("name", list(vendors()))
async def test_the_api_says_that_everything_in_the_profile_is_so(name: str) -> None:
    """Pages end, pushed filters filter, projections project, what changed is what was asked for."""
    overheard = Overheard()
    async with running(SMALL) as sandbox, standing(sandbox, name, overheard) as standin:
        trial = Trial(source=standin.source, profile=standin.profile, overheard=overheard, most=10)
        reports = [report async for report in trial.reports()]
    assert {report.table for report in reports} == set(await standin.source.tables())
    wrong = [(r.table, f) for r in reports for f in r.findings if f.verdict is Verdict.WRONG]
    assert wrong == []
