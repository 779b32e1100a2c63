"""What people look at: pages, charts, briefings. Views compute from a Reader and figures; templates only show."""
