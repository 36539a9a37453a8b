"""What people are told: what happened, why, and what to do. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

SUBJECT_LIMIT = 99  # API reference of SNS, Publish: less than 100 characters
TITLE_LIMIT, DESCRIPTION_LIMIT = 250, 8000  # of Amazon Q Developer in chat applications

_NO_LINE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Message:
    """What is told, in the three parts that every message has. news: the subject, without where it happened."""

    where: str
    news: str
    happened: str
    why: str
    to_do: str

    @property
    def subject(self) -> str:
        """Plain ASCII on one line, as SNS takes it."""
        plain = f"{self.where}: {self.news}".encode("ascii", "replace").decode()
        return " ".join(_NO_LINE.sub(" ", plain).split())[:SUBJECT_LIMIT]

    @property
    def body(self) -> str:
        return f"What happened: {self.happened}\nWhy: {self.why}\nWhat to do: {self.to_do}\n"

    def by_protocol(self) -> str:
        """JSON for MessageStructure=json.

        https: the schema of custom notifications of Amazon Q Developer in chat applications (AWS Chatbot), for its
        usual subscription; everybody else gets plain text.
        """
        chat = {
            "version": "1.0",
            "source": "custom",
            "content": {
                "textType": "client-markdown",
                "title": f"{self.where}: {self.news}"[:TITLE_LIMIT],
                "description": f"{self.happened}\n\n*Why:* {self.why}"[:DESCRIPTION_LIMIT],
                "nextSteps": [self.to_do],
            },
        }
        return json.dumps({"default": self.body, "email": self.body, "https": json.dumps(chat)})


def sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
