"""The answer reaches CloudFormation, or Lambda is told."""

from __future__ import annotations

import pytest

DATA = {"Kind": "bucket", "Name": "mlops-test-data"}


def test_answer_is_sent_again_until_it_is_taken(ask, cloudformation, custom_resources, monkeypatch):
    monkeypatch.setattr(custom_resources.response_url, "PAUSES", (0.0, 0.0))
    cloudformation.refusals = 2
    ask(DATA, "Create")
    assert [request[:2] for request in cloudformation.requests] == [("/answer?Signature=s%2Fx", "")] * 3


def test_answer_that_nobody_takes_is_raised_for_lambda_to_retry(ask, cloudformation, custom_resources, monkeypatch):
    monkeypatch.setattr(custom_resources.response_url, "PAUSES", (0.0, 0.0))
    cloudformation.refusals = 3
    with pytest.raises(OSError, match="503"):
        ask(DATA, "Create")


def test_answer_goes_nowhere_but_the_web(custom_resources):
    with pytest.raises(ValueError, match="ResponseURL: 'file:///etc/passwd', expected an http"):
        custom_resources.gateway.send("file:///etc/passwd", b"")


def test_long_reason_fits_into_an_answer(custom_resources):
    request = custom_resources.request.Request("Delete", "", "", "", "", "", "bucket", "b", (), ())
    assert len(request.answer("é" * 5000)) < 8000
