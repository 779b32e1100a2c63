"""Web pages as a source: list page → detail page by selectors from a TOML file, politely, into the inbox."""
