"""The commands of ``brats-seg``, one file each."""
