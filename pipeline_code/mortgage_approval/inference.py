"""The endpoint's four handlers, as SageMaker's inference toolkit calls them; the forms are those of `tabular.serving`.

The probability is that of a denial, as the lenders of 1990 decided.
"""

from mortgage_approval.schema import TASK
from tabular.scoring import Handlers

HANDLERS = Handlers(TASK)
model_fn = HANDLERS.model_fn
input_fn = HANDLERS.input_fn
predict_fn = HANDLERS.predict_fn
output_fn = HANDLERS.output_fn
