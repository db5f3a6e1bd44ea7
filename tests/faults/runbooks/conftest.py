from __future__ import annotations

import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]

from page import Lab, Page  # noqa: E402

from installation import Stack  # noqa: E402


@pytest.fixture(scope="session")
def stack():
    made = Stack()
    yield made
    made.close()


@pytest.fixture
def lab(stack, request):
    made = Lab(stack, **{"ADMITONE_HTTP_LISTEN": "127.0.0.1:0", **getattr(request, "param", {})})
    yield made
    made.close()


@pytest.fixture
def page(lab, request):
    """The page that the test is about, by its mark."""
    return Page(lab, request.node.get_closest_marker("page").args[0])


def pytest_configure(config):
    config.addinivalue_line("markers", "page(name): the runbook whose commands the test runs")
