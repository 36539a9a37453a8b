"""The endpoint's four handlers, as Hugging Face's inference toolkit calls them.

Request, JSON: {"instances": [{"text": "..."}, ...]}; CSV: one text a line, no header. Answer: team, probability and the
version that answered, in the order of the request.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from message_routing import answers
from message_routing.answers import Prediction
from message_routing.messages import TEAMS
from message_routing.router import Router


def model_fn(model_dir: str, _context: Any = None) -> Router:
    """Load what training saved; raises ValueError if it is not this code's."""
    return Router(Path(model_dir))


def input_fn(body: Union[str, bytes], content_type: str) -> List[str]:
    return answers.texts(body, content_type)


def predict_fn(texts: List[str], model: Router) -> List[Prediction]:
    rows: List[Dict[str, Any]] = []
    for shares in model.shares(texts).tolist():
        best = max(range(len(TEAMS)), key=shares.__getitem__)
        rows.append({"team": TEAMS[best], "probability": round(shares[best], 6), "model_version": model.version})
    return rows


def output_fn(predictions: List[Prediction], accept: Optional[str]) -> str:
    return answers.write(predictions, accept)
