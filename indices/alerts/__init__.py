"""What happens to an alert after it was raised: who acknowledged it, to whom it was sent, and whether it arrived."""
