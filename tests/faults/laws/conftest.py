from __future__ import annotations

import os
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]

from lab import Lab, Stack  # noqa: E402


@pytest.fixture(scope="session")
def stack():
    made = Stack(os.environ.get("ADMITONE_FAULTS_STACK", ""))
    yield made
    if not os.environ.get("ADMITONE_FAULTS_STACK"):
        made.close()


@pytest.fixture
def lab(stack, request):
    made = Lab(stack, **getattr(request, "param", {}))
    yield made
    made.close()
