"""Brain tumour segmentation in MRI: the BraTS 2020 solution of Henry et al., and beyond."""

__version__ = "0.1.0"
