"""Kernels for NVIDIA GPUs, from Ada and Hopper on.

In Triton where it has the words for them: norms, append, the head, decoding, all that a prompt
takes between its products (`reading`). In CUDA C++ compiled when first used (`nvrtc`) where it has
not: a table in shared memory that every lane reads (`nf4`), codes that are operands of tensor cores
as they lie in memory (`attention`), a radix search (`scores`), blocks that wait for each other
(`sampling`). Several of these share headers (`.cuh`).
"""
