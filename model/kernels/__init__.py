"""The operations of the engine: naive references and, later, fast twins of the same signature."""
