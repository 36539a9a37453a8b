"""A KLL sketch of sorted numbers, as Model Monitor stores it: level i holds items that stand for 2**i values each.

Format: developer guide, "Schema for Statistics (statistics.json file)". The compaction is deterministic (every
w-th order statistic), so the same data give the same document; the rank error is at most 1/k.
"""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np
from numpy.typing import NDArray

SIZE = 2048
DECAY = 0.64  # Model Monitor's own setting; it describes the random compactor, which this one is not


def sketch(ordered: NDArray[np.float64], size: int = SIZE) -> Dict[str, Any]:
    """The sketch of ascending numbers; the weights of its items add up to their count."""
    top = 0
    while len(ordered) >> top > size:
        top += 1
    weight = 1 << top
    whole = len(ordered) - len(ordered) % weight
    levels: List[List[float]] = [[] for _ in range(top + 1)]
    levels[top] = ordered[weight // 2 : whole : weight].tolist()
    start = whole
    for level in range(top):
        if (len(ordered) - whole) >> level & 1:
            levels[level].append(float(ordered[start]))
            start += 1 << level
    return {"parameters": {"c": DECAY, "k": float(size)}, "data": levels}
