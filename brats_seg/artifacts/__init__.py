"""What one stage leaves on disk for the next: run, prediction and evaluation folders, bundles, ensemble files."""
