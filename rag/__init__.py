"""From a question to a checked answer: retrieve, assemble, generate, cite, check."""
