"""GDAL's messages that are no text stay off stderr; every other exception that nothing caught is shown."""

import subprocess
import sys

SCRIPT = """
import sys
from types import SimpleNamespace
from densa.cli.undecodable import hide_undecodable_messages
hide_undecodable_messages()
undecodable = UnicodeDecodeError("utf-8", b"\\x9b", 0, 1, "invalid start byte")
sys.unraisablehook(SimpleNamespace(object="rasterio._env.log_error", exc_value=undecodable))
sys.excepthook(UnicodeDecodeError, undecodable, None)
print("here", file=sys.stderr)
b"\\x9b".decode()
"""


def test_only_messages_without_a_traceback_are_hidden():
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False).stderr
    assert said.startswith("here\nTraceback")
    assert said.count("UnicodeDecodeError") == 1
