"""Helpers shared by the tests: fakes of the outside world that speak over real sockets."""
