"""The base model: texts to vectors, by the mean of what it says of each token.

It comes as a folder with the files of Hugging Face's `transformers`: nothing is fetched by name, since the containers
have no network. Its weights must be safetensors: a pickle runs whatever is in it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, List, Sequence

import torch
from torch import nn

CONFIG_FILE, TOKENIZER_FILE, WEIGHTS = "config.json", "tokenizer.json", "*.safetensors"
MAX_TOKENS = 128
"""Of a message; what follows is not read."""
BATCH = 64
LENGTH = 10.0
"""Of a text's vector: a layer on top of vectors of length 1 would learn too slowly."""


def weights(folder: Path) -> List[Path]:
    """The files of the base model's weights; raises ValueError that names what is not there."""
    for name in (CONFIG_FILE, TOKENIZER_FILE):
        if not (folder / name).is_file():
            raise ValueError(f"base model: {name} is missing; put the model's files below the parameter BaseModelUri")
    found = sorted(folder.glob(WEIGHTS))
    if not found:
        raise ValueError(f"base model: no {WEIGHTS}; weights in another format are not loaded, convert them first")
    return found


def digest(folder: Path) -> str:
    """SHA-256 of the base model's weights."""
    sha = hashlib.sha256()
    for path in weights(folder):
        sha.update(path.read_bytes())
    return sha.hexdigest()


class Encoder:
    """A base model and its tokenizer, from a folder."""

    def __init__(self, folder: Path) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        weights(folder)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
        self.model: nn.Module = AutoModel.from_pretrained(str(folder), use_safetensors=True)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device)

    @property
    def width(self) -> int:
        return int(self.model.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """A vector of length LENGTH for each text, texts × width; gradients flow where they are on."""
        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        ).to(self.device)
        hidden = self.model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        return LENGTH * nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """The same for any number of texts, without gradients or dropout."""
        self.model.eval()
        with torch.inference_mode():
            parts = [self.encode(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        return torch.cat(parts)
