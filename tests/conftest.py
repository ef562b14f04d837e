pytest_plugins = ["tests.stack", "tests.services"]
