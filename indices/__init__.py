"""What is kept and what is counted: intake, stores, civic answers, and the door to records."""
