"""This process on this machine: devices, precision, processes, signals, the allocator.

The only room that touches private names of Lightning, Hydra or wandb.
"""
