"""Every way in: the application, its routes, sign-in, limits, the scheduler, the command line, and the wiring."""
