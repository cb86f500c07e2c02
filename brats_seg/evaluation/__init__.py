"""From label maps and truth to tables."""
