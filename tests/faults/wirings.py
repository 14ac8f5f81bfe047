"""Marks for tests of one wiring."""

import pytest

EMBEDDED = pytest.mark.parametrize("service", ["embedded"], indirect=True)
DISTRIBUTED = pytest.mark.parametrize("service", ["distributed"], indirect=True)
