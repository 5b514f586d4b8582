"""What runs locally: the R1 engine, the embedder, presets and their weights."""

import os

# A thread that waits for the others looks for work for some tens of microseconds, then sleeps. Were
# it to spin for long, it would keep the very core that the others need on a busy machine: 1 to 2
# tokens a second on two shared cores. Were it to sleep at once, waking it for each of a token's
# hundred products would take as long as they do: 64 tokens a second became 145. OpenMP reads this
# once, when torch is loaded, so it is set before.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
