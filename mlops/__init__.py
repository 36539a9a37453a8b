"""The command line: the same boto3 calls against AWS and against the local AWS."""

import sys
from pathlib import Path

# The checkout is not an installed package: its other two roots of packages, as app.py and the tests have them.
sys.path += [
    str(Path(__file__).resolve().parents[1] / folder)
    for folder in ("constructs", "pipeline_code")
    if str(Path(__file__).resolve().parents[1] / folder) not in sys.path
]
