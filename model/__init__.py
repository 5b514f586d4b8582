"""What runs locally: the R1 engine, the embedder, presets and their weights."""
