"""What a mortgage application is: one declaration that validation, features, requests and monitoring are made from.

Left out on purpose (data/mortgages/SOURCE.md): whether mortgage insurance was denied, which knows the outcome.

What is protected, race and marital status, is kept to measure what the model does to whom. It is no input: a lender
must not decide by it (Equal Credit Opportunity Act, 15 U.S.C. 1691). A model can still decide by what other inputs tell
of it, which is why it is measured.

This module imports nothing but declarations: every step and the endpoint load it.
"""

from __future__ import annotations

from typing import Tuple

from tabular.fields import Field, Kind, Role
from tabular.task import Task

YES, NO = "yes", "no"
LABEL = "deny"
RACE = "afam"
"""The facet that reweighing makes independent of the label."""


def _number(name: str, meaning: str, minimum: float, maximum: float) -> Field:
    return Field(name, Kind.NUMERIC, Role.INPUT, meaning, minimum, maximum)


def _grade(name: str, meaning: str, *levels: str) -> Field:
    """A grade from 1 on, each with its meaning; some say that there is no history, so that they are no scale."""
    described = ", ".join(f"{number} {level}" for number, level in enumerate(levels, 1))
    return Field(name, Kind.NUMERIC, Role.INPUT, f"{meaning}: {described}", 1, len(levels), whole=True)


def _said(name: str, meaning: str, role: Role = Role.INPUT) -> Field:
    return Field(name, Kind.CATEGORICAL, role, meaning, levels=(NO, YES))


_SLOW = ("none slow", "one or two slow", "more slow", "too little history", "60 days overdue", "90 days overdue")
_LATE = ("none late", "no history", "one or two late", "more late")

FIELDS: Tuple[Field, ...] = (
    _said(LABEL, "yes if the lender denied the application", Role.OUTCOME),
    _number("pirat", "payments on all debts, as a share of income", 0, 3),
    _number("hirat", "housing expenses, as a share of income", 0, 3),
    _number("lvrat", "loan, as a share of the property's assessed value", 0, 2),
    _grade("chist", "consumer payments", *_SLOW),
    _grade("mhist", "mortgage payments", *_LATE),
    _said("phist", "yes if there is a public record of bad credit"),
    _number("unemp", "unemployment in the applicant's industry, Massachusetts 1989, percent", 0, 30),
    _said("selfemp", "yes if self-employed"),
    _said("condomin", "yes if the property is a condominium"),
    _said("hschool", "yes with a high school diploma"),
    _said(RACE, "yes if the applicant is African-American, no if white", Role.PROTECTED),
    _said("single", "yes if the applicant is single", Role.PROTECTED),
)

PROTECTED: Tuple[str, ...] = tuple(field.name for field in FIELDS if field.role is Role.PROTECTED)
TASK = Task(FIELDS, positive=YES, row="application", called="denied")
INPUTS, FORM, ENCODER = TASK.inputs, TASK.form, TASK.encoder
