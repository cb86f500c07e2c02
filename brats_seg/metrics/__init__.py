"""Scores of one case, and their mean over cases."""
