"""Makes data/messages.csv: `python make_messages.py`. The same file every time.

A customer writes about two things: one is settled, the other one is open, and it decides the team. Both are there in
either order, so that the words alone do not tell which is which.
"""

import csv
import random
from pathlib import Path

SEED, OF_EACH = 2026, 6

THINGS = {
    "cards": [
        "my broken debit card",
        "the limit of my credit card",
        "the PIN of my card",
        "the card that the machine kept",
        "a second credit card for my wife",
        "the yearly fee of my credit card",
        "the expired card",
        "paying by card without contact",
        "the lost debit card",
        "a prepaid card for my son",
        "the name printed on my card",
        "using my card at a car rental",
        "the card reader that refused mine",
        "the activation of my new card",
    ],
    "fraud": [
        "the stolen identity",
        "the caller who pretended to be your employee",
        "the payment to a shop that does not exist",
        "the phishing message with your logo",
        "the theft of money from my account",
        "the scam with the rented flat",
        "the booking that I never made",
        "the stranger who changed my address",
        "the forged signature",
        "the fake investment page",
        "the criminal complaint after the swindle",
        "the suspicious codes that I keep getting",
        "the link that emptied my account",
        "the impostor who applied in my name",
    ],
    "loans": [
        "the instalments of my car loan",
        "the personal loan for the kitchen",
        "the rejected loan application",
        "paying the loan back early",
        "the interest rate of a consumer credit",
        "the guarantor of my loan",
        "the student loan",
        "two loans that should become one",
        "borrowing another five thousand",
        "the deferred loan instalment",
        "the remaining debt of the car credit",
        "the loan agreement for the motorbike",
        "the credit check before the loan",
        "a longer term for my loan",
    ],
    "mortgages": [
        "the mortgage on our house",
        "the fixed rate of the mortgage",
        "the valuation of the flat",
        "the entry in the land register",
        "the financing of a home",
        "the second part for the builder of the house",
        "selling the house before the mortgage ends",
        "the mortgage after our divorce",
        "extra repayments on the house",
        "the building insurance for the mortgage",
        "the notary's date for the house",
        "the refinancing of our home",
        "the equity in our house",
        "the offer for the property",
    ],
    "online": [
        "the password of the online banking",
        "the app that closes by itself",
        "logging in on a new phone",
        "the fingerprint in the app",
        "the web page that stays white",
        "the locked online access",
        "downloading statements in the browser",
        "the update of the banking app",
        "the code for logging in",
        "my wife's access to the portal",
        "the session that always ends",
        "the push messages of the app",
        "the user name of the portal",
        "the statements in the digital mailbox",
    ],
    "payments": [
        "the transfer that did not arrive",
        "the standing order for the rent",
        "the direct debit of the gym",
        "the wrong account number of a transfer",
        "the amount that was booked twice",
        "a transfer to Canada",
        "the returned direct debit",
        "the salary that has not come in",
        "the confirmation of a transfer",
        "the daily limit of transfers",
        "the missing reference of a payment",
        "the fee of a transfer in dollars",
        "the payment to the landlord",
        "an instant transfer to my sister",
    ],
}

SETTLED = [
    "You have solved {}, thank you",
    "There is nothing more to do about {}",
    "I no longer have questions about {}",
    "Your colleague has taken care of {}",
    "I only mention {}, that one is done",
    "We spoke about {} last week and it is fine now",
    "Please close the matter of {}",
    "All is well with {}",
]
OPEN = [
    "What I still need help with is {}",
    "Can you please look at {}",
    "Nobody has answered me about {}",
    "I am writing because of {}",
    "Who takes care of {}",
    "I am still waiting for news on {}",
    "My question is about {}",
    "It is urgent: {}",
]


def messages() -> list[tuple[str, str, str]]:
    """Case, text and team, in an order as if at random. A case is one open thing: its messages say nearly the same."""
    chance = random.Random(SEED)  # noqa: S311
    rows = []
    for team, things in THINGS.items():
        others = [thing for other, named in THINGS.items() if other != team for thing in named]
        for number, thing in enumerate(things, 1):
            for settled in chance.sample(others, OF_EACH):
                parts = [chance.choice(SETTLED).format(settled), chance.choice(OPEN).format(thing)]
                chance.shuffle(parts)
                rows.append((f"{team}-{number}", ". ".join(parts) + ".", team))
    chance.shuffle(rows)
    return rows


def main() -> None:
    with (Path(__file__).parent / "data" / "messages.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("case", "text", "team"), *messages()])


if __name__ == "__main__":
    main()
