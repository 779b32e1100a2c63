"""Text → annotation, pure: clean, mask, segment, keywords, entities, similar texts, classification. No store, no network."""
