"""What is known of the sources that are collected: where each stands, how it fared, what to look at next."""
