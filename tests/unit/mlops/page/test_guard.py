"""Who may ask the page's server for something."""

import pytest

from mlops.page.guard import POLICY, Guard

GUARD = Guard(8765, "secret")
OWN = {
    "Host": "127.0.0.1:8765",
    "Origin": "http://127.0.0.1:8765",
    "Content-Type": "application/json",
    "X-Mlops-Token": "secret",
    "Sec-Fetch-Site": "same-origin",
}


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765"])
def test_the_page_itself_may_read_and_change(host: str) -> None:
    own = OWN | {"Host": host, "Origin": f"http://{host}"}

    assert GUARD.refusal("GET", {"Host": host}) == ""
    assert GUARD.refusal("POST", own) == ""


@pytest.mark.parametrize("host", ["", "evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:80", "[::1]:8765"])
def test_a_foreign_name_of_this_machine_reads_nothing(host: str) -> None:
    assert "answers for 127.0.0.1:8765" in GUARD.refusal("GET", {"Host": host})


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_of_the_browser_reads_nothing(site: str) -> None:
    assert "another site" in GUARD.refusal("GET", {"Host": OWN["Host"], "Sec-Fetch-Site": site})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Origin": "http://evil.example"}, "only the page of http://127.0.0.1:8765"),
        ({"Origin": "null"}, "only the page of"),
        ({"Origin": ""}, "only the page of"),
        ({"Origin": "http://localhost:8765"}, "only the page of"),
        ({"Content-Type": "text/plain"}, "send application/json"),
        ({"Content-Type": ""}, "send application/json"),
        ({"X-Mlops-Token": "other"}, "load the page again"),
        ({"X-Mlops-Token": ""}, "load the page again"),
        ({"X-Mlops-Token": "sécret"}, "load the page again"),
        ({"Sec-Fetch-Site": "cross-site"}, "another site"),
    ],
)
def test_nothing_but_the_page_changes_anything(change: dict[str, str], why: str) -> None:
    assert why in GUARD.refusal("POST", OWN | change)


def test_the_policy_lets_nothing_come_from_elsewhere_and_no_script_stand_in_the_page() -> None:
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
