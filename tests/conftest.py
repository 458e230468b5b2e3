"""What holds for every test."""

pytest_plugins = ["tests.support.skip_policy"]
