"""The register of incidents: lasting numbers, states, what people did about them, and how to take it back."""
