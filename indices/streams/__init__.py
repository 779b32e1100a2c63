"""Hot-search lists of open platforms: hourly ranks, and the matters behind their titles."""
