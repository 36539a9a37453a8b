"""The console page: what goes on in the local environment, live in a browser, on this machine only."""
