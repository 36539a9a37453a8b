"""A module beside the script: the whole folder is uploaded."""


def auc(scored):
    """Share of (positive, negative) pairs in which the positive has the higher score."""
    positives = [score for score, label in scored if label]
    negatives = [score for score, label in scored if not label]
    return sum(p > n for p in positives for n in negatives) / (len(positives) * len(negatives))
