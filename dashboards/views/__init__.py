"""What each page shows, computed from a Reader and figures. Nothing here knows HTML."""
