"""The model that is registered: base, adapter, and a layer that turns a text's vector into a share for each team.

Its archive:

    base/               the base model, so that the endpoint needs no network
    adapter/            what LoRA learned, in PEFT's format
    heads.safetensors   two layers: of the adapted model, and of the base model as it is, for the comparison
    model.json          how it was made
    code/               the code it was made by, which also serves it
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from message_routing import lora
from message_routing.encoder import Encoder
from message_routing.messages import TEAMS

BASE, ADAPTER, HEADS_FILE, METADATA_FILE = "base", "adapter", "heads.safetensors", "model.json"
CODE_ROOT = Path(__file__).resolve().parents[1]
SERVED = (Path(__file__).resolve().parent.name, "inference.py")
"""What of the code bundle answers requests."""

State = Dict[str, torch.Tensor]


def head(width: int) -> nn.Linear:
    return nn.Linear(width, len(TEAMS))


def metadata_of(folder: Path) -> Any:
    """How a model was made; raises ValueError if it routes to other teams than this code knows."""
    metadata = json.loads((folder / METADATA_FILE).read_text())
    if tuple(metadata["teams"]) != TEAMS:
        raise ValueError(f"{METADATA_FILE}: trained for teams {metadata['teams']}, this code has {list(TEAMS)}")
    return metadata


def save(
    folder: Path, *, encoder: Encoder, how: lora.Adaptation, base: Path, heads: Mapping[str, State], metadata: Any
) -> None:
    """Write the archive's files; heads: the state of the layer by "adapted" and "base"."""
    shutil.copytree(base, folder / BASE, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.bin", "*.pt", ".*"))
    lora.save(encoder.model, how, metadata["base_model"], folder / ADAPTER)
    tensors = {f"{name}.{part}": value.cpu() for name, state in heads.items() for part, value in state.items()}
    save_file(tensors, folder / HEADS_FILE)
    (folder / METADATA_FILE).write_text(json.dumps(metadata, indent=1) + "\n")
    for name in SERVED:
        source, target = CODE_ROOT / name, folder / "code" / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():  # the shim exists in a code bundle only
            shutil.copyfile(source, target)


class Router:
    """A registered model that answers, or with `adapted=False` the base model under its own layer."""

    def __init__(self, folder: Path, adapted: bool = True) -> None:
        metadata_of(folder)
        self.version = os.environ.get("MODEL_VERSION", "unregistered")
        self._encoder = Encoder(folder / BASE)
        if adapted:
            lora.load(self._encoder.model, folder / ADAPTER)
            lora.merge(self._encoder.model)
        name = "adapted" if adapted else "base"
        tensors = load_file(folder / HEADS_FILE)
        self._head = head(self._encoder.width)
        self._head.load_state_dict({part: tensors[f"{name}.{part}"] for part in ("weight", "bias")})
        self._head.to(self._encoder.device)

    def shares(self, texts: Sequence[str]) -> torch.Tensor:
        """How sure the model is of each team: texts × teams, each row adds up to 1."""
        vectors = self._encoder.vectors(texts)
        with torch.inference_mode():
            return self._head(vectors).softmax(dim=1).cpu()
