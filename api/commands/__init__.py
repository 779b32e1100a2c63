"""One module a topic; each has `register(app)`. Standard library and typer at the top, everything else inside the commands."""
