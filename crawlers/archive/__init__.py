"""What came, as it came, kept before it is read: WARC for the web, JSON lines for rows; by source and day, with checksums and an index."""
