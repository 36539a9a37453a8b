"""Who may take which role, and whether what they do is recorded. As in `settings`, no field has a default."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops_constructs.frozen import FrozenModel, refuse

PrincipalArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)/[\w+=,.@/-]+)$",
        description="the ARN of an IAM role or user, or of an account: arn:aws:iam::<account>:root",
    ),
]
Principals = Annotated[tuple[PrincipalArn, ...], Field(strict=False)]


class AccessSettings(FrozenModel):
    """Who may take the roles of this environment; with an empty list the account's own policies decide."""

    data_scientists: Principals
    approvers: Principals
    operators: Principals
    auditors: Principals

    @model_validator(mode="after")
    def _different(self) -> Self:
        for name, principals in self.model_dump().items():
            if len(set(principals)) < len(principals):
                refuse(name, "a list of different principals")
        return self

    @model_validator(mode="after")
    def _who_approves_does_not_train(self) -> Self:
        for position, principal in enumerate(self.approvers):
            if principal in self.data_scientists:
                refuse(f"approvers.{position}", "somebody who is not in data_scientists: who trains may not approve")
        return self


class AuditSettings(FrozenModel):
    """What is recorded of who did what."""

    trail: bool
