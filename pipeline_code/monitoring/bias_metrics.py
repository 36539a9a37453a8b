"""Clarify's bias metrics of many tables of counts at once.

Source: developer guide, "Measure Pre-training Bias" and "Measure Post-training Data and Model Bias", one page a metric;
signs as there. Facet a comes first in tables, facet d second; 1 is the favourable outcome y or decision y'.
"""

from __future__ import annotations

from typing import Dict

import numpy as np
from numpy.typing import NDArray

NAMES = {
    "CI": "Class Imbalance (CI)",
    "DPL": "Difference in Positive Proportions in Labels (DPL)",
    "KL": "Kullback-Liebler Divergence (KL)",
    "JS": "Jensen-Shannon Divergence (JS)",
    "LP": "L-p Norm (LP)",
    "TVD": "Total Variation Distance (TVD)",
    "KS": "Kolmogorov-Smirnov Distance (KS)",
    "CDDL": "Conditional Demographic Disparity in Labels (CDDL)",
    "DPPL": "Difference in Positive Proportions in Predicted Labels (DPPL)",
    "DI": "Disparate Impact (DI)",
    "DCAcc": "Difference in Conditional Acceptance (DCAcc)",
    "DCR": "Difference in Conditional Rejection (DCR)",
    "SD": "Specificity Difference (SD)",
    "RD": "Recall Difference (RD)",
    "DAR": "Difference in Acceptance Rates (DAR)",
    "DRR": "Difference in Rejection Rates (DRR)",
    "AD": "Accuracy Difference (AD)",
    "TE": "Treatment Equality (TE)",
    "GE": "Generalized Entropy (GE)",
    "CDDPL": "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
}
"""Names and descriptions in Clarify's analysis.json."""

PRE_TRAINING = ("CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL")
POST_TRAINING = ("AD", "CDDPL", "DAR", "DCAcc", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE")
OUTCOME_FREE = ("DPPL", "DI", "CDDPL")
"""What needs no outcome: computed of all rows; everything else of the rows whose outcome is known."""

Array = NDArray[np.float64]


def metrics(tables: Array, outcomes: bool = True, both_decisions: bool = True) -> Dict[str, Array]:
    """Metrics by name, one number a table, NaN or infinite where undefined.

    tables: counts of shape (2 facets a and d, groups, 3 outcomes 0, 1 and unknown, 2 decisions 0 and 1, tables).
    outcomes: whether any outcome is known. both_decisions: whether outcomes are known for both decisions; else what
    conditions on outcomes is left out. CDDL and CDDPL are there only for more than one group.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        every = tables.sum(axis=2)  # facet, group, decision
        found = _decided(every.sum(axis=1))
        if tables.shape[1] > 1:
            found["CDDPL"] = _conditional(every)
        if outcomes:
            known = tables[:, :, :2]
            found.update(_labelled(known.sum(axis=(1, 3))))
            if tables.shape[1] > 1:
                found["CDDL"] = _conditional(known.sum(axis=3))
            found.update(_confused(known.sum(axis=1), both_decisions))
    return found


def _decided(decided: Array) -> Dict[str, Array]:
    """Of decisions: (facet, decision, tables)."""
    a, d = decided[:, 1] / decided.sum(axis=1)
    return {"DPPL": a - d, "DI": d / a}


def _labelled(labelled: Array) -> Dict[str, Array]:
    """Of outcomes before any model: (facet, outcome, tables)."""
    n_a, n_d = labelled.sum(axis=1)
    p_a, p_d = labelled / labelled.sum(axis=1, keepdims=True)
    middle, gap = (p_a + p_d) / 2, p_a - p_d
    return {
        "CI": (n_a - n_d) / (n_a + n_d),
        "DPL": gap[1],
        "KL": _divergence(p_a, p_d),
        "JS": (_divergence(p_a, middle) + _divergence(p_d, middle)) / 2,
        "LP": np.sqrt((gap**2).sum(axis=0)),
        "TVD": np.abs(gap).sum(axis=0) / 2,
        "KS": np.abs(gap).max(axis=0),
    }


def _divergence(p: Array, q: Array) -> Array:
    """Kullback and Leibler's, in nats; what never happens adds nothing."""
    terms: Array = np.where(p > 0, p * np.log(p / q), np.where(np.isnan(p), np.nan, 0.0))
    total: Array = terms.sum(axis=0)
    return total


def _conditional(counted: Array) -> Array:
    """Demographic disparity within each group, weighted by its rows; (facet, group, outcome or decision, tables).

    Within a group: facet d's share of the rejections minus its share of the acceptances, each 0 if there are none.
    """
    both = counted.sum(axis=0)
    shares = np.divide(counted[1], both, out=np.zeros_like(both), where=both > 0)
    disparity = shares[:, 0] - shares[:, 1]
    rows = both.sum(axis=1)
    conditional: Array = (rows * disparity).sum(axis=0) / rows.sum(axis=0)
    return conditional


def _confused(known: Array, both_decisions: bool) -> Dict[str, Array]:
    """Of outcomes and decisions: (facet, outcome, decision, tables)."""
    (tn_a, fp_a), (fn_a, tp_a) = known[0]
    (tn_d, fp_d), (fn_d, tp_d) = known[1]
    found = {
        "DAR": tp_a / (tp_a + fp_a) - tp_d / (tp_d + fp_d),
        "DRR": tn_d / (tn_d + fn_d) - tn_a / (tn_a + fn_a),
    }
    if both_decisions:
        found.update(
            {
                "DCAcc": (tp_a + fn_a) / (tp_a + fp_a) - (tp_d + fn_d) / (tp_d + fp_d),
                "DCR": (tn_d + fp_d) / (tn_d + fn_d) - (tn_a + fp_a) / (tn_a + fn_a),
                "SD": tn_d / (tn_d + fp_d) - tn_a / (tn_a + fp_a),
                "RD": tp_a / (tp_a + fn_a) - tp_d / (tp_d + fn_d),
                "AD": (tp_a + tn_a) / known[0].sum(axis=(0, 1)) - (tp_d + tn_d) / known[1].sum(axis=(0, 1)),
                "TE": fp_a / fn_a - fp_d / fn_d,
                "GE": _entropy(known.sum(axis=0)),
            }
        )
    return found


def _entropy(confusion: Array) -> Array:
    """Generalised entropy index with alpha 2 of benefits y' - y + 1: half the squared coefficient of variation."""
    rows = confusion.sum(axis=(0, 1))
    nothing, twice = confusion[1, 0], confusion[0, 1]
    mean = (rows - nothing + twice) / rows
    square = (rows - nothing + 3 * twice) / rows  # of benefits 1, 0 and 2
    entropy: Array = (square / mean**2 - 1) / 2
    return entropy
