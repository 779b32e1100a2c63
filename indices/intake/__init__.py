"""What comes in: inbox, quarantine, the worker line, the watched folder."""
