"""Where the page's files are, and the addresses under which they are served."""

from importlib.resources import files
from pathlib import Path

HERE = Path(__file__).parent
VIEWER, TRACES, PAGE, STUDIES = HERE / "viewer", HERE / "traces", HERE / "page", HERE / "studies"
PLOTLY = Path(str(files("plotly"))) / "package_data" / "plotly.min.js"


def url(path: Path) -> str:
    """The address of a file in one of the static folders."""
    return f"gradio_api/file={path}"
