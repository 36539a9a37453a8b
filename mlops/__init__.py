"""The command line: the same boto3 calls against AWS and against the local AWS."""
