"""A static page for people: the cohort, and one page per case with a 3-D viewer."""
