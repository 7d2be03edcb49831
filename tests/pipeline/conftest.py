"""What the pipeline's tests share with others lies in tests/conftest.py and tests/demo_hub.py."""

from tests.demo_hub import copy_of

__all__ = ["copy_of"]
