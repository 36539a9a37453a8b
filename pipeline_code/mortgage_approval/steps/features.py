"""Split the applications and make features, as `tabular.steps.features` does, with an eye on race.

The data have no dates: all are of 1990. The test rows are the same share of each combination of outcome and race, since
few applicants were black. What a later year would bring, this split cannot tell. `train/train.csv` holds race besides,
for reweighing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from monitoring.steps import job
from mortgage_approval.schema import RACE, TASK, YES
from tabular.steps import features
from tabular.steps.features import Parts

SEED = 1990


def transform(applications: Any, test_share: float, seed: int = SEED) -> Parts:
    """Three frames of the applications; raises StepError if one of them is empty."""
    parts = features.transform(TASK, applications, test_share, seed, alike=(RACE,))
    is_black = (parts.baseline[RACE] == YES).to_numpy(int)
    return replace(parts, train=parts.train.assign(**{RACE: is_black}))


main = partial(features.main, TASK, split=transform)

if __name__ == "__main__":
    job.run(main)
