"""Low-rank adaptation: a frozen linear layer learns a small product of two matrices beside it.

y = W x + b + (alpha / rank) B A x, where only A (rank × inputs) and B (outputs × rank) learn and B begins with zeros,
so that training starts from the base model. Method: Hu et al., LoRA (2021). The files are those of Hugging Face's PEFT
library, which can load them; containers need no more than torch and safetensors.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import torch
from safetensors.torch import load_file, save_file
from torch import nn

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."


@dataclass(frozen=True)
class Adaptation:
    """Which layers learn, by the last part of their names, and how.

    rank: of the two matrices; alpha: the product counts alpha / rank; dropout: share of the inputs left out, 0 to 1.
    """

    targets: Tuple[str, ...] = ("query", "value")
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.1


class AdaptedLinear(nn.Module):  # type: ignore[misc]
    """A linear layer that stays as it is, and the two matrices beside it."""

    def __init__(self, base: nn.Linear, how: Adaptation) -> None:
        super().__init__()
        self.base, self._scale, self._dropout = base, how.alpha / how.rank, nn.Dropout(how.dropout)
        self.lora_A = nn.Linear(base.in_features, how.rank, bias=False)
        self.lora_B = nn.Linear(how.rank, base.out_features, bias=False)
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        learned: torch.Tensor = self.lora_B(self.lora_A(self._dropout(x)))
        result: torch.Tensor = self.base(x) + learned * self._scale
        return result

    def merged(self) -> nn.Linear:
        """One layer that answers the same, with the product added to its weights."""
        with torch.no_grad():
            self.base.weight += self._scale * (self.lora_B.weight @ self.lora_A.weight)
        return self.base


def adapt(model: nn.Module, how: Adaptation) -> None:
    """Freeze the model, and put matrices that learn beside its layers; raises ValueError if it has none so called."""
    model.requires_grad_(False)
    named = {name: layer for name, layer in model.named_modules() if name.rpartition(".")[2] in how.targets}
    linear = {name: layer for name, layer in named.items() if isinstance(layer, nn.Linear)}
    if not linear:
        wanted = ", ".join(how.targets)
        raise ValueError(f"targets {wanted}: the base model has no such linear layers; print(model) shows their names")
    for name, layer in linear.items():
        _replace(model, name, AdaptedLinear(layer, how))


def merge(model: nn.Module) -> None:
    """Make the model one without adapters that answers the same, as fast as the base model does."""
    for name, layer in list(adapted(model)):
        _replace(model, name, layer.merged())


def adapted(model: nn.Module) -> Iterator[Tuple[str, AdaptedLinear]]:
    return ((name, each) for name, each in model.named_modules() if isinstance(each, AdaptedLinear))


def save(model: nn.Module, how: Adaptation, base: str, folder: Path) -> None:
    """Write what was learned, as PEFT has it. base: a name of the base model, for people."""
    folder.mkdir(parents=True, exist_ok=True)
    weights: Dict[str, torch.Tensor] = {}
    for name, layer in adapted(model):
        for part in ("lora_A", "lora_B"):
            weights[f"{_PREFIX}{name}.{part}.weight"] = getattr(layer, part).weight.detach().cpu().contiguous()
    save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    described = {
        "peft_type": "LORA",
        "base_model_name_or_path": base,
        "task_type": "FEATURE_EXTRACTION",
        "target_modules": sorted(how.targets),
        "r": how.rank,
        "lora_alpha": how.alpha,
        "lora_dropout": how.dropout,
        "bias": "none",
        "inference_mode": True,
    }
    (folder / CONFIG_FILE).write_text(json.dumps(described, indent=1) + "\n")


def load(model: nn.Module, folder: Path) -> None:
    """Put a saved adapter into the base model; raises ValueError if it is another base model's."""
    described: Dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text())
    how = Adaptation(tuple(described["target_modules"]), described["r"], described["lora_alpha"], dropout=0.0)
    adapt(model, how)
    weights, names = load_file(folder / WEIGHTS_FILE), [name for name, _ in adapted(model)]
    expected = {f"{_PREFIX}{name}.{part}.weight" for name in names for part in ("lora_A", "lora_B")}
    if set(weights) != expected:
        differing = sorted(expected ^ set(weights))[0]
        raise ValueError(f"{folder / WEIGHTS_FILE}: {differing} is in the adapter or in the base model, not in both")
    for name, layer in adapted(model):
        for part in ("lora_A", "lora_B"):
            getattr(layer, part).weight.data.copy_(weights[f"{_PREFIX}{name}.{part}.weight"])


def _replace(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, layer)
