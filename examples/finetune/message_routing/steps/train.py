"""Fine-tune the base model with LoRA, and beside it teach a layer on top of the base model as it is.

Both learn from the same messages. What the second one reaches is what fine-tuning is compared with: without it nobody
could say what the adapter is worth.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence

import torch
from torch import nn

from message_routing import encoder as encoding
from message_routing import lora, messages, router
from message_routing.encoder import Encoder
from message_routing.messages import TEAMS, Message

HEAD_ROUNDS, HEAD_RATE, HEAD_DECAY = 300, 0.01, 0.1
"""Of the layer on the base model: it is small and its optimum is one, so it simply learns until it is there."""


@dataclass(frozen=True)
class Plan:
    """How the adapted model learns."""

    epochs: int
    batch: int
    rate: float
    head_rate: float
    seed: int


def base_head(encoder: Encoder, rows: Sequence[Message]) -> nn.Linear:
    """The layer on top of the base model as it is."""
    vectors = encoder.vectors([each.text for each in rows]).clone()
    labels = torch.tensor([each.label for each in rows], device=encoder.device)
    layer = router.head(encoder.width).to(encoder.device)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=HEAD_RATE, weight_decay=HEAD_DECAY)
    for _ in range(HEAD_ROUNDS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(layer(vectors), labels).backward()
        optimizer.step()
    return layer


def fine_tune(encoder: Encoder, layer: nn.Linear, rows: Sequence[Message], plan: Plan) -> List[float]:
    """Teach adapters and layer together; returns the mean loss of each epoch."""
    learning = [each for each in encoder.model.parameters() if each.requires_grad]
    groups = [{"params": learning, "lr": plan.rate}, {"params": list(layer.parameters()), "lr": plan.head_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    order = torch.Generator().manual_seed(plan.seed)
    losses = []
    for epoch in range(plan.epochs):
        encoder.model.train()
        total, start = 0.0, time.monotonic()
        for part in torch.randperm(len(rows), generator=order).split(plan.batch):
            batch = [rows[index] for index in part.tolist()]
            labels = torch.tensor([each.label for each in batch], device=encoder.device)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(layer(encoder.encode([each.text for each in batch])), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        losses.append(total / len(rows))
        print(f"epoch {epoch + 1}: loss={losses[-1]:.4f}; {time.monotonic() - start:.1f} s", flush=True)
    return losses


def parse(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fine-tune with LoRA")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=float, default=16.0)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--targets", default="query,value", help="layers that learn, by the last part of their names")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--head_rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--base_model", default="base", help="its name, for people")
    for name, variable in (("train", "SM_CHANNEL_TRAIN"), ("base", "SM_CHANNEL_BASE"), ("model_dir", "SM_MODEL_DIR")):
        parser.add_argument(f"--{name}", type=Path, default=os.environ.get(variable))
    arguments = parser.parse_args(argv)
    if None in (arguments.train, arguments.base, arguments.model_dir):
        parser.error("--train, --base and --model_dir, or their SM_ variables, are needed")
    return arguments


def main(argv: Optional[Sequence[str]] = None) -> None:
    arguments = parse(argv)
    torch.manual_seed(arguments.seed)
    rows, wrong = messages.read(messages.files(arguments.train))
    if wrong or not rows:
        raise ValueError(f"channel train: {wrong[0] if wrong else 'no messages'}")
    encoder = Encoder(arguments.base)
    plain = base_head(encoder, rows)
    how = lora.Adaptation(tuple(arguments.targets.split(",")), arguments.rank, arguments.alpha, arguments.dropout)
    lora.adapt(encoder.model, how)
    encoder.model.to(encoder.device)
    layer = router.head(encoder.width).to(encoder.device)
    plan = Plan(arguments.epochs, arguments.batch, arguments.rate, arguments.head_rate, arguments.seed)
    losses = fine_tune(encoder, layer, rows, plan)
    learning = sum(each.numel() for each in encoder.model.parameters() if each.requires_grad)
    total = sum(each.numel() for each in encoder.model.parameters())
    metadata = {
        "teams": list(TEAMS),
        "base_model": arguments.base_model,
        "base_sha256": encoding.digest(arguments.base),
        "adaptation": vars(how),
        "plan": vars(plan),
        "rows": {"train": len(rows)},
        "parameters": {"learned": learning, "all": total},
        "loss": losses,
        "device": encoder.device.type,
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
    }
    heads = {"adapted": layer.state_dict(), "base": plain.state_dict()}
    router.save(arguments.model_dir, encoder=encoder, how=how, base=arguments.base, heads=heads, metadata=metadata)
    print(f"learned {learning:,} of {total:,} parameters from {len(rows)} messages on {encoder.device.type}")
    print(f"train-loss={losses[-1]:.6f}")


if __name__ == "__main__":
    main()
