"""Commands that say how the installation is set up and what is wrong with it."""
