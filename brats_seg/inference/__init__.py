"""From bundles and cases to label maps."""
