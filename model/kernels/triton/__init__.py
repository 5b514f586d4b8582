"""Kernels for NVIDIA GPUs, from Ada and Hopper on.

In Triton, but for the 4-bit product: it lives by a table in shared memory that is read by every
lane, which Triton has no words for, and is CUDA C++ compiled when it is first used.
"""
