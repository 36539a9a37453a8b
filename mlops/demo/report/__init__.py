"""`build/demo/report.html`: the bank's years in words and pictures, for a reader who knows nothing of AWS."""

from pathlib import Path
from typing import Any

from mlops.demo.report import after, opening, parts, watching
from mlops.demo.report.style import STYLE
from mlops.demo.report.words import GLOSSARY, Row
from monitoring import page

FILES = ("lineage.html", "card.html", "card.pdf", "audit.html", "summary.json")


def story_of(results: Row, folder: Path) -> dict[str, Any]:
    """The story that a run's results tell, as `html` takes it; links to what there is of `FILES` in the folder.

    results: summary.json's, with `rule` where it is known. The summary itself is linked to: it is written at the end.
    """
    asked = results.get("governance") or {}
    made = [name for name in FILES if name == "summary.json" or (asked and (folder / name).exists())]
    return {
        **results["monitoring"],
        "months": results["months"],
        "releases": results["releases"],
        "version_1_auc": results.get("test_auc"),
        "rule": results.get("rule"),
        "governance": asked,
        "files": made,
    }


def html(story: Row) -> str:
    """The page of a demo run; names in it are escaped.

    story: `months` as mlops.demo.chronicle makes them, one entry a month; `first_confirmed_month` (the newest loans
    that were judged when degradation was confirmed) and `known_at_the_end_of` (when that was), or None; `retrainings`
    ({month, reason, version}); `charge_off_rates` ({with, without, …, since_release: {from, with, without}});
    `releases` as in summary.json; `version_1_auc`. Where they are there: `rule` ({breaches, of}), `governance` as in
    summary.json, `files` (names of pages beside this one, to which it links), `notes` (further sentences on what is
    not as in a bank). `drift` of a month may have `limits` by feature, which colours its distances.
    """
    chapters = [each for each in (*watching.chapters(story), *after.chapters(story)) if each]
    content = [
        opening.opening(story["months"]),
        opening.answer(story),
        opening.hundreds(story),
        opening.course(story, chapters),
        opening.figures(story),
        opening.table_of(chapters),
        parts.chapters(chapters),
        after.versions(story["releases"]),
        after.honest(story),
        page.heading("Words") + parts.glossary(GLOSSARY),
        after.beside(story),
    ]
    return page.page(opening.TITLE, content, STYLE)
