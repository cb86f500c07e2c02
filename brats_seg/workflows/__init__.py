"""Sequences of the plain functions of the rooms below."""
