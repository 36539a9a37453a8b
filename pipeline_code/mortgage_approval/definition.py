"""The training pipeline of the mortgage approval model: the steps of `tabular.definition`, with bias measured, and a
choice of what is done against it. Read at synth; none of it is in the code bundle.
"""

from mlops_constructs.definition_builder import Json
from mlops_constructs.pipeline_context import PipelineContext
from tabular.definition import TabularPipeline

HYPERPARAMETERS = {
    "num_round": "100",
    "max_depth": "3",
    "eta": "0.05",
    "min_child_weight": "3",
    "lambda": "5",
    "colsample_bytree": "0.5",
    "seed": "1990",
    "nthread": "1",
}
THRESHOLD = 0.25
"""Highest probability of a denial that is approved, unless a run says otherwise: about as many as the lenders did."""
PIPELINE = TabularPipeline(
    description="Probability that a mortgage application will be denied",
    hyperparameters=HYPERPARAMETERS,
    threshold=THRESHOLD,
    test_share=0.3,
    choices={"Mitigation": "none"},
    bias=True,
)


def definition(context: PipelineContext) -> Json:
    """The pipeline as the plain data that CreatePipeline takes."""
    return PIPELINE.definition(context)
