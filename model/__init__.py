"""What runs locally: the R1 engine, the embedder, presets and their weights."""

import os

# A thread that waits for the others sleeps instead of spinning. On a busy machine a spinning one
# keeps the very core that the others need: on two shared cores, 1 to 2 tokens a second became 30
# to 60. OpenMP reads this once, when torch is loaded, so it is set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
