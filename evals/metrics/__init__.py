"""How good rankings are: accuracy, what lies beyond it, scores against labels, and errors that no ranker may make."""

from evals.metrics.accuracy import METRICS, Judged, average_precision, f1, hit_rate, judge, mrr, ndcg, per_case, precision, recall
from evals.metrics.beyond import (
    average_popularity,
    calibration,
    coverage,
    diversity,
    genre_matrix,
    gini,
    long_tail,
    long_tail_share,
    novelty,
)
from evals.metrics.errors import ListErrors, count_errors
from evals.metrics.scores import accuracy, auc, auc_by_user, auc_of_lists

__all__ = [
    "METRICS",
    "Judged",
    "ListErrors",
    "accuracy",
    "auc",
    "auc_by_user",
    "auc_of_lists",
    "average_popularity",
    "average_precision",
    "calibration",
    "count_errors",
    "coverage",
    "diversity",
    "f1",
    "genre_matrix",
    "gini",
    "hit_rate",
    "judge",
    "long_tail",
    "long_tail_share",
    "mrr",
    "ndcg",
    "novelty",
    "per_case",
    "precision",
    "recall",
]
