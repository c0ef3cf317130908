"""A folder for homes with a database of their own.

Not pytest's tmp_path: each run of pytest by root locks everybody else out of the folder above it,
the user that the database runs as included.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def roomy_path() -> Iterator[Path]:
    """An empty folder through which everybody may pass, gone after the test."""
    path = Path(tempfile.mkdtemp(prefix="ringdove-home-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
