"""The pages that a study ends in: scores, figures, dictionaries, matched features and where all of it comes from."""

from thresh.report.build import build_report

__all__ = ["build_report"]
