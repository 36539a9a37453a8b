"""`mlops review`: a person looked at the version that serves, and says so."""

from typing import Annotated

import typer

from mlops import release_state, reviews, target, words
from mlops.audit_look import utc_now
from mlops.commands.options import LOCAL, Env, Json, Model, Version
from mlops.commands.output import Output, of
from mlops.errors import CommandError, UsageError
from mlops_constructs.naming import ReleaseParameter


def add(app: typer.Typer) -> None:
    app.command("review")(run)


def run(
    version: Version,
    note: Annotated[str, typer.Option(metavar="TEXT", help="what you looked at, and what you found; kept for ever")],
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Note that you looked at the version that serves."""
    note = " ".join(note.split())
    if not note or len(note) > reviews.LONGEST_NOTE:
        raise UsageError(f"--note: {len(note)} characters; say in 1 to {reviews.LONGEST_NOTE} what you found")
    about = target.find(env, model)
    state = release_state.read(about.clients("ssm"), about.names)
    champion = state.version(ReleaseParameter.CHAMPION)
    if version != champion:
        serves = f"version {champion} does" if champion else "nothing does"
        raise CommandError(f"{about.title}: version {version} does not serve, {serves}; a review is of what serves")
    done = reviews.put(about, state.champion, version, note, utc_now())
    next_one = reviews.due(done.at, about.settings.governance.review_days)
    after = f"the next review is due on {next_one:%Y-%m-%d}" if next_one else "no further review is asked for"
    text = f"version {version} was reviewed by {done.by} on {words.moment(done.at)} UTC; {after}"
    data = of(about, version=version, by=done.by, at=done.at, note=done.note, due=next_one, text=text)
    Output(json).answer(data, [text])
