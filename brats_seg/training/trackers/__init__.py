"""Loggers that record a training outside its run folder's own tables: Weights & Biases, TensorBoard."""
