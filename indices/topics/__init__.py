"""New topics: what people speak of that no class explains, from week to week."""
