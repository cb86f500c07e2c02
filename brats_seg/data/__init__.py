"""LightningDataModules of pipelines A and B."""

from brats_seg.data.base import BraTSDataModule
from brats_seg.data.pipeline_a import PipelineADataModule
from brats_seg.data.pipeline_b import PipelineBDataModule

__all__ = ["BraTSDataModule", "PipelineADataModule", "PipelineBDataModule"]
