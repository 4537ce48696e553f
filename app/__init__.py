"""The Gradio app.

This file must exist: `app.py` and `app/` share a name, and without it `import app` would find `app.py`
itself.
"""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from app.ui import build_demo

__all__ = ["build_demo"]
