"""The console page as a person uses it."""

from typing import Any

import pytest


def decide(page: Any, word: str, reason: str) -> None:
    page.get_by_role("button", name=f"{word} version 2").click()
    page.get_by_label("Why?").fill(reason)
    page.get_by_role("dialog").get_by_role("button", name=word).click()


def row(page: Any, version: int) -> Any:
    return page.locator(".versions tbody tr").filter(has=page.locator(f"td:first-child >> text='{version}'"))


def test_an_approval_is_followed_until_the_version_serves(page: Any) -> None:
    page.get_by_text("version 2 waits for approval").wait_for()

    decide(page, "Approve", "better on the newest quarter")

    page.get_by_text("Version 2 is approved and goes on").wait_for()
    page.get_by_role("heading", name="Version 2 is tried as a shadow").wait_for()
    assert page.locator(".way [aria-current]").inner_text() == "Shadow"
    page.get_by_role("img", name="Version 2 against the champion").wait_for()
    page.get_by_role("heading", name="Version 2 is tried as challenger").wait_for()
    page.get_by_role("img", name="champion 50 %, challenger 50 %").wait_for()
    page.get_by_role("heading", name="Version 2 serves").wait_for()
    assert "better on the newest quarter" in row(page, 2).inner_text()
    assert page.get_by_text("version 2 waits for approval").count() == 0


def test_requests_move_from_champion_to_challenger(page: Any) -> None:
    decide(page, "Approve", "better")

    page.get_by_role("img", name="champion 50 %, challenger 50 %").wait_for()
    page.wait_for_function(
        """() => { const part = (name) => document.querySelector(`[data-variant="${name}"]`)?.offsetWidth;
        return part("challenger") > 50 && Math.abs(part("champion") - part("challenger")) < 4 }"""
    )


def test_a_rejection_is_shown_with_its_reason(page: Any) -> None:
    decide(page, "Reject", "too few loans of 2007 in it")

    page.get_by_text("Version 2 is rejected").wait_for()
    row(page, 2).get_by_text("rejected", exact=True).wait_for()
    assert "too few loans of 2007 in it" in row(page, 2).inner_text()


def test_a_refusal_stays_in_the_dialog_with_the_reason_that_was_typed(page: Any) -> None:
    decide(page, "Approve", "refuse")

    page.get_by_role("alert").get_by_text("its registration is Failed").wait_for()
    assert page.get_by_label("Why?").input_value() == "refuse"


def test_nothing_is_decided_without_a_reason(page: Any) -> None:
    page.get_by_role("button", name="Approve version 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()

    assert page.get_by_role("dialog").is_visible()
    assert page.evaluate("document.querySelector('#decide-reason').validity.valueMissing")


def test_a_version_is_approved_by_keyboard_alone(page: Any) -> None:
    page.get_by_role("button", name="Approve version 2").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.get_by_text("Version 2 is approved and goes on").wait_for()


def test_escape_leaves_everything_as_it_was(page: Any) -> None:
    page.get_by_role("button", name="Reject version 2").click()
    page.keyboard.press("Escape")

    assert not page.get_by_role("dialog").is_visible()
    assert "waits for approval" in row(page, 2).inner_text()


def test_focus_and_what_was_opened_stay_while_the_page_goes_on(page: Any) -> None:
    decide(page, "Approve", "better")
    page.get_by_role("button", name="Reject version 2").focus()
    page.get_by_text("All 1 alarms").evaluate("each => each.parentElement.open = true")

    page.get_by_role("heading", name="Version 2 serves").wait_for()

    assert page.evaluate("document.activeElement.dataset.key") == "reject 2"
    assert page.get_by_text("All 1 alarms").evaluate("each => each.parentElement.open")


def test_what_somebody_wrote_stays_a_text(page: Any) -> None:
    assert "<img src=x" in row(page, 1).inner_text()
    assert page.title() == "loan-approval · mlops console"


def test_every_part_has_come(page: Any) -> None:
    for title in ("Steps of mlops-local-loan-approval-training", "Data drift, by subject and window", "1 alarms"):
        page.get_by_role("img", name=title).first.wait_for()
    assert page.get_by_role("img", name="Data drift").locator("text >> text=income").count() == 1
    page.get_by_role("list", name="Decisions").get_by_text("it serves").wait_for()
    page.locator("#lineage svg").wait_for(state="attached")


def test_another_model_is_chosen_and_stays_after_a_reload(page: Any) -> None:
    page.locator("#model").select_option("other-model")
    page.get_by_text("No version is registered yet").wait_for()
    page.reload()

    page.get_by_text("No version is registered yet").wait_for()
    assert page.locator("#model").input_value() == "other-model"


def test_the_page_asks_for_nothing_twice_that_has_not_changed(page: Any) -> None:
    statuses: list[int] = []
    page.on("response", lambda each: statuses.append(each.status) if "/situation" in each.url else None)
    page.wait_for_timeout(3500)

    assert len(statuses) >= 2
    assert set(statuses) == {304}


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_width_scrolls_sideways(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.get_by_role("img", name="Data drift").wait_for()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_what_is_behind_them(page: Any, scheme: str) -> None:
    """WCAG 2.1, 1.4.3: at least 4.5 to 1 for all texts of the page outside of pictures."""
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("list", name="Decisions").wait_for()
    worst = page.evaluate(
        """() => {
        const channel = (c) => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
        const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
        const parts = (text) => text.match(/[\\d.]+/g).map(Number);
        const behind = (each) => { for (; each; each = each.parentElement) {
          const found = parts(getComputedStyle(each).backgroundColor);
          if (found.length < 4 || found[3] === 1) return found; }
          return [255, 255, 255]; };
        const own = (each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        let worst = [99, ""];
        for (const each of document.querySelectorAll("body *:not(svg *)")) {
          if (!own(each) || !each.checkVisibility()) continue;
          const [a, b] = [light(parts(getComputedStyle(each).color)), light(behind(each))];
          const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          if (contrast < worst[0]) worst = [contrast, each.outerHTML.slice(0, 120)];
        }
        return worst; }"""
    )
    assert worst[0] >= 4.5, worst[1]


def test_the_page_says_when_its_server_is_gone(page: Any) -> None:
    page.route("**/api/**", lambda route: route.abort("connectionrefused"))

    page.get_by_text("does mlops console still run?").wait_for()
