"""What the monitors must know of this model: `MODEL`; and whom its evaluation compares: `FACETS`.

A request tells neither race nor marital status, so no window of captured requests can be judged by them, and `MODEL`
has no facets. What the model does to whom is measured before registration, on the lenders' own disclosures. The outcome
of an application is known when the lender has decided, of whichever decision.
"""

from monitoring.model import Facet
from mortgage_approval.schema import PROTECTED, TASK, YES
from tabular.monitored import monitored
from tabular.scoring import Handlers

FACETS = tuple(Facet(name, values=(YES,)) for name in PROTECTED)

explain = Handlers(TASK).explain

MODEL = monitored(TASK)
