"""What things are: records, label sets, figures, ports, errors, settings, identity. Standard library and pydantic only."""
