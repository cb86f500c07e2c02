"""`python -m brats_seg` is `brats-seg`."""

from brats_seg.cli.main import main

main()
