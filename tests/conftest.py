import signal

pytest_plugins = ["tests.stack", "tests.services"]

# A shell starts what runs in its background with SIGINT ignored, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
