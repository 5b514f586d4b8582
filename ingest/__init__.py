"""From files to a library: plan, read, split, embed, commit."""
