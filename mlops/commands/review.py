"""`mlops review`: a person looked at the version that serves, and says so."""

import argparse

from mlops import release_state, reviews, target, words
from mlops.audit_look import utc_now
from mlops.commands import options
from mlops.errors import CommandError, UsageError
from mlops_constructs.naming import ReleaseParameter


def add(commands: "options.Commands") -> None:
    parser = options.command(commands, "review", run, "note that you looked at the version that serves")
    parser.add_argument("version", type=options.positive, metavar="VERSION")
    parser.add_argument("--note", required=True, help="what you looked at, and what you found; kept for ever")


def run(arguments: argparse.Namespace) -> int:
    note = " ".join(arguments.note.split())
    if not note or len(note) > reviews.LONGEST_NOTE:
        raise UsageError(f"--note: {len(note)} characters; say in 1 to {reviews.LONGEST_NOTE} what you found")
    model, number = target.find(arguments.env, arguments.model), arguments.version
    state = release_state.read(model.clients("ssm"), model.names)
    champion = state.version(ReleaseParameter.CHAMPION)
    if number != champion:
        serves = f"version {champion} does" if champion else "nothing does"
        raise CommandError(f"{model.title}: version {number} does not serve, {serves}; a review is of what serves")
    done = reviews.put(model, state.champion, number, note, utc_now())
    next_one = reviews.due(done.at, model.settings.governance.review_days)
    after = f"the next review is due on {next_one:%Y-%m-%d}" if next_one else "no further review is asked for"
    text = f"version {number} was reviewed by {done.by} on {words.moment(done.at)} UTC; {after}"
    data = options.of(model, version=number, by=done.by, at=done.at, note=done.note, due=next_one, text=text)
    options.answer(arguments, data, [text])
    return 0
