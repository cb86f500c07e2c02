"""`python -m brats_seg` is `brats-seg`."""

from brats_seg.cli.main import main

if __name__ == "__main__":  # tests/docs/preloaded.py imports every module
    main()
